"""The settings that rooms share, by one order: argument, environment `RUNFOLD_*`, config file,
`$RUNFOLD_HOME/stack.json`.

Imported lazily, since pydantic is: a training process pays for it when its shipper or a read starts. `runfold up`
writes stack.json (mode 0600), so a script on the same machine needs no configuration. Keys of both files are the
setting names in lower case without `RUNFOLD_`; other keys in stack.json are the stack's own and ignored.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from runfold_schemas.home import home as home
from runfold_schemas.limits import SHIPPING_THREADS_MAX


class SettingsError(ValueError):
    """A setting is wrong or missing; the text names it, its value unless it is secret, and what is allowed."""


class Settings(BaseSettings):
    """All settings of client and server. Load it by `Settings.load`."""

    model_config = SettingsConfigDict(env_prefix="RUNFOLD_", env_ignore_empty=True, extra="ignore", frozen=True)

    kafka: str | None = Field(None, description="Kafka's bootstrap addresses, host:port, with commas between them.")
    topic_prefix: str = Field("runfold", description="First part of every topic's name.")
    api: str | None = Field(None, description="Address of the query API, http:// or https://.")
    access_token: SecretStr | None = Field(None, description="Access token for the query API.")
    workspace: str | None = Field(None, description="Name of the workspace.")
    experiment: str | None = Field(None, description="Name of the experiment.")
    run_id: str | None = Field(None, description="Id of the run that a job is part of.")
    attempt: int | None = Field(None, ge=0, description="Which start of the job this is; 0 where nothing says so.")
    journal: Path | None = Field(
        None, description="Folder of the journals; $RUNFOLD_HOME/journals where it is not set."
    )
    exit_deadline_s: float = Field(10.0, ge=0, allow_inf_nan=False, description="Seconds a process waits at its end.")
    decision_wait_s: float = Field(10.0, ge=0, allow_inf_nan=False, description="Seconds add_properties waits.")
    not_before: str | None = Field(None, description="Watermark that every read waits for.")
    shipping: Literal["thread", "node"] | None = Field(
        None,
        description="Who sends a process's journal: a thread in it, or the node's `runfold ship`. Where it is not set, "
        f"a thread in jobs of up to {SHIPPING_THREADS_MAX} processes.",
    )
    secrets: str = Field(
        "environment,files,keyring,vault",
        description="Providers that are asked for secrets, in this order, with commas between them.",
    )
    secrets_directory: Path | None = Field(
        None, description="Folder with a file for each secret, as Kubernetes and Docker mount them."
    )
    vault_path: str = Field(
        "secret/runfold/{workspace}",
        description="Where HashiCorp Vault keeps secrets: mount of a KV version 2 engine / path. Address and token are "
        "Vault's own VAULT_ADDR, VAULT_TOKEN and VAULT_NAMESPACE.",
    )
    heartbeat_s: float = Field(
        24.0,
        gt=0,
        allow_inf_nan=False,
        description="Seconds of silence after which a sign of life of a run is sent; it holds five times as long.",
    )
    cancel_grace_s: float = Field(
        10.0,
        ge=0,
        le=3600,
        allow_inf_nan=False,
        description="Seconds that a submitted script has for its end when it is cancelled, before it is killed.",
    )
    compute_aliases: str = Field(
        "",
        description="Names that mean a compute target, `cpu-cluster=local`, with commas between them.",
    )
    mpirun: str | None = Field(
        None,
        description="Program that starts the ranks of submitted MPI jobs, 1 for the mpirun on the PATH; where it is "
        "not set, the job's supervisor starts them.",
    )
    workspaces: str | dict[str, str] | None = Field(
        None,
        description="Which workspaces of the ledger those of Azure mean: `name=ledger-name` with commas between them, "
        "or a JSON object; a name is subscription/group/workspace, group/workspace, workspace or *.",
    )
    limits: Literal["azureml"] | None = Field(
        None,
        description="azureml refuses, in this process, what exceeds the hosted service's quotas; else there are none.",
    )
    log: Literal["text", "json"] = Field(
        "text", description="Form of the lines that services write to standard error: for people, or for machines."
    )
    postgres: SecretStr | None = Field(None, description="Connection string of Postgres; it carries the password.")
    s3_address: str | None = Field(None, description="Address of the object store, http:// or https://.")
    s3_key: str | None = Field(None, description="Access key of the object store.")
    s3_secret: SecretStr | None = Field(None, description="Secret key of the object store.")
    s3_bucket: str = Field("runfold", description="Bucket of the object store.")
    public_address: str | None = Field(
        None,
        description="Address at which browsers reach the API, https://host, where it is not RUNFOLD_API's. The sign-on "
        "provider sends them back to it.",
    )
    oidc_issuer: str | None = Field(
        None, description="Issuer of an OpenID Connect provider, https://...; where it is set, people sign on there."
    )
    oidc_client_id: str | None = Field(None, description="What the provider calls this API.")
    oidc_client_secret: SecretStr | None = Field(None, description="Secret of the client; none for a public client.")
    oidc_client_secret_file: Path | None = Field(None, description="File that holds the secret of the client.")
    oidc_name: str = Field("single sign-on", description="What the sign-in page calls the provider.")
    oidc_scopes: str = Field("openid email profile", description="Scopes that the provider is asked for.")
    oidc_groups_claim: str = Field("groups", description="Claim of the ID token that lists the groups of a person.")
    session_h: float = Field(
        12.0, gt=0, le=8760, allow_inf_nan=False, description="Hours after which a session at the page ends."
    )
    session_idle_h: float = Field(
        2.0, gt=0, le=8760, allow_inf_nan=False, description="Hours without a request after which a session ends."
    )
    rate_limit: str = Field(
        "12000/minute",
        description="Requests of a principal that one API process answers: `n/second`, `n/minute`, `n/hour`, with `;` "
        "between several.",
    )
    rate_limit_failed: str = Field(
        "600/minute",
        description="Wrong access tokens and sign-ins from one address before it is answered 429; as "
        "RUNFOLD_RATE_LIMIT.",
    )
    cors_origins: str = Field(
        "", description="Origins whose pages may ask the API with an access token, with commas between them; none."
    )
    trusted_proxies: str = Field(
        "",
        description="Addresses or networks of proxies whose X-Forwarded-For and -Proto are believed, with commas "
        "between them; none.",
    )
    tls_certificate: Path | None = Field(None, description="File of the API's certificate chain, PEM: serve TLS.")
    tls_key: Path | None = Field(None, description="File of its private key, PEM.")
    tls_version_min: Literal["1.2", "1.3"] = Field("1.2", description="Least version of TLS that is spoken.")
    audit_reads: bool = Field(False, description="Keep a row of every request that reads, beside administrative acts.")
    sql_seconds_max: float = Field(
        30.0, gt=0, le=3600, allow_inf_nan=False, description="Seconds that a query of POST /sql may take."
    )

    @classmethod
    def load(cls, config_file: str | os.PathLike[str] | None = None, **arguments: Any) -> Settings:
        """Settings in the order argument, environment, config file, stack.json.

        Args:
            config_file: path of a JSON file with settings; None for none. It must exist when named.
            arguments: settings by field name; None means "not given here".

        Raises:
            SettingsError: a file cannot be read, or a setting has a value that is not allowed.
        """
        unknown = sorted(set(arguments) - set(cls.model_fields))
        if unknown:
            raise SettingsError(f"no setting is named {', '.join(unknown)}; there are {', '.join(cls.model_fields)}")
        files = [_read(Path(config_file), must_exist=True) if config_file is not None else {}]
        files.append(_read(home() / "stack.json", must_exist=False))

        class Loaded(cls):  # type: ignore[misc, valid-type]
            @classmethod
            def settings_customise_sources(
                cls,
                settings_cls: type[BaseSettings],
                init_settings: PydanticBaseSettingsSource,
                env_settings: PydanticBaseSettingsSource,
                dotenv_settings: PydanticBaseSettingsSource,
                file_secret_settings: PydanticBaseSettingsSource,
            ) -> tuple[PydanticBaseSettingsSource, ...]:
                return init_settings, env_settings, *(InitSettingsSource(settings_cls, file) for file in files)

        try:
            loaded = Loaded(**{name: value for name, value in arguments.items() if value is not None})
        except ValidationError as error:
            raise SettingsError(_explained(cls, error)) from None
        return cls.model_construct(**{name: getattr(loaded, name) for name in cls.model_fields})

    def need(self, name: str) -> str:
        """The value of a setting that must be there, secrets in plain text.

        Raises:
            SettingsError: it is not set; the text says how to set it.
        """
        value = getattr(self, name)
        if value is None:
            about = type(self).model_fields[name].description
            raise SettingsError(
                f"RUNFOLD_{name.upper()} is not set ({_about(about)}). Set it in the environment or a config file, "
                f"or start the local stack with: runfold up"
            )
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)

    def ships_in_process(self, world_size: int | None) -> bool:
        """Whether a process of a job of that many sends its journal by a thread of its own."""
        if self.shipping is not None:
            return self.shipping == "thread"
        return world_size is None or world_size <= SHIPPING_THREADS_MAX

    def journals(self) -> Path:
        """Folder under which each writer has its journal."""
        return self.journal if self.journal is not None else home() / "journals"


def _read(path: Path, *, must_exist: bool) -> dict[str, Any]:
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if must_exist:
            raise SettingsError(f"config file {path} does not exist") from None
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read as JSON: {error}") from None
    if not isinstance(body, dict):
        raise SettingsError(f"{path} must hold a JSON object of settings, it holds a {type(body).__name__}")
    return {name: value for name, value in body.items() if value is not None}


def _explained(settings: type[Settings], error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_url=False):
        name = str(problem["loc"][0]) if problem["loc"] else "?"
        field = settings.model_fields.get(name)
        secret = field is None or "SecretStr" in str(field.annotation)
        shown = "a secret value" if secret else repr(problem["input"])
        about = f" ({_about(field.description)})" if field else ""
        lines.append(f"RUNFOLD_{name.upper()}{about}: {shown} is not allowed: {problem['msg']}")
    return "; ".join(lines)


def _about(description: str | None) -> str:
    return (description or "").rstrip(".")
