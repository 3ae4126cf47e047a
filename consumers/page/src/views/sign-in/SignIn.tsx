/** Sign in by an access token, or by the organisation's sign-on where the API has one. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError, address, signIn, signOn } from "../../api";
import { Button, Field } from "../../parts";
import { Mark } from "../../shell/Header";
import { encode, parameter, place } from "../../url";

export function SignIn({ inPlace = false }: { inPlace?: boolean }) {
  const access_token = useSignal("");
  const error = useSignal<string | null>(null);
  const busy = useSignal(false);
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
  const next = parameter("next");
  return next.startsWith("/w/") ? next : "/";
}
