"""The artifact projection: writes bodies that travelled in events to the object store, reads all others back, and
records what it found.

The store is touched before the transaction begins, in parallel, and always repeatably. It decides nothing: a refused
artifact's object is looked at like any other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from runfold_consumers.artifacts.objects import Objects
from runfold_consumers.artifacts.verifying import MISMATCHED, MISSING, UNREAD, Artifact, Finding, verify
from runfold_consumers.engine.errors import PoisonError
from runfold_consumers.engine.projection import Connection
from runfold_consumers.fold.records import RawRecord
from runfold_schemas import catalog, codec, framing
from runfold_schemas.events import ArtifactLogged
from runfold_schemas.limits import RUN_ID_CHARACTERS_MAX
from runfold_schemas.topics import key_of

READ_BACK_AT_ONCE_BYTES = 8 << 20  # larger objects are read back beside the loop
PARALLEL = 8
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Seen(NamedTuple):
    """An ArtifactLogged: the object, and its body where that travelled along."""

    artifact: Artifact
    body: bytes | None
    media_type: str | None


class ArtifactProjection:
    """Projection over `facts` with positions in `observed`; what is no artifact of a run decodes to None."""

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

    def decode(self, raw: RawRecord) -> Seen | None:
        """The artifact that the record speaks of; other events are told by their fingerprint alone."""
        schema = catalog.released(framing.split(raw.value)[0])
        if schema is not None and schema["name"] != ArtifactLogged.__name__:
            return None
        event = codec.decode(raw.value, self._lookup(raw.workspace))
        if not isinstance(event, ArtifactLogged) or event.aggregate_kind != "run":
            return None
        if key_of(event) != raw.key:
            raise PoisonError(f"the key is {raw.key!r}, the event is about {key_of(event)!r}")
        if len(event.aggregate_id) > RUN_ID_CHARACTERS_MAX or "\0" in event.aggregate_id:
            raise PoisonError(f"a run id of {len(event.aggregate_id)} characters; no run has it")
        if not _SHA256.fullmatch(event.sha256) or event.size < 0:
            raise PoisonError(
                f"sha256 {event.sha256[:100]!r} with size {event.size}: "
                "allowed are 64 lowercase hex digits and 0 bytes or more"
            )
        return Seen(Artifact(raw.workspace, event.aggregate_id, event.sha256, event.size), event.body, event.media_type)

    def prepare(self, topic_kind: str, records: Sequence[Seen | None]) -> None:
        """Writes and reads back the objects of a batch, each once."""
        wanted = {seen.artifact: seen for seen in records if seen is not None}
        if wanted and not self._bucket_is_there:
            self._objects.ensure_bucket()
            self._bucket_is_there = True
        self._findings = dict(zip(wanted, self._pool.map(self._settle, wanted.values()), strict=True))

    def apply(
        self, connection: Connection, topic_kind: str, records: Sequence[Seen | None], skipped: Sequence[RawRecord]
    ) -> None:
        """Records the findings."""
        found = {
            seen.artifact[:3]: (*seen.artifact, *self._findings[seen.artifact]) for seen in records if seen is not None
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


_RECORD = """
INSERT INTO observed.objects AS stored (workspace, run_id, sha256, size, availability, detail)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[])
ON CONFLICT (workspace, run_id, sha256) DO UPDATE
SET size = excluded.size, availability = excluded.availability, detail = excluded.detail, checked_at = now()
WHERE NOT (stored.availability = 'available' AND excluded.detail IS NOT DISTINCT FROM %s)
"""
