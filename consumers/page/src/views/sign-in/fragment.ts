/** An access token handed over in the address's fragment, which no server and no log sees. */

/** The access token of `#access_token=`, or null. Removes it from the address and from this entry of the history. */
export function accessTokenOfAddress(): string | null {
  const access_token = accessTokenIn(location.hash);
  if (access_token !== null) history.replaceState(null, "", location.pathname + location.search);
  return access_token;
}

/** The access token that a fragment names, or null. */
export function accessTokenIn(fragment: string): string | null {
  return new URLSearchParams(fragment.replace(/^#/, "")).get("access_token") || null;
}
