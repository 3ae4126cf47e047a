"""Where a thing is shown: the original's portal members, with the address of the query API for the portal.

`portal_url` is the setting RUNFOLD_API, empty where it is not set: it is text for people, and raises nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .workspace import Workspace

DOCS = "https://learn.microsoft.com/python/api/azureml-core/azureml.core"


class HasIdentity:
    """What names an object in a log line."""

    DELIM = "#"

    @property
    def id(self) -> str:
        """The id."""
        raise AttributeError("id")

    @property
    def identity(self) -> str:
        """Class and id, for log lines: `Run#<id>`."""
        return f"{type(self).__name__}{self.DELIM}{self.id}"


class HasPortal(HasIdentity):
    """Something of a workspace that has a page of its own."""

    TID_FMT = "&tid={0}"
    WORKSPACE_FMT = "?wsid=/subscriptions/{0}/resourcegroups/{1}/workspaces/{2}"
    EXPERIMENT_ID_PATH = "/experiments/id/{0}"
    EXPERIMENT_NAME_PATH = "/experiments/{0}"

    _docs = ""

    @property
    def portal_url(self) -> str:
        """Address of the portal: the setting RUNFOLD_API."""
        from .exceptions import AzureMLException

        try:
            return (self._of_workspace()._session.settings.api or "").rstrip("/")
        except AzureMLException:  # settings that are wrong are told where they are needed
            return ""

    def get_portal_url(self) -> str:
        """Address of the page."""
        from urllib.parse import quote

        where = self._of_workspace()
        named = (where.subscription_id or "-", where.resource_group or "-", where.name)
        return self.portal_url + self._page() + self.WORKSPACE_FMT.format(*(quote(each, safe="") for each in named))

    @classmethod
    def get_docs_url(cls) -> str:
        """Address of the original's reference, whose signatures hold here."""
        return f"{DOCS}.{cls._docs}"

    def _of_workspace(self) -> Workspace:
        raise AttributeError("workspace")

    def _page(self) -> str:
        raise AttributeError("page")

    def _shown(self) -> dict[str, str]:
        """What a notebook shows of it, by heading."""
        return {}

    def _repr_html_(self) -> str:
        from html import escape

        pages = {"Details Page": self.get_portal_url(), "Docs Page": self.get_docs_url()}
        shown = self._shown()
        links = (f'<a href="{escape(page)}">Link</a>' for page in pages.values())
        heads = "".join(f"<th>{escape(head)}</th>" for head in (*shown, *pages))
        cells = "".join(f"<td>{each}</td>" for each in (*map(escape, shown.values()), *links))
        return f'<table style="width:100%"><tr>{heads}</tr><tr>{cells}</tr></table>'
