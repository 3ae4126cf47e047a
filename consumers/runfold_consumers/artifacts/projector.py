"""The artifact projection: writes bodies that travelled in events to the object store, reads all others back, and
records what it found: of files (ArtifactLogged), source code (SnapshotTaken) and models (ModelRegistered).

The store is touched before the transaction begins, in parallel, and always repeatably. It decides nothing: a refused
artifact's object is looked at like any other.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from runfold_consumers.artifacts.objects import Objects
from runfold_consumers.artifacts.verifying import MISMATCHED, MISSING, UNREAD, Artifact, Finding, verify
from runfold_consumers.engine.errors import PoisonError
from runfold_consumers.engine.projection import Connection
from runfold_consumers.fold.records import RawRecord
from runfold_schemas import catalog, codec, framing
from runfold_schemas.events import ArtifactLogged, Event, ModelRegistered, SnapshotTaken
from runfold_schemas.limits import RUN_ID_CHARACTERS_MAX
from runfold_schemas.topics import key_of

READ_BACK_AT_ONCE_BYTES = 8 << 20  # larger objects are read back beside the loop
PARALLEL = 8
OWNER_CHARACTERS_MAX = RUN_ID_CHARACTERS_MAX + len("datastore/")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ZIP = "application/zip"
_SPEAKING = {ArtifactLogged.__name__: "run", SnapshotTaken.__name__: "run", ModelRegistered.__name__: "model"}


class Seen(NamedTuple):
    """An object that an event speaks of, and its body where that travelled along."""

    artifact: Artifact
    body: bytes | None
    media_type: str | None


class ArtifactProjection:
    """Projection over `facts` with positions in `observed`; what speaks of no object decodes to nothing."""

    name = "artifacts"
    topic_kinds: Sequence[str] = ("facts",)
    positions_schema = "observed"

    def __init__(
        self, objects: Objects, lookup: Callable[[str], codec.SchemaLookup] = lambda workspace: codec.RELEASED
    ) -> None:
        self._objects, self._lookup = objects, lookup
        self._pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="objects")
        self._bucket_is_there = False
        self._findings: dict[Artifact, Finding] = {}

    def decode(self, raw: RawRecord) -> tuple[Seen, ...]:
        """The objects that the record speaks of; other events are told by their fingerprint alone."""
        schema = catalog.released(framing.split(raw.value)[0])
        if schema is not None and schema["name"] not in _SPEAKING:
            return ()
        event = codec.decode(raw.value, self._lookup(raw.workspace))
        if not isinstance(event, (ArtifactLogged, SnapshotTaken, ModelRegistered)):
            return ()
        if event.aggregate_kind != _SPEAKING[type(event).__name__]:
            return ()
        if key_of(event) != raw.key:
            raise PoisonError(f"the key is {raw.key!r}, the event is about {key_of(event)!r}")
        seen = tuple(_seen(raw.workspace, event))
        for artifact, _, _ in seen:
            if len(artifact.run_id) > OWNER_CHARACTERS_MAX or "\0" in artifact.run_id or not artifact.run_id:
                raise PoisonError(f"an id of {len(artifact.run_id)} characters; no run and no model has it")
            if not _SHA256.fullmatch(artifact.sha256) or artifact.size < 0:
                raise PoisonError(
                    f"sha256 {artifact.sha256[:100]!r} with size {artifact.size}: "
                    "allowed are 64 lowercase hex digits and 0 bytes or more"
                )
        return seen

    def prepare(self, topic_kind: str, records: Sequence[tuple[Seen, ...]]) -> None:
        """Writes and reads back the objects of a batch, each once, those with a body first."""
        wanted: dict[Artifact, Seen] = {}
        for seen in itertools.chain(*records):
            if seen.body is not None or seen.artifact not in wanted:
                wanted[seen.artifact] = seen
        if wanted and not self._bucket_is_there:
            self._objects.ensure_bucket()
            self._bucket_is_there = True
        self._findings = dict(zip(wanted, self._pool.map(self._settle, wanted.values()), strict=True))

    def apply(
        self,
        connection: Connection,
        topic_kind: str,
        records: Sequence[tuple[Seen, ...]],
        skipped: Sequence[RawRecord],
    ) -> None:
        """Records the findings."""
        found = {
            seen.artifact[:3]: (*seen.artifact, *self._findings[seen.artifact]) for seen in itertools.chain(*records)
        }
        if found:
            connection.execute(_RECORD, [*map(list, zip(*found.values(), strict=True)), UNREAD])

    def forget(self) -> None:
        """Nothing: findings are of the batch that was prepared last, and it may be folded again in halves."""

    def _settle(self, seen: Seen) -> Finding:
        artifact, body = seen.artifact, seen.body
        if body is None:
            return (
                verify(self._objects, artifact)
                if artifact.size <= READ_BACK_AT_ONCE_BYTES
                else Finding(MISSING, UNREAD)
            )
        digest = hashlib.sha256(body).hexdigest()
        if (digest, len(body)) != (artifact.sha256, artifact.size):
            return Finding(MISMATCHED, f"the event's body has {len(body)} bytes and sha256 {digest}")
        if self._objects.size(*artifact[:3]) != artifact.size:
            self._objects.put(*artifact[:3], body, seen.media_type)
        return verify(self._objects, artifact)


def _seen(workspace: str, event: Event) -> Iterator[Seen]:
    if isinstance(event, ArtifactLogged):
        yield Seen(Artifact(workspace, event.aggregate_id, event.sha256, event.size), event.body, event.media_type)
    elif isinstance(event, SnapshotTaken):
        yield Seen(Artifact(workspace, event.aggregate_id, event.sha256, event.size), event.body, _ZIP)
    elif isinstance(event, ModelRegistered):
        for file in event.files:
            yield Seen(Artifact(workspace, event.objects_run_id, file.sha256, file.size), None, file.media_type)


_RECORD = """
INSERT INTO observed.objects AS stored (workspace, run_id, sha256, size, availability, detail)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[])
ON CONFLICT (workspace, run_id, sha256) DO UPDATE
SET size = excluded.size, availability = excluded.availability, detail = excluded.detail, checked_at = now()
WHERE NOT (stored.availability = 'available' AND excluded.detail IS NOT DISTINCT FROM %s)
"""
