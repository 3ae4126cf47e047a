"""What Runfold's own processes tell of themselves, for Prometheus: one typed list, and the registry that serves it.

A *metric* is what a run logs; a *process metric* is about a process of the ledger. Each stands here once, with its
kind, unit (last in its name) and labels; code counts on the objects that `Registry` makes of them. Workspaces, runs and
writers are no labels: they have no bound (they are fields of log lines, see `service_log`).

Sole importer of prometheus_client, and only once a service asks for a registry: a training process never does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

Kind = Literal["counter", "gauge", "histogram"]
Service = Literal["projector-state", "projector-artifacts", "watchdog", "shipper", "api"]
PROJECTORS: tuple[Service, ...] = ("projector-state", "projector-artifacts")
PROBED: tuple[Service, ...] = (*PROJECTORS, "watchdog")
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class ProcessMetric(NamedTuple):
    """One of them, of all its label values.

    Attributes:
        name: As Prometheus shows it, unit last; counters end in `_total`.
        kind: counter (only grows), gauge (as it is now) or histogram (how values are spread).
        about: What it tells, and what not.
        services: The processes that have it.
        labels: Names of its labels; each has few values.
    """

    name: str
    kind: Kind
    about: str
    services: tuple[Service, ...]
    labels: tuple[str, ...] = ()


CONDITION_OK = ProcessMetric(
    "runfold_condition_ok", "gauge", "1 where a condition of /readyz holds, else 0.", PROBED, ("condition",)
)
RECORDS = ProcessMetric(
    "runfold_projector_records_total",
    "counter",
    "Records that were folded and committed, repeats and dead letters too.",
    PROJECTORS,
    ("topic_kind",),
)
DEAD_LETTERS = ProcessMetric(
    "runfold_projector_dead_letters_total",
    "counter",
    "Records that could not be folded and were set aside.",
    PROJECTORS,
    ("topic_kind",),
)
COMMIT_SECONDS = ProcessMetric(
    "runfold_projector_commit_seconds",
    "histogram",
    "Seconds from a decoded batch to its commit: reading what is known, the fold, writing.",
    PROJECTORS,
    ("topic_kind",),
)
LAG_RECORDS = ProcessMetric(
    "runfold_projector_lag_records",
    "gauge",
    "Records between what is folded and the log's end, over the partitions that this process holds.",
    PROJECTORS,
    ("topic_kind",),
)
LAG_SECONDS = ProcessMetric(
    "runfold_projector_lag_seconds",
    "gauge",
    "Age of the last folded record of the partition that is furthest behind; 0 at the log's end.",
    PROJECTORS,
    ("topic_kind",),
)
MERGED = ProcessMetric(
    "runfold_merger_points_total",
    "counter",
    "Points moved from the rows that they came in to chunks by series.",
    ("projector-state",),
)
PARTITIONS = ProcessMetric("runfold_projector_partitions", "gauge", "Partitions that this process reads.", PROJECTORS)
AWAY = ProcessMetric(
    "runfold_away_total", "counter", "Times that a service behind this process did not answer.", PROBED, ("service",)
)
STATEMENTS = ProcessMetric(
    "runfold_watchdog_statements_total", "counter", "Statuses that the watchdog stated.", ("watchdog",), ("status",)
)
JOURNALS = ProcessMetric(
    "runfold_shipper_journals",
    "gauge",
    "Journals under the folder: shipped (by this process now), done, unbound (to no workspace, or refused).",
    ("shipper",),
    ("state",),
)
SENT = ProcessMetric(
    "runfold_shipper_messages_total", "counter", "Messages handed to the broker, repeats included.", ("shipper",)
)
UNACKNOWLEDGED = ProcessMetric(
    "runfold_shipper_unacknowledged_bytes",
    "gauge",
    "Bytes of segments here that the broker has not acknowledged to their end.",
    ("shipper",),
)
BEHIND = ProcessMetric(
    "runfold_shipper_behind_seconds",
    "gauge",
    "Seconds since all of the journal that is furthest behind was acknowledged.",
    ("shipper",),
)
IN_THE_WAY = ProcessMetric(
    "runfold_shipper_troubles", "gauge", "Services that keep events from the broker at the moment.", ("shipper",)
)
REQUESTS = ProcessMetric(
    "runfold_api_requests_total",
    "counter",
    "Requests answered, by the route's path (not the address), method and status.",
    ("api",),
    ("method", "route", "status"),
)
REQUEST_SECONDS = ProcessMetric(
    "runfold_api_request_seconds",
    "histogram",
    "Seconds to the end of an answer; of streamed ones, until the last byte was taken.",
    ("api",),
    ("method", "route"),
)
IN_FLIGHT = ProcessMetric("runfold_api_requests_in_flight", "gauge", "Requests being answered now.", ("api",))
CONNECTIONS = ProcessMetric(
    "runfold_api_connections",
    "gauge",
    "Connections to Postgres in the pool, by state: in_use, idle; waiting: requests that wait for one.",
    ("api",),
    ("state",),
)

ALL: tuple[ProcessMetric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, ProcessMetric))


class Registry:
    """The process metrics of one process, and what the interpreter and the kernel say of it.

    `service`: which of the list are there; each with labels of its own value from its first use on, those without
    labels at once.
    """

    def __init__(self, service: Service) -> None:
        import prometheus_client as client

        client.disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more each, that nobody asks for
        self._client = client
        self._registry: CollectorRegistry = client.CollectorRegistry()
        for collector in (client.ProcessCollector, client.PlatformCollector, client.GCCollector):
            collector(registry=self._registry)
        self._made: dict[str, Any] = {each.name: self._make(each) for each in ALL if service in each.services}

    def _make(self, metric: ProcessMetric) -> Any:
        if metric.kind == "counter":
            return self._client.Counter(metric.name, metric.about, metric.labels, registry=self._registry)
        if metric.kind == "gauge":
            return self._client.Gauge(metric.name, metric.about, metric.labels, registry=self._registry)
        return self._client.Histogram(
            metric.name, metric.about, metric.labels, registry=self._registry, buckets=SECONDS
        )

    def _of(self, metric: ProcessMetric, labels: Sequence[str]) -> Any:
        made = self._made[metric.name]
        return made.labels(*labels) if metric.labels else made

    def count(self, metric: ProcessMetric, *labels: str, by: float = 1.0) -> None:
        """Adds to a counter."""
        self._of(metric, labels).inc(by)

    def state(self, metric: ProcessMetric, value: float, *labels: str) -> None:
        """Says how a gauge is now."""
        self._of(metric, labels).set(value)

    def observe(self, metric: ProcessMetric, seconds: float, *labels: str) -> None:
        """Adds a value to a histogram."""
        self._of(metric, labels).observe(seconds)

    def ask(self, metric: ProcessMetric, answer: Callable[[], float], *labels: str) -> None:
        """Lets a gauge be asked when it is read, rather than told."""
        self._of(metric, labels).set_function(answer)

    def text(self) -> tuple[bytes, str]:
        """All of them in Prometheus' text format, and its media type.

        Source: https://prometheus.io/docs/instrumenting/exposition_formats/
        """
        return self._client.generate_latest(self._registry), self._client.CONTENT_TYPE_LATEST
