"""Datastore.register_*: definitions of places where data is. Secrets go to providers of secrets, never into events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import definitions

if TYPE_CHECKING:
    from runfold.workspace import Workspace

    from .datastore import Datastore


class Registering:
    """The original's ways to make a datastore known, and one more: by a URL."""

    @staticmethod
    def register_azure_blob_container(
        workspace: Workspace,
        datastore_name: str,
        container_name: str,
        account_name: str,
        sas_token: str | None = None,
        account_key: str | None = None,
        protocol: str | None = None,
        endpoint: str | None = None,
        overwrite: bool = False,
        create_if_not_exists: bool = False,
        skip_validation: bool = False,
        blob_cache_timeout: int | None = None,
        grant_workspace_access: bool = False,
        subscription_id: str | None = None,
        resource_group: str | None = None,
    ) -> Datastore:
        """Makes an Azure Blob container known under a name.

        :param sas_token: Kept by the first provider of secrets that can, never in an event; so are all secrets.
        :param overwrite: Whether another definition of that name is replaced.
        :raises UserErrorException: The name is not allowed, or taken.
        """
        definition = {
            "container_name": container_name,
            "account_name": account_name,
            "protocol": protocol,
            "endpoint": endpoint,
        }
        return register(
            workspace,
            datastore_name,
            "AzureBlob",
            definition,
            {"sas_token": sas_token, "account_key": account_key},
            overwrite,
        )

    @staticmethod
    def register_azure_data_lake(
        workspace: Workspace,
        datastore_name: str,
        store_name: str,
        tenant_id: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        resource_url: str | None = None,
        authority_url: str | None = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        overwrite: bool = False,
        grant_workspace_access: bool = False,
    ) -> Datastore:
        """Makes an Azure Data Lake Store, first generation known under a name.

        :param client_secret: Kept by the first provider of secrets that can, never in an event; so are all secrets.
        :param overwrite: Whether another definition of that name is replaced.
        :raises UserErrorException: The name is not allowed, or taken.
        """
        definition = {
            "store_name": store_name,
            "tenant_id": tenant_id,
            "client_id": client_id,
            "resource_url": resource_url,
            "authority_url": authority_url,
        }
        return register(
            workspace, datastore_name, "AzureDataLake", definition, {"client_secret": client_secret}, overwrite
        )

    @staticmethod
    def register_azure_data_lake_gen2(
        workspace: Workspace,
        datastore_name: str,
        filesystem: str,
        account_name: str,
        tenant_id: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        resource_url: str | None = None,
        authority_url: str | None = None,
        protocol: str | None = None,
        endpoint: str | None = None,
        overwrite: bool = False,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        grant_workspace_access: bool = False,
    ) -> Datastore:
        """Makes an Azure Data Lake Storage, second generation known under a name.

        :param client_secret: Kept by the first provider of secrets that can, never in an event; so are all secrets.
        :param overwrite: Whether another definition of that name is replaced.
        :raises UserErrorException: The name is not allowed, or taken.
        """
        definition = {
            "container_name": filesystem,
            "account_name": account_name,
            "tenant_id": tenant_id,
            "client_id": client_id,
            "resource_url": resource_url,
            "authority_url": authority_url,
            "protocol": protocol,
            "endpoint": endpoint,
        }
        return register(
            workspace, datastore_name, "AzureDataLakeGen2", definition, {"client_secret": client_secret}, overwrite
        )

    @staticmethod
    def register_azure_file_share(
        workspace: Workspace,
        datastore_name: str,
        file_share_name: str,
        account_name: str,
        sas_token: str | None = None,
        account_key: str | None = None,
        protocol: str | None = None,
        endpoint: str | None = None,
        overwrite: bool = False,
        create_if_not_exists: bool = False,
        skip_validation: bool = False,
    ) -> Datastore:
        """Makes a share of Azure Files known under a name.

        :param sas_token: Kept by the first provider of secrets that can, never in an event; so are all secrets.
        :param overwrite: Whether another definition of that name is replaced.
        :raises UserErrorException: The name is not allowed, or taken.
        """
        definition = {
            "container_name": file_share_name,
            "account_name": account_name,
            "protocol": protocol,
            "endpoint": endpoint,
        }
        return register(
            workspace,
            datastore_name,
            "AzureFile",
            definition,
            {"sas_token": sas_token, "account_key": account_key},
            overwrite,
        )

    @staticmethod
    def register_azure_my_sql(
        workspace: Workspace,
        datastore_name: str,
        server_name: str,
        database_name: str,
        user_id: str,
        user_password: str,
        port_number: str | int | None = None,
        endpoint: str | None = None,
        overwrite: bool = False,
        **kwargs: Any,
    ) -> Datastore:
        """Makes a MySQL database known under a name.

        :param user_password: Kept by the first provider of secrets that can, never in an event; so are all secrets.
        :param overwrite: Whether another definition of that name is replaced.
        :raises UserErrorException: The name is not allowed, or taken.
        """
        definition = {
            "server_name": server_name,
            "database_name": database_name,
            "user_id": user_id,
            "port_number": port_number,
            "endpoint": endpoint,
        }
        return register(
            workspace, datastore_name, "AzureMySql", definition, {"user_password": user_password}, overwrite
        )

    @staticmethod
    def register_azure_postgre_sql(
        workspace: Workspace,
        datastore_name: str,
        server_name: str,
        database_name: str,
        user_id: str,
        user_password: str,
        port_number: str | int | None = None,
        endpoint: str | None = None,
        overwrite: bool = False,
        enforce_ssl: bool = True,
        **kwargs: Any,
    ) -> Datastore:
        """Makes a PostgreSQL database known under a name.

        :param user_password: Kept by the first provider of secrets that can, never in an event; so are all secrets.
        :param overwrite: Whether another definition of that name is replaced.
        :raises UserErrorException: The name is not allowed, or taken.
        """
        definition = {
            "server_name": server_name,
            "database_name": database_name,
            "user_id": user_id,
            "port_number": port_number,
            "endpoint": endpoint,
            "enforce_ssl": enforce_ssl,
        }
        return register(
            workspace, datastore_name, "AzurePostgreSql", definition, {"user_password": user_password}, overwrite
        )

    @staticmethod
    def register_azure_sql_database(
        workspace: Workspace,
        datastore_name: str,
        server_name: str,
        database_name: str,
        tenant_id: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        resource_url: str | None = None,
        authority_url: str | None = None,
        endpoint: str | None = None,
        overwrite: bool = False,
        username: str | None = None,
        password: str | None = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        grant_workspace_access: bool = False,
        **kwargs: Any,
    ) -> Datastore:
        """Makes a Microsoft SQL Server database known under a name.

        :param client_secret: Kept by the first provider of secrets that can, never in an event; so are all secrets.
        :param overwrite: Whether another definition of that name is replaced.
        :raises UserErrorException: The name is not allowed, or taken.
        """
        definition = {
            "server_name": server_name,
            "database_name": database_name,
            "tenant_id": tenant_id,
            "client_id": client_id,
            "resource_url": resource_url,
            "authority_url": authority_url,
            "endpoint": endpoint,
        }
        return register(
            workspace,
            datastore_name,
            "AzureSqlDatabase",
            definition,
            {"client_secret": client_secret, "username": username, "password": password},
            overwrite,
        )

    @staticmethod
    def register_dbfs(workspace: Workspace, datastore_name: str) -> Datastore:
        """Makes the file system of Databricks known under a name.

        :raises UserErrorException: The name is not allowed, or taken.
        """
        return register(workspace, datastore_name, "DBFS", {}, {}, True)

    @staticmethod
    def register_hdfs(
        workspace: Workspace,
        datastore_name: str,
        protocol: str,
        namenode_address: str,
        hdfs_server_certificate: str,
        kerberos_realm: str,
        kerberos_kdc_address: str,
        kerberos_principal: str,
        kerberos_keytab: str | None = None,
        kerberos_password: str | None = None,
        overwrite: bool = False,
    ) -> Datastore:
        """Makes a Hadoop file system known under a name.

        :param kerberos_password: Kept by the first provider of secrets that can, never in an event; so are all secrets.
        :param overwrite: Whether another definition of that name is replaced.
        :raises UserErrorException: The name is not allowed, or taken.
        """
        definition = {
            "protocol": protocol,
            "namenode_address": namenode_address,
            "hdfs_server_certificate": hdfs_server_certificate,
            "kerberos_realm": kerberos_realm,
            "kerberos_kdc_address": kerberos_kdc_address,
            "kerberos_principal": kerberos_principal,
            "kerberos_keytab": kerberos_keytab,
        }
        return register(
            workspace, datastore_name, "Hdfs", definition, {"kerberos_password": kerberos_password}, overwrite
        )

    @staticmethod
    def register_url(
        workspace: Workspace,
        datastore_name: str,
        url: str,
        *,
        options: Mapping[str, Any] | None = None,
        secrets: Mapping[str, str] | None = None,
        overwrite: bool = False,
    ) -> Datastore:
        """Makes any place known that fsspec opens: s3://bucket/folder, gs://bucket, /mnt/share, sftp://host/folder.

        :param url: The URL, or a path of this machine.
        :param options: Options of the file system, no secrets.
        :param secrets: Secret options, such as key and secret; kept by the first provider of secrets that can.
        :param overwrite: Whether another definition of that name is replaced.
        :raises UserErrorException: The name is not allowed, or taken.
        """
        place = definitions.location(url)
        definition: dict[str, Any] = {"url": place if definitions.is_url(place) else f"file://{place}"}
        if options:
            definition["options"] = dict(options)
        return register(workspace, datastore_name, "Url", definition, secrets or {}, overwrite)


def register(
    workspace: Workspace,
    name: str,
    kind: str,
    fields: Mapping[str, Any],
    secrets: Mapping[str, object],
    overwrite: bool,
) -> Datastore:
    """Registers a definition, and keeps its secrets."""
    from . import stores
    from .dataset import registered
    from .datastore import checked_name, checked_workspace

    definition = {"type": kind, **{field: value for field, value in fields.items() if value is not None}}
    store = stores.of_definition(checked_workspace(workspace), checked_name(name), definition)
    registered(workspace, "datastore", name, definition, new_version=bool(overwrite))
    stores.keep_secrets(workspace, name, secrets)
    return store
