"""The state projector: decode, fold and store joined, for one batch in one transaction.

The engine owns everything around it: it polls, locks the position rows and sets them, sets aside what `decode` refuses,
and calls `apply` within its transaction. Nothing is cached from batch to batch: what the rules need is read anew, for
the touched keys alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

from runfold_consumers.fold import keys, telemetry
from runfold_consumers.fold.admission import admit
from runfold_consumers.fold.equivocation import differences
from runfold_consumers.fold.facts import FactsFold, skip
from runfold_consumers.fold.records import RawRecord, Record
from runfold_consumers.fold.rows import PointsRow
from runfold_consumers.fold.rules import Refusal
from runfold_consumers.state import store
from runfold_consumers.state.arriving import Arriving
from runfold_consumers.state.store import Connection
from runfold_schemas import catalog, codec
from runfold_schemas.events import MetricLogged


class StateProjector:
    """Folds facts and telemetry into schema `state`.

    lookup: (workspace) -> writer schemas by fingerprint; those of this release unless told otherwise.
    partition_count: (workspace, topic kind) -> partitions of that topic, from the manifest.
    hear: told of rows of points as they are written: the merger counts them.
    """

    name = "state"
    topic_kinds = ("facts", "telemetry")
    positions_schema = "state"

    def __init__(
        self,
        partition_count: Callable[[str, str], int],
        lookup: Callable[[str], codec.SchemaLookup] = lambda workspace: codec.RELEASED,
        hear: Callable[[Sequence[PointsRow]], None] = lambda rows: None,
    ) -> None:
        self._partition_count = partition_count
        self._lookup = lookup
        self._hear = hear
        self._arriving = Arriving()

    def decode(self, raw: RawRecord) -> Record:
        """The record to fold.

        Raises codec's UnknownFingerprint (may be known later: park it), DecodeError, or admission's UnfitRecord.
        """
        event = codec.decode(raw.value, self._lookup(raw.workspace))
        record = admit(raw, event, self._partition_count(raw.workspace, raw.topic_kind))
        if isinstance(event, MetricLogged) and codec.fingerprint_of(raw.value) != catalog.fingerprint("MetricLogged"):
            return record._replace(message=codec.encode(event))  # readers of points know this release's schema alone
        return record

    def prepare(self, topic_kind: str, records: Sequence[Record]) -> None:
        """Nothing outside Postgres is needed."""

    def apply(
        self, connection: Connection, topic_kind: str, records: Sequence[Record], skipped: Sequence[RawRecord]
    ) -> None:
        """Folds one batch of one topic kind within the caller's transaction.

        records: decoded, in (workspace, partition, offset) order, of partitions whose position rows are locked.
        skipped: what was set aside; of facts it is told in `state.facts`.
        """
        if not records and not skipped:
            return
        store.use_indexes(connection)
        if topic_kind == "facts":
            lanes = store.read_lanes(connection, topic_kind, keys.lanes_of(records))
            known = store.read_known(connection, lanes, keys.touched(records, lanes))
            fold = FactsFold(known, self._compare)
            store.add_facts(connection, chain(map(fold.fold, records), map(skip, skipped)))
            store.write(connection, fold.changes)
        else:
            lanes_of, heartbeats_of = telemetry.touched(records)
            seen = store.read_lanes(connection, topic_kind, lanes_of)
            heard = store.read_heartbeats(connection, heartbeats_of)
            changes = telemetry.fold_telemetry(records, seen, heard)
            store.write_telemetry(connection, changes)
            self._arriving.write(connection, records, changes)
            self._hear(changes.points)

    def forget(self) -> None:
        """Nothing is kept between batches."""

    def _compare(self, workspace: str, original: bytes, repeated: bytes) -> tuple[Refusal, ...]:
        return differences(original, repeated, self._lookup(workspace))
