"""Tables as dicts, for driving the pure fold without a database: known rows in, changes written over them.

Only what `keys` names is handed to the fold, so a key that it forgets shows. Postgres itself is tested in
tests/consumers/state; this is the fold's own unit test.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from runfold_consumers.fold import keys, telemetry
from runfold_consumers.fold.changes import ONCE, Changes, Known
from runfold_consumers.fold.completeness import LaneState, completeness
from runfold_consumers.fold.equivocation import differences
from runfold_consumers.fold.facts import fold_facts
from runfold_consumers.fold.heartbeats import HeartbeatKey
from runfold_consumers.fold.lanes import EMPTY, LaneKey, Ranges
from runfold_consumers.fold.records import Record
from runfold_consumers.fold.rows import HeartbeatRow, LogRow, PointsRow
from runfold_schemas import codec


class Tables:
    """All tables of one workspace."""

    def __init__(self) -> None:
        self.all = Changes()
        self.points: list[PointsRow] = []
        self.logs: list[LogRow] = []
        self.telemetry_lanes: dict[LaneKey, Ranges] = {}
        self.heartbeats: dict[HeartbeatKey, HeartbeatRow] = {}

    def apply(self, topic_kind: str, records: Sequence[Record]) -> None:
        """One batch, as the state projector does it."""
        if topic_kind == "telemetry":
            lanes, heartbeats = telemetry.touched(records)
            found = telemetry.fold_telemetry(
                records,
                {lane: self.telemetry_lanes[lane] for lane in lanes & self.telemetry_lanes.keys()},
                {key: self.heartbeats[key] for key in heartbeats & self.heartbeats.keys()},
            )
            self.points += found.points
            self.logs += found.logs
            self.telemetry_lanes |= found.lanes
            self.heartbeats |= found.heartbeats
            return
        changes = fold_facts(records, self.known(records), lambda workspace, a, b: differences(a, b, codec.RELEASED))
        for name, new in vars(changes).items():
            old = getattr(self.all, name)
            if isinstance(old, list):
                old.extend(new)
                continue
            if name in ONCE:
                assert not old.keys() & new.keys(), f"{name} written twice"
            old.update(new)

    def known(self, records: Sequence[Record]) -> Known:
        """What stands there for the keys that these records touch."""
        all_ = self.all
        lanes = {lane: all_.lanes[lane] for lane in keys.lanes_of(records) if lane in all_.lanes}
        wanted = keys.touched(records, lanes)
        latest = {key: (*key, all_.runs[key].attempt) for key in wanted.latest_attempts if key in all_.runs}
        wanted.attempts |= set(latest.values())
        wanted.statuses |= {(*latest[key[:2]], key[2]) for key in wanted.latest_statuses if key[:2] in latest}
        originals = {
            (
                LaneKey(
                    f.workspace, f.partition, f.aggregate_kind or "", f.aggregate_id or "", f.writer_id or "", "facts"
                ),
                f.ordinal or 0,
            ): f.message or b""
            for f in all_.facts
            if f.verdict in ("accepted", "refused") and f.ordinal is not None
        }
        return Known(
            lanes=lanes,
            originals={key: originals[key] for key in wanted.originals},
            claims={key: all_.claims[key] for key in wanted.claims if key in all_.claims},
            writers={key: all_.writers[key] for key in wanted.writers if key in all_.writers},
            runs={key: all_.runs[key] for key in wanted.runs if key in all_.runs},
            attempts={key: all_.attempts[key] for key in wanted.attempts if key in all_.attempts},
            properties={key: all_.properties[key].value for key in wanted.properties if key in all_.properties},
            artifacts={key: all_.artifacts[key].sha256 for key in wanted.artifacts if key in all_.artifacts},
            snapshots={key: all_.snapshots[key].snapshot_id for key in wanted.snapshots if key in all_.snapshots},
            dataset_links={key for key in wanted.dataset_links if key in all_.dataset_links},
            experiments={key: all_.experiments[key] for key in wanted.experiments if key in all_.experiments},
            enrollments={key for key in wanted.enrollments if key in all_.enrollments},
            statuses={key: all_.statuses[key].ordinal for key in wanted.statuses if key in all_.statuses},
            tags={key: all_.tags[key].ordinal for key in wanted.tags if key in all_.tags},
            descriptions={
                key: all_.descriptions[key].ordinal for key in wanted.descriptions if key in all_.descriptions
            },
            experiment_words={
                key: all_.experiment_words[key].ordinal
                for key in wanted.experiment_words
                if key in all_.experiment_words
            },
            assets={key: all_.assets[key] for key in wanted.assets if key in all_.assets},
            definitions={
                key: all_.versions[(*key, all_.assets[key].next_version - 1)].definition
                for key in wanted.definitions
                if key in all_.assets
            },
            asset_properties={
                key: all_.asset_properties[key].value for key in wanted.asset_properties if key in all_.asset_properties
            },
            asset_words={
                key: row.ordinal for key, row in all_.asset_words.items() if (*key[:3], *key[4:]) in wanted.asset_words
            },
        )

    def complete(self, run_id: str) -> str:
        """What completeness says of a run."""
        about = ("run", run_id)
        lanes = {(key.stream, key.writer_id): LaneState(key.stream, key.writer_id, seen=seen)
                 for table in (self.all.lanes, self.telemetry_lanes) for key, seen in table.items()
                 if (key.aggregate_kind, key.aggregate_id) == about}  # fmt: skip
        for key, claim in self.all.claims.items():
            if (key.aggregate_kind, key.aggregate_id) == about:
                lane = lanes.get((key.stream, key.writer_id), LaneState(key.stream, key.writer_id, EMPTY))
                lanes[key.stream, key.writer_id] = lane._replace(declared=claim.declared, closed=claim.closed)
        for row in self.heartbeats.values():
            for stream, last in json.loads(row.ends).items():
                if row.run_id == run_id and last:
                    lane = lanes.get((stream, row.writer_id), LaneState(stream, row.writer_id, EMPTY))
                    lanes[stream, row.writer_id] = lane._replace(marked=last)
        return completeness(lanes.values()).complete
