"""What the `contract` topic of each workspace says: partition counts, and the writer schemas that this release does not
bring.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from runfold_consumers.engine.errors import Away, Stop
from runfold_schemas import catalog, codec
from runfold_schemas.topics import Manifest, topics_of
from runfold_schemas.topics_admin import BrokerAway, NoManifest, TopicsError, read_contract

log = logging.getLogger(__name__)

ANSWER_S = 5.0
ASK_AGAIN_S = 5.0  # a fingerprint that stayed unknown is looked up again after this


class Contracts:
    """Contracts of the workspaces below one prefix, read when first needed. Used by one thread."""

    def __init__(self, bootstrap: str, prefix: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._bootstrap, self._prefix, self._clock = bootstrap, prefix, clock
        self._manifests: dict[str, Manifest] = {}
        self._schemas: dict[str, dict[bytes, dict[str, Any]]] = {}
        self._unknown: dict[tuple[str, bytes], float] = {}

    def manifest(self, workspace: str) -> Manifest | None:
        """The workspace's manifest; None when it has none yet: its topics are just being created.

        Raises:
            Away: the broker does not answer.
        """
        if workspace not in self._manifests:
            self._read(workspace)
        return self._manifests.get(workspace)

    def partition_count(self, workspace: str, topic_kind: str) -> int:
        """Partitions of a topic, by the manifest.

        Raises:
            Away: the workspace has no manifest, or the broker does not answer.
        """
        manifest = self.manifest(workspace)
        if manifest is None:
            raise Away("kafka", f"the manifest of workspace {workspace} is gone")
        return manifest.partitions[topic_kind]

    def lookup(self, workspace: str) -> codec.SchemaLookup:
        """Writer schemas by fingerprint: released ones, and those read from the workspace's contract. Asks nobody."""
        return lambda fingerprint: catalog.released(fingerprint) or self._schemas.get(workspace, {}).get(fingerprint)

    def learn(self, workspace: str, fingerprint: bytes) -> bool:
        """Reads the contract again for a fingerprint that nobody knows; whether it is known now.

        Raises:
            Away: the broker does not answer.
        """
        asked = self._unknown.get((workspace, fingerprint))
        if asked is not None and self._clock() < asked + ASK_AGAIN_S:
            return False
        self._read(workspace)
        if fingerprint in self._schemas.get(workspace, {}):
            self._unknown.pop((workspace, fingerprint), None)
            return True
        self._unknown[workspace, fingerprint] = self._clock()
        return False

    def _read(self, workspace: str) -> None:
        try:
            contract = read_contract(self._bootstrap, topics_of(self._prefix, workspace), seconds=ANSWER_S)
        except NoManifest:
            return
        except BrokerAway as error:
            raise Away("kafka", str(error)) from error
        except TopicsError as error:
            raise Stop(str(error)) from error
        self._manifests[workspace] = contract.manifest
        self._schemas[workspace] = dict(contract.schemas)
        log.info("event=contract_read workspace=%s schemas=%d", workspace, len(contract.schemas))
