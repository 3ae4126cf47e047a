"""What is registered beside runs: models, datasets, environments, datastores; experiments; snapshots of code.

Versions are listed newest registered first. Filters on tags and properties are JSON: `"key"` (whatever its value),
`{"key": value, ...}` (null asks for a key without a value), or a list of these: all must match. What was deleted is
neither listed nor found unless `include_deleted`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from .asking import TIMEOUT_S, TRANSFER_TIMEOUT_S, Asking, segment
from .records import (
    AssetRecord,
    CodeDifference,
    CodeDifferences,
    ExperimentRecord,
    ModelContent,
    ModelRecord,
    SnapshotRecord,
)

_FILES_PAGE = 10_000


class Assets(Asking):
    """Models, assets, experiments and snapshots."""

    def models(
        self,
        name: str | None = None,
        *,
        tags: str | None = None,
        properties: str | None = None,
        run_id: str | None = None,
        latest: bool = False,
        include_deleted: bool = False,
        not_before: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Iterator[ModelRecord]:
        """Versions of models that match all filters, newest registered first; asked for by pages as they are taken.

        :param latest: Only the latest version of each name.
        """
        query = {
            "name": name,
            "tags": tags,
            "properties": properties,
            "run_id": run_id,
            "latest": latest,
            "include_deleted": include_deleted,
        }
        for page in self._pages("/models", query, not_before, timeout_s):
            yield from page["models"]

    def model(
        self,
        name: str,
        version: int | None = None,
        *,
        include_deleted: bool = False,
        not_before: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> ModelRecord:
        """A version of a model, the latest by default.

        :raises ServiceException: There is none (status_code 404).
        """
        query = {"version": version, "include_deleted": include_deleted}
        return cast(ModelRecord, self._get(f"/models/{segment(name)}", query, not_before, timeout_s))

    def model_content(
        self,
        name: str,
        version: int,
        path: str,
        *,
        not_before: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> ModelContent:
        """Where the bytes of a model's file are; fit for `download` and `read_bytes`.

        :param path: One of the record's `files`.
        :raises ServiceException: There is no such version, or no such file in it (status_code 404).
        """
        below = f"/models/{segment(name)}/versions/{version}/content"
        return cast(ModelContent, self._get(below, {"path": path}, not_before, timeout_s))

    def assets(
        self,
        kind: str,
        name: str | None = None,
        *,
        tags: str | None = None,
        latest: bool = False,
        include_deleted: bool = False,
        not_before: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Iterator[AssetRecord]:
        """Versions of assets of one kind, newest registered first; asked for by pages as they are taken.

        :param kind: dataset, environment or datastore.
        :param latest: Only the latest version of each name.
        """
        query: dict[str, Any] = {"name": name, "tags": tags, "latest": latest, "include_deleted": include_deleted}
        for page in self._pages(f"/assets/{segment(kind)}", query, not_before, timeout_s):
            yield from page["assets"]

    def asset(
        self,
        kind: str,
        name: str,
        version: int | None = None,
        *,
        include_deleted: bool = False,
        not_before: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> AssetRecord:
        """A version of an asset, the latest by default.

        :param kind: dataset, environment or datastore.
        :raises ServiceException: There is none (status_code 404).
        """
        query = {"version": version, "include_deleted": include_deleted}
        return cast(AssetRecord, self._get(f"/assets/{segment(kind)}/{segment(name)}", query, not_before, timeout_s))

    def experiments(
        self,
        view: str = "active",
        name: str | None = None,
        tags: str | None = None,
        *,
        not_before: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> list[ExperimentRecord]:
        """All experiments by name; deleted ones are in no view.

        :param view: active, archived or all.
        """
        query = {"view": view, "name": name, "tags": tags}
        pages = self._pages("/experiments", query, not_before, timeout_s)
        return [experiment for page in pages for experiment in page["experiments"]]

    def experiment(self, name: str, *, not_before: str | None = None, timeout_s: float = TIMEOUT_S) -> ExperimentRecord:
        """One experiment, deleted or not.

        :raises ServiceException: There is none (status_code 404).
        """
        found = self._get(f"/experiments/{segment(name)}", {}, not_before, timeout_s)["experiments"]
        return cast(ExperimentRecord, found[0])

    def snapshot(
        self, snapshot_id: str, *, not_before: str | None = None, timeout_s: float = TIMEOUT_S
    ) -> SnapshotRecord:
        """A snapshot of source code, with a signed address of its ZIP. Fit for `download` and `read_bytes`.

        :raises ServiceException: There is none (status_code 404).
        """
        return cast(SnapshotRecord, self._get(f"/snapshots/{segment(snapshot_id)}", {}, not_before, timeout_s))

    def code_differences(
        self, snapshot_ids: Sequence[str], *, not_before: str | None = None, timeout_s: float = TRANSFER_TIMEOUT_S
    ) -> CodeDifferences:
        """The files that differ between snapshots, by path. One whose ZIP cannot be read is told in `left`.

        :param snapshot_ids: At least 2 and at most 50.
        :raises ServiceException: One is unknown (status_code 404), or they have too many files (413).
        """
        query = {"of": list(snapshot_ids), "limit": _FILES_PAGE}
        first = page = self._get("/snapshots/differences", query, not_before, timeout_s)
        files = cast("list[CodeDifference]", page["files"])
        while page["next_cursor"] is not None:
            page = self._get("/snapshots/differences", {**query, "cursor": page["next_cursor"]}, not_before, timeout_s)
            files += page["files"]
        compared = [each["snapshot_id"] for each in first["snapshots"]]
        return CodeDifferences(compared, first["left"], files, first["paths"])
