"""What the `contract` topic of each workspace says: partition counts, and the writer schemas that this release does not
bring. Before anything of a workspace is folded, its topics are compared with its manifest (design §12).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from runfold_consumers.engine.errors import Away, Stop
from runfold_schemas import catalog, codec
from runfold_schemas.topics import Manifest, Topics, topics_of
from runfold_schemas.topics_admin import CHECK, BrokerAway, NoManifest, Problem, TopicsError, inspect, read_contract

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

        When it is first read, the topics are checked: what is wrong with them is told, and where records would be
        folded wrong, nothing is.

        Raises:
            Away: the broker does not answer.
            Stop: the topics cannot be folded as they are.
        """
        if workspace not in self._manifests:
            self._read(workspace, checked=True)
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

    def _read(self, workspace: str, *, checked: bool = False) -> None:
        names = topics_of(self._prefix, workspace)
        problems: Sequence[Problem] = ()
        try:
            if checked:
                contract, problems = inspect(self._bootstrap, names, seconds=ANSWER_S)
            else:
                contract = read_contract(self._bootstrap, names, seconds=ANSWER_S)
        except NoManifest:
            return
        except BrokerAway as error:
            raise Away("kafka", str(error)) from error
        except TopicsError as error:
            raise Stop(str(error)) from error
        self._tell(names, contract.manifest, problems)
        self._manifests[workspace] = contract.manifest
        self._schemas[workspace] = dict(contract.schemas)
        log.info("contract_read", extra={"workspace": workspace, "schemas": len(contract.schemas)})

    def _tell(self, names: Topics, manifest: Manifest, problems: Sequence[Problem]) -> None:
        if names.workspace not in self._manifests and manifest.replication == 1:
            detail = "each partition has one copy: for one machine only"
            log.info("one_copy", extra={"workspace": names.workspace, "detail": detail})
        command = f"{CHECK} --prefix {names.prefix} --workspace {names.workspace}"
        for problem in problems:
            level = logging.ERROR if problem.grave else logging.WARNING
            told = {"workspace": names.workspace, "detail": problem.text, "command": command}
            log.log(level, "topics_problem", extra=told)
        grave = "; ".join(problem.text for problem in problems if problem.grave)
        if grave:
            raise Stop(
                f"the topics of workspace {names.workspace} are not what its manifest says, and what is folded now "
                f"would be wrong: {grave}. Nothing of it was folded. Put that right; `{command}` says whether it is"
            )
