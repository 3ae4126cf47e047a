"""The hosted service's quotas, for who asks for them: RUNFOLD_LIMITS=azureml refuses what exceeds one at the call.

The ledger has none of them (design section 13). A process counts what it knows: what it logged and stated itself, and
what it was told of the run. Figures are those of run_api section 9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from runfold.exceptions import UserErrorException

if TYPE_CHECKING:
    from runfold.session import Session
    from runfold.validation import Scalar

    from .handle import RunHandle

METRIC_NAMES_MAX = 50  # of a run
ROWS_MAX = 1_000_000  # of a metric
COLUMNS_MAX = 15  # of a row
COLUMN_NAME_MAX = 255
COLUMN_VALUE_MAX = 255
DISPLAY_NAME_MAX = 256
DESCRIPTION_MAX = 5_000
ENTRIES_MAX = 50  # tags of a run, and its properties
KEY_MAX, VALUE_MAX = 100, 1_000
EXPERIMENT_KEY_MAX = 250
ERROR_MESSAGE_MAX = 3_000


def asked_for(session: Session) -> bool:
    """Whether this process wants them."""
    return session.settings.limits == "azureml"


class Counted:
    """How much this process has logged of one run.

    :param log: The journal's own, which is called for what is within the quotas.
    """

    def __init__(self, log: Callable[[str, Scalar, int | None], None]) -> None:
        self._log = log
        self._rows: dict[str, int] = {}

    def log(self, name: str, value: Scalar, step: int | None) -> None:
        """One value."""
        self.rows(name, 1, (), (value,))
        self._log(name, value, step)

    def rows(self, name: str, count: int, columns: Iterable[str] = (), values: Iterable[Scalar] = ()) -> None:
        """Counts rows of a metric, or refuses all of them.

        :raises UserErrorException: They exceed a quota.
        """
        so_far = self._rows.get(name)
        if so_far is None and len(self._rows) >= METRIC_NAMES_MAX:
            _refuse(f"metric {name!r} would be the run's number {METRIC_NAMES_MAX + 1}", METRIC_NAMES_MAX, "names")
        if (so_far or 0) + count > ROWS_MAX:
            _refuse(f"metric {name!r} would have {(so_far or 0) + count} rows", ROWS_MAX, "rows")
        named = list(columns)
        if len(named) > COLUMNS_MAX:
            _refuse(f"a row of metric {name!r} has {len(named)} columns", COLUMNS_MAX, "columns")
        for column in named:
            _within(f"the name of a column of metric {name!r}", column, COLUMN_NAME_MAX)
        for value in values:
            if type(value) is str:
                _within(f"a value of metric {name!r}", value, COLUMN_VALUE_MAX)
        self._rows[name] = (so_far or 0) + count


def display_name(handle: RunHandle, value: str | None) -> None:
    """Of a run."""
    _text(handle.session, "display_name", value, DISPLAY_NAME_MAX)


def description(handle: RunHandle, value: str | None) -> None:
    """Of a run."""
    _text(handle.session, "description", value, DESCRIPTION_MAX)


def error_message(handle: RunHandle, value: str | None) -> None:
    """What fail() was told in words."""
    _text(handle.session, "error_details", value, ERROR_MESSAGE_MAX)


def entries(
    session: Session,
    what: str,
    known: Mapping[str, object],
    given: Mapping[str, str | None],
    key_max: int = KEY_MAX,
) -> None:
    """Tags or properties of one call.

    :param what: tag or property.
    :param known: Those that are there already.
    :raises UserErrorException: They exceed a quota.
    """
    if not given or not asked_for(session):
        return
    count = len(known.keys() | given.keys())
    if count > ENTRIES_MAX:
        _refuse(f"there would be {count} of kind {what}", ENTRIES_MAX, "of them")
    for key, value in given.items():
        _within(f"{what} key", key, key_max)
        if value is not None:
            _within(f"the value of {what} {key!r}", value, VALUE_MAX)


def _text(session: Session, what: str, value: str | None, most: int) -> None:
    if value is not None and asked_for(session):
        _within(what, value, most)


def _within(what: str, value: str, most: int) -> None:
    if len(value) > most:
        _refuse(f"{what} {value[:40]!r}... has {len(value)} characters", most, "characters")


def _refuse(what: str, most: int, unit: str) -> None:
    raise UserErrorException(
        f"{what}; RUNFOLD_LIMITS=azureml allows {most} {unit}, as the hosted service does. Without that setting the "
        "ledger takes it."
    )
