"""Every decision of the fold, each a pure function of what earlier facts of the same partition left behind.

A fact is accepted, or refused by the rule named here, with the value that stays and the value that was refused. A
refused fact still takes its ordinal in its lane. Claims (WriterClosed, LossDeclared) are never refused.

    run_started       a second RunStarted joins when parent and experiment are the same; else it is refused, and its
                      writer is an outsider of that run from then on
    outsider          facts of an outsider are refused; only WriterOpened is heard, since it says who the outsider is
    property          the first value stays; the same again is no conflict; one call is accepted or refused whole
    unknown_property  only a property that was added can be corrected; the correction stands beside it
    terminal_status   Completed, Failed and Canceled are final within their attempt; the same again is no conflict, nor
                      is an earlier word of the same writer that arrives late
    status_transition a status that is not terminal follows the attempt's last word as `statuses.is_legal` allows; a
                      writer's earlier word that arrives late changes nothing, and is no conflict
    artifact_name     written once per (run, attempt); images and charts evade by `<name>@<ordinal>` instead
    snapshot          the first of an attempt stays; the same id again is no conflict
    unknown_version   what is said about a version of a model or asset that was never registered is refused; version 0
                      is the asset itself, and a model has none
    asset_exists      a definition other than the latest version's is the next version, unless `new_version` is false
    equivocation      a repeated fact whose values differ (P10)

Last-wins values (tags, descriptions, fields of experiments and assets) are never refused: `is_later_word` (P8). The
number in an experiment goes to the first RunEnrolled of a run, a dataset is linked by the first DatasetLinked; another
is heard and changes nothing. Properties of a model's version follow the rule `property`. A cancel is a status of the
run's latest attempt: refused by `terminal_status` where that has ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from runfold_schemas.statuses import TERMINAL, is_legal

ACCEPTED = "accepted"
REFUSED = "refused"
REPEATED = "repeated"
CONFLICTING = "conflicting"
SKIPPED = "skipped"

RUN_STARTED = "run_started"
OUTSIDER = "outsider"
PROPERTY = "property"
UNKNOWN_PROPERTY = "unknown_property"
TERMINAL_STATUS = "terminal_status"
STATUS_TRANSITION = "status_transition"
ARTIFACT_NAME = "artifact_name"
SNAPSHOT = "snapshot"
UNKNOWN_VERSION = "unknown_version"
ASSET_EXISTS = "asset_exists"
EQUIVOCATION = "equivocation"
DEAD_LETTER = "dead_letter"


class Refusal(NamedTuple):
    """One key of a refused fact: the value that stays, and the one that was refused."""

    key: str
    kept: str | None
    refused: str | None


class Decision(NamedTuple):
    """What became of a fact. `refusals` name every conflicting key, sorted."""

    verdict: str
    rule: str | None
    refusals: tuple[Refusal, ...]


ACCEPT = Decision(ACCEPTED, None, ())
REPEAT = Decision(REPEATED, None, ())
SKIP = Decision(SKIPPED, DEAD_LETTER, ())


class Terminal(NamedTuple):
    """The terminal status of an attempt, and which fact said it."""

    status: str
    writer_id: str
    ordinal: int


def join_run(kept: tuple[str, str | None], experiment: str, parent_run_id: str | None) -> Decision:
    """A further RunStarted of a run that was started with (experiment, parent run id) `kept`."""
    refusals = []
    if kept[0] != experiment:
        refusals.append(Refusal("experiment", kept[0], experiment))
    if kept[1] != parent_run_id:
        refusals.append(Refusal("parent_run_id", kept[1], parent_run_id))
    return Decision(REFUSED, RUN_STARTED, tuple(refusals)) if refusals else ACCEPT


def refuse_outsider(writer_id: str, starter_id: str | None) -> Decision:
    """Any fact but WriterOpened of an outsider; what stays is the word of the writer that started the run."""
    return Decision(REFUSED, OUTSIDER, (Refusal("writer_id", starter_id, writer_id),))


def add_properties(kept: Mapping[str, str | None], added: Mapping[str, str | None]) -> Decision:
    """PropertyAdded; `kept` holds at least those of the added keys that have a value already."""
    refusals = [Refusal(key, kept[key], added[key]) for key in sorted(added) if key in kept and kept[key] != added[key]]
    return Decision(REFUSED, PROPERTY, tuple(refusals)) if refusals else ACCEPT


def correct_property(is_known: bool, key: str, value: str | None) -> Decision:
    """PropertyCorrected of a property that has a value (`is_known`) or was never added."""
    return ACCEPT if is_known else Decision(REFUSED, UNKNOWN_PROPERTY, (Refusal(key, None, value),))


def change_status(
    terminal: Terminal | None, before: str | None, status: str, writer_id: str, ordinal: int, kept_ordinal: int | None
) -> Decision:
    """StatusChanged or CancelRequested in an attempt that ended with `terminal` (None: has not ended).

    before: the attempt's last word that was not terminal; None where there is none.
    kept_ordinal: of the last word of the same writer on the attempt's status.
    """
    if terminal is not None:
        is_earlier = status not in TERMINAL and writer_id == terminal.writer_id and ordinal < terminal.ordinal
        if is_earlier or status == terminal.status:
            return ACCEPT
        return Decision(REFUSED, TERMINAL_STATUS, (Refusal("status", terminal.status, status),))
    if status in TERMINAL or not is_later_word(ordinal, kept_ordinal) or is_legal(before, status):
        return ACCEPT
    return Decision(REFUSED, STATUS_TRANSITION, (Refusal("status", before, status),))


def artifact_paths(name: str, ordinal: int, writer_id: str, is_metric: bool) -> tuple[str, ...]:
    """Where an artifact may stand, best first. Two writers may share an ordinal, hence the third way out of a chart."""
    return (name, f"{name}@{ordinal}", f"{name}@{ordinal}.{writer_id}") if is_metric else (name,)


def refuse_artifact(name: str, kept_sha256: str, sha256: str) -> Decision:
    """ArtifactLogged when every path that it may have is taken; `kept_sha256` is what stands at its name."""
    return Decision(REFUSED, ARTIFACT_NAME, (Refusal(name, kept_sha256, sha256),))


def take_snapshot(kept_id: str | None, snapshot_id: str) -> Decision:
    """SnapshotTaken in an attempt whose snapshot is `kept_id` (None: has none)."""
    if kept_id is None or kept_id == snapshot_id:
        return ACCEPT
    return Decision(REFUSED, SNAPSHOT, (Refusal("snapshot_id", kept_id, snapshot_id),))


def register_asset(
    next_version: int, kept_definition: str | None, definition: str, new_version: bool
) -> tuple[Decision, int]:
    """AssetRegistered, and the version that it gets; `kept_definition` is the latest version's (None: has none)."""
    if kept_definition is None:
        return ACCEPT, next_version
    if kept_definition == definition:
        return ACCEPT, next_version - 1
    if new_version:
        return ACCEPT, next_version
    return Decision(REFUSED, ASSET_EXISTS, (Refusal("definition", kept_definition, definition),)), 0


def change_version(version: int, next_version: int, least: int) -> Decision:
    """ModelChanged or AssetChanged where the next registration gets `next_version` (1: nothing was registered yet).

    least: 0 where the asset itself may be meant, else 1.
    """
    if least <= version < next_version and next_version > 1:
        return ACCEPT
    latest = str(next_version - 1) if next_version > 1 else None
    return Decision(REFUSED, UNKNOWN_VERSION, (Refusal("version", latest, str(version)),))


def conflict(differences: tuple[Refusal, ...]) -> Decision:
    """A repeated fact: an equivocation when decoded values differ, else a plain repeat (P10)."""
    return Decision(CONFLICTING, EQUIVOCATION, differences) if differences else REPEAT


def is_later_word(ordinal: int, kept_ordinal: int | None) -> bool:
    """Whether a word replaces the one that the same writer said of the same thing (P8)."""
    return kept_ordinal is None or ordinal > kept_ordinal
