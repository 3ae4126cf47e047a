"""Each kind of datastore: how its files are reached. Credentials come from the providers of secrets, never from events.

The secret of a field is `datastore-<name>-<field>`: `datastore-raw-account-key`, `datastore-dwh-user-password`. What a
script gives to register_* is kept by the first provider that can, else for this process alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from runfold import notices
from runfold.exceptions import ServiceAwayError, UserErrorException

from . import files, ledger_store
from .datastore import Datastore

if TYPE_CHECKING:
    import pandas

    from runfold.workspace import Workspace

DEFAULT = "workspaceblobstore"
BUILT_IN: dict[str, dict[str, Any]] = {DEFAULT: {"type": "Ledger"}, "workspacefilestore": {"type": "Ledger"}}
_process: dict[str, str] = {}  # secrets that no provider keeps, by name


def of_definition(workspace: Workspace, name: str, definition: Mapping[str, Any]) -> Datastore:
    """The datastore of a definition.

    :raises UserErrorException: It is of a kind that this release does not know.
    """
    kind = _KINDS.get(definition.get("type", ""))
    if kind is None:
        raise UserErrorException(
            f"Datastore {name!r} is of type {definition.get('type')!r}; there are {', '.join(_KINDS)}."
        )
    return kind._of(workspace, name, dict(definition))


def keep_secrets(workspace: Workspace, name: str, given: Mapping[str, object]) -> None:
    """Keeps what a script gave to register_*, so that the datastore can be used."""
    from runfold.secrets import auditing
    from runfold.secrets.providers import CONTENT_TYPE

    for field, value in given.items():
        if value is None:
            continue
        secret = secret_of(name, field)
        try:
            auditing.chain(workspace._session).set(secret, value, CONTENT_TYPE)
        except UserErrorException as error:
            _process[f"{workspace._ledger_name}/{secret}"] = str(value)
            notices.once(
                ("datastore", secret),
                f"{field} of datastore {name!r} is kept for this process alone, since no provider of secrets keeps it; "
                f"others need it as the secret {secret!r}. {error.message}",
            )


def secret_of(name: str, field: str) -> str:
    """Name of the secret of a datastore's field."""
    return f"datastore-{name}-{field}".replace("_", "-")


class LedgerDatastore(Datastore):
    """A part of the ledger's own object store; nothing is to be configured."""

    datastore_type = "AzureBlob"  # what scripts compare with

    @property
    def container_name(self) -> str:
        """Where the original would keep it."""
        return f"azureml-{self.name}"

    @property
    def account_name(self) -> str:
        """The workspace stands for the account."""
        return self.workspace.name

    def _files(self, path: str) -> list[files.Found]:
        api = self.workspace._session.api
        base = path if not files._GLOB.search(path) else files.base_of(path)
        listed = list(ledger_store.listed(api, self.name, base))
        if base != path:
            fits = files.fitting(path)
            listed = [each for each in listed if fits(each["path"])]
        if [each["path"] for each in listed] == [path]:
            base = path.rpartition("/")[0]
        strip = len(base) + 1 if base else 0
        return [
            files.Found(
                each["path"][strip:], f"{self.name}/{each['path']}", None, self._opener(each["path"]), each["size"]
            )
            for each in listed
        ]

    def _opener(self, path: str) -> Callable[[], BinaryIO]:
        return lambda: ledger_store.opened(self.workspace._session.api, self.name, path)

    def _there(self, paths: list[str]) -> set[str]:
        return ledger_store.there(self.workspace._session.api, self.name, paths)

    def _putter(self) -> Callable[[str, Path], None]:
        from runfold.artifacts.sources import media_type

        api = self.workspace._session.api
        return lambda path, source: ledger_store.put(api, self.name, path, source, media_type(path))


class FilesystemDatastore(Datastore):
    """A datastore that fsspec opens."""

    _secrets: tuple[str, ...] = ()

    def _root(self) -> str:
        """URL of the whole datastore, without a slash at its end."""
        raise self._no_files()

    def _options(self) -> dict[str, Any]:
        return {}

    def _known(self) -> dict[str, Any]:
        """The secrets that there are, by field."""
        from runfold.secrets import auditing

        asked = auditing.chain(self.workspace._session)
        known: dict[str, Any] = {}
        for field in self._secrets:
            name = secret_of(self.name, field)
            found = asked.get(name).secret
            value = found.value if found is not None else _process.get(f"{self.workspace._ledger_name}/{name}")
            if value is not None:
                known[field] = value
        return known

    def _told(self, *fields: str) -> dict[str, Any]:
        """What the definition says, as far as it does."""
        return {field: self._definition[field] for field in fields if self._definition.get(field) is not None}

    def _files(self, path: str) -> list[files.Found]:
        return files.of_filesystem(f"{self._root()}/{path}".rstrip("/"), self._options())

    def _there(self, paths: list[str]) -> set[str]:
        filesystem, root = files.filesystem_of(self._root(), self._options())
        return {path for path in paths if filesystem.exists(f"{root.rstrip('/')}/{path}")}

    def _putter(self) -> Callable[[str, Path], None]:
        filesystem, root = files.filesystem_of(self._root(), self._options())

        def put(path: str, source: Path) -> None:
            target = f"{root.rstrip('/')}/{path}"
            try:
                filesystem.makedirs(target.rpartition("/")[0], exist_ok=True)
                filesystem.put_file(str(source), target)
            except OSError as error:
                raise ServiceAwayError(
                    "file system", "datastore", self._root(), f"{type(error).__name__}: {error}"
                ) from error

        return put


class AzureBlobDatastore(FilesystemDatastore):
    """A container of Azure Blob Storage; package adlfs."""

    datastore_type = "AzureBlob"
    _secrets = ("account_key", "sas_token")

    def _root(self) -> str:
        return f"abfs://{self._definition['container_name']}"

    def _options(self) -> dict[str, Any]:
        return {"account_name": self._definition["account_name"], **self._known()}


class AzureFileDatastore(FilesystemDatastore):
    """A share of Azure Files, by SMB; package smbprotocol."""

    datastore_type = "AzureFile"
    _secrets = ("account_key", "sas_token")

    def _root(self) -> str:
        told = self._definition
        host = f"{told['account_name']}.file.{told.get('endpoint') or 'core.windows.net'}"
        return f"smb://{host}/{told['container_name']}"

    def _options(self) -> dict[str, Any]:
        return {"username": self._definition["account_name"], "password": self._known().get("account_key")}


class AzureDataLakeDatastore(FilesystemDatastore):
    """Azure Data Lake Storage, first generation; package adlfs."""

    datastore_type = "AzureDataLake"
    _secrets = ("client_secret",)

    def _root(self) -> str:
        return "adl://"

    def _options(self) -> dict[str, Any]:
        return {**self._told("store_name", "tenant_id", "client_id"), **self._known()}


class AzureDataLakeGen2Datastore(FilesystemDatastore):
    """Azure Data Lake Storage, second generation; package adlfs."""

    datastore_type = "AzureDataLakeGen2"
    _secrets = ("client_secret",)

    def _root(self) -> str:
        return f"abfs://{self._definition['container_name']}"

    def _options(self) -> dict[str, Any]:
        return {**self._told("account_name", "tenant_id", "client_id"), **self._known()}


class HdfsDatastore(FilesystemDatastore):
    """A Hadoop file system, by its web interface (protocol http or https) or pyarrow (anything else)."""

    datastore_type = "Hdfs"
    _secrets = ("kerberos_password",)

    def _root(self) -> str:
        web = self._definition.get("protocol") in ("http", "https")
        return f"{'webhdfs' if web else 'hdfs'}://{self._definition['namenode_address']}"

    def _options(self) -> dict[str, Any]:
        if self._definition.get("protocol") not in ("http", "https"):
            return {"kerb_ticket": self._definition.get("kerberos_keytab")}
        return {"kerberos": True, "use_https": self._definition["protocol"] == "https"}


class DBFSDatastore(FilesystemDatastore):
    """Files of Databricks: DATABRICKS_HOST, and the secret `token` or DATABRICKS_TOKEN."""

    datastore_type = "DBFS"
    _secrets = ("token",)

    def _root(self) -> str:
        return "dbfs://"

    def _options(self) -> dict[str, Any]:
        import os

        host = os.environ.get("DATABRICKS_HOST", "").removeprefix("https://").rstrip("/")
        token = self._known().get("token") or os.environ.get("DATABRICKS_TOKEN")
        if not host or not token:
            raise UserErrorException(
                f"Datastore {self.name!r} needs DATABRICKS_HOST, and DATABRICKS_TOKEN or the secret "
                f"{secret_of(self.name, 'token')!r}."
            )
        return {"instance": host, "token": token}


class UrlDatastore(FilesystemDatastore):
    """Any URL that fsspec opens: s3://, gs://, file://, sftp://, ..."""

    datastore_type = "Url"
    _secrets = ("key", "secret", "token", "password", "username", "account_key", "client_secret")

    def _root(self) -> str:
        return str(self._definition["url"]).rstrip("/")

    def _options(self) -> dict[str, Any]:
        return {**self._definition.get("options", {}), **self._known()}


class DatabaseDatastore(FilesystemDatastore):
    """A database, for Dataset.Tabular.from_sql_query."""

    _package = ""

    def _query(self, query: str, timeout_s: float | None) -> pandas.DataFrame:
        from .tables import pandas_or_raise

        pandas = pandas_or_raise()
        try:
            with self._connected(timeout_s) as connection:
                cursor = connection.cursor()
                cursor.execute(query)
                if cursor.description is None:
                    raise UserErrorException(f"The query gives no rows: {query!r:.200}.")
                columns = [each[0] for each in cursor.description]
                return pandas.DataFrame.from_records(cursor.fetchall(), columns=columns, coerce_float=True)  # type: ignore[no-any-return]
        except ImportError as error:
            raise UserErrorException(
                f"Datastore {self.name!r} needs the package {self._package}, which is missing: "
                f"pip install {self._package}.",
                inner_exception=error,
            ) from error
        except UserErrorException:
            raise
        except Exception as error:  # each driver has exceptions of its own
            raise UserErrorException(
                f"Datastore {self.name!r} does not answer the query: {type(error).__name__}: {error}"
            ) from error

    def _connected(self, timeout_s: float | None) -> Any:
        """A connection of the Python database API, as a context."""
        raise UserErrorException(f"Datastore {self.name!r} is no database.")


class AzurePostgreSqlDatastore(DatabaseDatastore):
    """A PostgreSQL database, wherever it is; package psycopg."""

    datastore_type = "AzurePostgreSql"
    _package = "psycopg"
    _secrets = ("user_id", "user_password")

    def _connected(self, timeout_s: float | None) -> Any:
        import psycopg

        told, known = self._definition, self._known()
        return psycopg.connect(
            host=host_of(told, "postgres.database.azure.com"),
            port=int(told.get("port_number") or 5432),
            dbname=told["database_name"],
            user=known.get("user_id") or told.get("user_id"),
            password=known.get("user_password"),
            sslmode="require" if told.get("enforce_ssl", True) else "prefer",
            options=f"-c statement_timeout={int((timeout_s or 0) * 1000)}",
        )


class AzureMySqlDatastore(DatabaseDatastore):
    """A MySQL database, wherever it is; package pymysql."""

    datastore_type = "AzureMySql"
    _package = "pymysql"
    _secrets = ("user_id", "user_password")

    def _connected(self, timeout_s: float | None) -> Any:
        from contextlib import closing
        from importlib import import_module

        told, known = self._definition, self._known()
        connected = import_module("pymysql").connect(
            host=host_of(told, "mysql.database.azure.com"),
            port=int(told.get("port_number") or 3306),
            database=told["database_name"],
            user=known.get("user_id") or told.get("user_id"),
            password=known.get("user_password") or "",
            read_timeout=timeout_s or None,
        )
        return closing(connected)


class AzureSqlDatabaseDatastore(DatabaseDatastore):
    """A Microsoft SQL Server database, wherever it is; package pyodbc."""

    datastore_type = "AzureSqlDatabase"
    _package = "pyodbc"
    _secrets = ("username", "password", "client_secret")

    def _connected(self, timeout_s: float | None) -> Any:
        from contextlib import closing
        from importlib import import_module

        told, known = self._definition, self._known()
        words = {
            "Driver": "{ODBC Driver 18 for SQL Server}",
            "Server": host_of(told, "database.windows.net"),
            "Database": told["database_name"],
            "Encrypt": "yes",
        }
        if known.get("client_secret"):
            words["Authentication"] = "ActiveDirectoryServicePrincipal"
        words["UID"] = known.get("username") or told.get("client_id") or ""
        words["PWD"] = known.get("password") or known.get("client_secret") or ""
        text = ";".join(f"{name}={_braced(name, value)}" for name, value in words.items())
        return closing(import_module("pyodbc").connect(text, timeout=int(timeout_s or 0)))


def host_of(definition: Mapping[str, Any], azure: str) -> str:
    """A server's name as it is where it has dots or is local, else as Azure would complete it."""
    name = str(definition["server_name"])
    local = "." in name or ":" in name or name.startswith("/") or name == "localhost"
    return name if local else f"{name}.{definition.get('endpoint') or azure}"


def _braced(name: str, value: str) -> str:
    return "{" + value.replace("}", "}}") + "}" if name in ("UID", "PWD", "Database") else value


_KINDS: dict[str, type[Datastore]] = {
    "Ledger": LedgerDatastore,
    "AzureBlob": AzureBlobDatastore,
    "AzureFile": AzureFileDatastore,
    "AzureDataLake": AzureDataLakeDatastore,
    "AzureDataLakeGen2": AzureDataLakeGen2Datastore,
    "AzureSqlDatabase": AzureSqlDatabaseDatastore,
    "AzurePostgreSql": AzurePostgreSqlDatastore,
    "AzureMySql": AzureMySqlDatastore,
    "DBFS": DBFSDatastore,
    "Hdfs": HdfsDatastore,
    "Url": UrlDatastore,
}
