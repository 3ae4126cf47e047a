"""azureml.core.authentication: accepted where a Workspace is made, and unused there.

Who may do what is decided by the access token of the query API (RUNFOLD_ACCESS_TOKEN) and by Kafka's own login. Nothing
of what these are given is kept, passwords least of all.
"""

from __future__ import annotations

from typing import Any

from runfold.exceptions import AuthenticationException


class AbstractAuthentication:
    """What the ways to log in share."""

    def get_authentication_header(self) -> dict[str, str]:
        """The header for requests to Runfold's query API.

        :raises AuthenticationException: There is no access token.
        """
        return {"Authorization": f"Bearer {_access_token()}"}

    def get_token(self, *scopes: str, **kwargs: Any) -> str:
        """The access token of Runfold's query API.

        :raises AuthenticationException: There is none.
        """
        return _access_token()


class InteractiveLoginAuthentication(AbstractAuthentication):
    """Asks nobody for a login.

    :param force: Accepted, as the rest is.
    """

    def __init__(self, force: bool = False, tenant_id: str | None = None, cloud: str | None = None) -> None:
        del force, tenant_id, cloud


class ServicePrincipalAuthentication(AbstractAuthentication):
    """Accepts a service principal.

    :param service_principal_password: Not kept.
    """

    def __init__(
        self,
        tenant_id: str,
        service_principal_id: str,
        service_principal_password: str,
        cloud: str = "AzureCloud",
        _enable_caching: bool = True,
    ) -> None:
        del tenant_id, service_principal_id, service_principal_password, cloud, _enable_caching


class MsiAuthentication(AbstractAuthentication):
    """Accepts a managed identity."""

    def __init__(self, identity_config: object = None, cloud: str | None = None) -> None:
        del identity_config, cloud


class AzureCliAuthentication(AbstractAuthentication):
    """Does not look for the Azure CLI."""

    def __init__(self, cloud: str | None = None) -> None:
        del cloud


class ArmTokenAuthentication(AbstractAuthentication):
    """Accepts a token, which is not kept."""

    def __init__(self, arm_access_token: str, cloud: str | None = None) -> None:
        del arm_access_token, cloud

    def update_arm_access_token(self, new_arm_access_token: str) -> None:
        """Accepts another one."""
        del new_arm_access_token


class TokenAuthentication(AbstractAuthentication):
    """Accepts a function that gives tokens; it is not called."""

    def __init__(self, get_token_for_audience: object, cloud: str | None = None) -> None:
        del get_token_for_audience, cloud


def _access_token() -> str:
    from runfold_schemas.settings import Settings, SettingsError

    try:
        return Settings.load().need("access_token")
    except SettingsError as error:
        raise AuthenticationException(str(error), inner_exception=error) from error
