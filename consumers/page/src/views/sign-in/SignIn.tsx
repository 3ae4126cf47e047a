/** Sign in by an access token, or by the organisation's sign-on where the API has one. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError, address, signIn, signOn } from "../../api";
import { Button, Field } from "../../parts";
import { Mark } from "../../shell/Header";
import { encode, parameter, place } from "../../url";

/** Why a sign-on led back here, by the code that the API tells. */
const FAILED: Readonly<Record<string, string>> = {
  state: "The sign-in took too long, or was begun in another browser. Try again.",
  refused: "The sign-in was refused or cancelled at the provider.",
  not_trusted: "What the provider answered cannot be trusted. An administrator finds the reason in the API's log.",
  provider_away: "The provider does not answer. Try again later, or sign in with an access token.",
};

export function SignIn({ inPlace = false }: { inPlace?: boolean }) {
  const access_token = useSignal("");
  const error = useSignal<string | null>(null);
  const busy = useSignal(false);
  const failed = parameter("error");
  const oidc = useSignal<{ name: string; url: string } | null>(null);
  useEffect(() => {
    signOn()
      .then((answer) => {
        oidc.value = answer.oidc;
      })
      .catch(() => undefined); // then there is the access token only
  }, [oidc]);
  const submit = async (event: Event) => {
    event.preventDefault();
    busy.value = true;
    error.value = null;
    try {
      await signIn(access_token.value.trim());
      access_token.value = "";
    } catch (caught) {
      error.value = caught instanceof ApiError ? caught.message : "The API cannot be reached.";
    } finally {
      busy.value = false;
    }
  };
  return (
    <form class="sign-in" onSubmit={submit} aria-label="Sign in">
      {inPlace ? null : (
        <h1>
          <Mark /> Runfold
        </h1>
      )}
      {failed === "" ? null : (
        <p class="error" role="alert">
          {FAILED[failed] ?? `The sign-in failed (${failed}).`}
        </p>
      )}
      {oidc.value === null ? null : (
        <>
          <a class="button primary" href={address(oidc.value.url, { return_to: onwards() })}>
            Sign in with {oidc.value.name}
          </a>
          <p class="or">or</p>
        </>
      )}
      <Field
        label="Access token"
        type="password"
        autoComplete="off"
        spellcheck={false}
        required
        placeholder="rft_…"
        value={access_token.value}
        onInput={(value) => {
          access_token.value = value;
        }}
        error={error.value}
        hint="`runfold access-tokens` makes one; of the local stack `runfold status` shows an address that signs in."
      />
      <Button
        kind={oidc.value === null ? "primary" : "plain"}
        type="submit"
        disabled={busy.value || access_token.value.trim() === ""}
      >
        Sign in
      </Button>
    </form>
  );
}

/** Where one wanted to go. */
function onwards(): string {
  if (place.peek().view !== "sign-in") return encode(place.peek());
  const next = parameter("next") || parameter("return_to");
  return next.startsWith("/w/") ? next : "/";
}
