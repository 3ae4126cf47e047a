"""Changes of runs as events that the API states in the caller's name; each is answered with how it was decided.

`verdict` of an answer is accepted, or open where the decision is not folded yet: `not_before` is then what to wait for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from .asking import TIMEOUT_S, Asking, run_path, segment


class Stating(Asking):
    """Tags and cancels. What is refused by a rule raises ServiceException, status_code 409."""

    def change_run(
        self,
        run_id: str,
        *,
        display_name: str | None = None,
        description: str | None = None,
        tags: Mapping[str, str | None] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> dict[str, Any]:
        """Changes what may change of a run; a tag of None goes.

        :raises RunNotFoundError: There is no such run.
        """
        body = {"display_name": display_name, "description": description, "tags": dict(tags) if tags else None}
        given = {name: value for name, value in body.items() if value is not None}
        return cast("dict[str, Any]", self._state_once("PATCH", self._path(run_path(run_id)), given, timeout_s))

    def cancel_run(self, run_id: str, reason: str | None = None, *, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
        """Asks for the end of the run's attempt; whoever runs it obeys.

        :raises RunNotFoundError: There is no such run.
        """
        body = {} if reason is None else {"reason": reason}
        path = self._path(f"{run_path(run_id)}/cancel")
        return cast("dict[str, Any]", self._state_once("POST", path, body, timeout_s))

    def change_experiment(
        self, name: str, *, archived: bool | None = None, timeout_s: float = TIMEOUT_S
    ) -> dict[str, Any]:
        """Puts an experiment out of the way, or back."""
        path = self._path(f"/experiments/{segment(name)}")
        body = {} if archived is None else {"archived": archived}
        return cast("dict[str, Any]", self._state_once("PATCH", path, body, timeout_s))
