"""What the ledger says of a run, with the attributes that the original's run records have."""

from __future__ import annotations

from typing import Any

_ORIGINAL = {
    "run_number": "number",
    "experiment_name": "experiment",
    "created_utc": "created_at",
    "start_time_utc": "started_at",
    "end_time_utc": "ended_at",
    "created_by": "submitted_by",
    "run_definition": "definition",
}


class RunDto(dict[str, Any]):
    """A record of a run: a dict of the API's fields, each an attribute too, under the original's name as well.

    run_id, status, run_type, experiment, parent_run_id, target, display_name, description, number (run_number), tags,
    properties, created_at (created_utc), started_at (start_time_utc), ended_at (end_time_utc), error, warnings, ...
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return self[_ORIGINAL.get(name, name)]
        except KeyError:
            raise AttributeError(f"a run record has no {name!r}; it has {', '.join(self)}") from None
