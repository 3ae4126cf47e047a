"""Sign-on by an OpenID Connect provider: authorization code with PKCE, state and nonce. Sole importer of authlib,
joserfc and httpx.

Checked before anybody is let in: the state is one that this browser began with within SIGN_ON_SECONDS_MAX, once; the
ID token is signed by a key of the provider with an asymmetric algorithm; issuer, audience, authorised party, expiry,
nonce. What the provider says about itself (discovery) and its keys are remembered for DISCOVERY_SECONDS; an unknown
key is asked for anew, at most every KEYS_SECONDS_MIN.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

with warnings.catch_warnings():
    import authlib.deprecate  # noqa: F401 sets a filter of its own, before ours

    warnings.simplefilter("ignore")  # authlib would rather have a successor of httpx that is not out yet
    from authlib.common.security import generate_token
    from authlib.integrations.base_client import OAuthError
    from authlib.integrations.httpx_client import AsyncOAuth2Client
    from authlib.oidc.core import CodeIDToken

from runfold_schemas.settings import Settings, SettingsError

CALLBACK = "/v1/sign-on/oidc/callback"
SIGN_ON_SECONDS_MAX = 600
DISCOVERY_SECONDS = 3600.0
KEYS_SECONDS_MIN = 30.0
LEEWAY_SECONDS = 60
GROUPS_MAX = 1000
_TIMEOUT_SECONDS = 10.0
_ANSWER_BYTES_MAX = 1 << 20
_ALGORITHMS = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
)
_LOCAL = ("localhost", "127.0.0.1", "::1")


class SignOnError(Exception):
    """Nobody signs on; `code` is for programs: `provider_away`, `refused`, `not_trusted`; the text for the log."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Begun(NamedTuple):
    """A sign-on that begins: where the browser goes, and what must come back."""

    url: str
    state: str
    nonce: str
    code_verifier: str


class Person(NamedTuple):
    """Who signed on, as the provider says."""

    subject: str
    email: str | None
    """Verified, in lower case; None where there is none."""
    groups: tuple[str, ...]
    name: str
    """As audits and events name them: the address, else the user name, else the subject."""


class Provider:
    """An OpenID Connect provider."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError where the settings do not make one."""
        self.name = settings.oidc_name
        self._issuer = settings.need("oidc_issuer")
        self._client_id = settings.need("oidc_client_id")
        self._client_secret = _secret(settings)
        self._scopes = settings.oidc_scopes
        self._groups_claim = settings.oidc_groups_claim
        address = settings.public_address or settings.api
        if not address:
            raise SettingsError(
                "RUNFOLD_PUBLIC_ADDRESS is not set, the address at which browsers reach the API; the sign-on provider "
                "of RUNFOLD_OIDC_ISSUER sends them back to it"
            )
        self.redirect_uri = address.rstrip("/") + CALLBACK
        for setting, url in (("OIDC_ISSUER", self._issuer), ("PUBLIC_ADDRESS", address)):
            if not _is_safe(url):
                raise SettingsError(
                    f"RUNFOLD_{setting} is {url!r}; allowed is https://..., and http:// on this machine alone"
                )
        self._metadata: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None

    async def begin(self) -> Begun:
        """Where to send the browser. Raises SignOnError while the provider is away."""
        metadata = await self._discovered()
        nonce, code_verifier = generate_token(43), generate_token(64)
        async with self._client(metadata) as client:
            url, state = client.create_authorization_url(
                metadata["authorization_endpoint"],
                state=generate_token(43),
                nonce=nonce,
                code_verifier=code_verifier,
            )
        return Begun(url, state, nonce, code_verifier)

    async def finish(self, code: str, nonce: str, code_verifier: str, issuer: str | None) -> Person:
        """Exchanges the code that came back, and checks all that the provider says.

        Args:
            code: of the callback.
            nonce: that the sign-on began with.
            code_verifier: that it began with.
            issuer: `iss` of the callback (RFC 9207), where it was said.

        Raises:
            SignOnError: the provider is away, refuses the code, or says what cannot be trusted.
        """
        if issuer is not None and issuer != self._issuer:
            raise SignOnError("not_trusted", f"the answer is of issuer {issuer!r}, not {self._issuer!r}")
        metadata = await self._discovered()
        if issuer is None and metadata.get("authorization_response_iss_parameter_supported"):
            raise SignOnError(
                "not_trusted", "the answer names no issuer, although the provider says that it always does"
            )
        try:
            async with self._client(metadata) as client:
                told = await client.fetch_token(
                    metadata["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=code_verifier,
                )
        except OAuthError as error:
            raise SignOnError("refused", f"the provider refuses the code: {error}") from error
        except (httpx.HTTPError, ValueError) as error:
            raise SignOnError("provider_away", f"{metadata['token_endpoint']}: {error!r}") from error
        if not isinstance(told.get("id_token"), str):
            raise SignOnError("not_trusted", "the provider sent no ID token; RUNFOLD_OIDC_SCOPES needs openid")
        claims = await self._checked(metadata, told["id_token"], nonce, told.get("access_token"))
        return self._person(await self._completed(metadata, claims, told.get("access_token")))

    def _client(self, metadata: Mapping[str, Any]) -> Any:
        methods = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if self._client_secret is None:
            method = "none"
        else:
            method = "client_secret_basic" if "client_secret_basic" in methods else "client_secret_post"
        return AsyncOAuth2Client(
            self._client_id,
            self._client_secret,
            token_endpoint_auth_method=method,
            scope=self._scopes,
            redirect_uri=self.redirect_uri,
            code_challenge_method="S256",
            timeout=_TIMEOUT_SECONDS,
            follow_redirects=False,
        )

    async def _discovered(self) -> dict[str, Any]:
        if self._metadata is not None and time.monotonic() - self._metadata[0] < DISCOVERY_SECONDS:
            return self._metadata[1]
        metadata = await _asked(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        if metadata.get("issuer") != self._issuer:
            raise SignOnError(
                "not_trusted", f"the provider calls itself {metadata.get('issuer')!r}, not {self._issuer!r}"
            )
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not isinstance(metadata.get(name), str) or not _is_safe(metadata[name]):
                raise SignOnError("not_trusted", f"{name} of the provider is {metadata.get(name)!r}")
        self._metadata = (time.monotonic(), metadata)
        return metadata

    async def _key_set(self, metadata: Mapping[str, Any], *, anew: bool = False) -> KeySet:
        now = time.monotonic()
        least = KEYS_SECONDS_MIN if anew else DISCOVERY_SECONDS
        if self._keys is None or now - self._keys[0] >= least:
            try:
                self._keys = (now, KeySet.import_key_set(await _asked(metadata["jwks_uri"])))  # type: ignore[arg-type]
            except (JoseError, ValueError, KeyError, TypeError) as error:
                raise SignOnError("not_trusted", f"the provider's keys cannot be read: {error!r}") from error
        return self._keys[1]

    async def _checked(
        self, metadata: Mapping[str, Any], id_token: str, nonce: str, access_token: str | None
    ) -> dict[str, Any]:
        said = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        try:
            algorithms = sorted(_ALGORITHMS & set(said))
            if not algorithms:
                raise ValueError(f"the provider signs by {said!r}; allowed are {', '.join(sorted(_ALGORITHMS))}")
            try:
                token = jwt.decode(id_token, await self._key_set(metadata), algorithms=algorithms)
            except (JoseError, ValueError):  # signed by a key that is new
                token = jwt.decode(id_token, await self._key_set(metadata, anew=True), algorithms=algorithms)
            options: dict[str, Any] = {
                "iss": {"essential": True, "value": self._issuer},
                "aud": {"essential": True, "value": self._client_id},
                "exp": {"essential": True},
                "sub": {"essential": True},
            }
            params = {"nonce": nonce, "client_id": self._client_id, "access_token": access_token}
            claims = CodeIDToken(token.claims, token.header, options, params)
            claims.validate(leeway=LEEWAY_SECONDS)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise SignOnError("not_trusted", f"the ID token does not hold: {error!r}") from error
        if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
            raise SignOnError("not_trusted", "the subject of the ID token is no text of 1 to 255 characters")
        return dict(claims)

    async def _completed(
        self, metadata: Mapping[str, Any], claims: dict[str, Any], access_token: str | None
    ) -> dict[str, Any]:
        """The claims, with those of the userinfo endpoint where address or groups stand there alone."""
        endpoint = metadata.get("userinfo_endpoint")
        if (
            ("email" in claims and self._groups_of(claims))
            or not endpoint
            or not access_token
            or not _is_safe(endpoint)
        ):
            return claims
        told = await _asked(endpoint, {"Authorization": f"Bearer {access_token}"})
        if told.get("sub") != claims["sub"]:
            raise SignOnError("not_trusted", "the userinfo endpoint speaks about somebody else than the ID token")
        merged = {**told, **claims}
        if "email" not in claims or claims["email"] != told.get("email"):  # verified is what the same answer names
            merged["email_verified"] = (claims if "email" in claims else told).get("email_verified")
        return merged

    def _person(self, claims: Mapping[str, Any]) -> Person:
        email = claims.get("email")
        verified = isinstance(email, str) and claims.get("email_verified") in (True, "true")
        address = str(email).lower() if verified else None
        user = claims.get("preferred_username")
        shown = address or (user if isinstance(user, str) and user and "@" not in user else None) or claims["sub"]
        return Person(claims["sub"], address, tuple(self._groups_of(claims)), str(shown)[:256])

    def _groups_of(self, claims: Mapping[str, Any]) -> Sequence[str]:
        """Groups; the claim's name may lead through objects, as `realm_access.roles` does."""
        found: Any = claims.get(self._groups_claim)
        if found is None:
            found = claims
            for part in self._groups_claim.split("."):
                found = found.get(part) if isinstance(found, Mapping) else None
        groups = [found] if isinstance(found, str) else found if isinstance(found, list) else []
        return [group for group in groups if isinstance(group, str) and group][:GROUPS_MAX]


async def _asked(url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    try:
        asked = {"Accept": "application/json", **(headers or {})}
        body = b""
        async with (
            httpx.AsyncClient(timeout=_TIMEOUT_SECONDS) as client,
            client.stream("GET", url, headers=asked) as answer,
        ):
            answer.raise_for_status()
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > _ANSWER_BYTES_MAX:
                    raise ValueError(f"an answer of more than {_ANSWER_BYTES_MAX} bytes")
        told = json.loads(body)
    except (httpx.HTTPError, ValueError) as error:
        raise SignOnError("provider_away", f"{url}: {error!r}") from error
    if not isinstance(told, dict):
        raise SignOnError("not_trusted", f"{url} answers with no JSON object")
    return told


def _secret(settings: Settings) -> str | None:
    if settings.oidc_client_secret is not None:
        return settings.oidc_client_secret.get_secret_value()
    if settings.oidc_client_secret_file is None:
        return None
    try:
        return settings.oidc_client_secret_file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise SettingsError(f"RUNFOLD_OIDC_CLIENT_SECRET_FILE cannot be read: {error}") from None


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL))
