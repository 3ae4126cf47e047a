"""What Postgres knows of signs of life in a workspace, in one snapshot.

Until when it is projected: the least, over all partitions of facts and telemetry, of the broker time of the last record
folded, or, where the projector saw nothing left to fold, of the moment when it looked. So a projector that lags, is
frozen or cannot reach the broker holds that moment back, and with it every judgement.

Of the runs that have not ended only those are looked at closely of which no sign of life holds, or which are not
responding and of which one does. Runs that are not responding stay so, many of them for ever: by turns, each is looked
at closely too, since a writer without heartbeats may be heard again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from runfold_consumers.engine.connecting import answering
from runfold_consumers.engine.projection import Connection
from runfold_consumers.watchdog.judging import Candidate, Submission, Writer, silence
from runfold_schemas.statuses import NOT_RESPONDING, NOT_STARTED

TURNS = 12


class Sight(NamedTuple):
    """One snapshot of a workspace.

    Attributes:
        projected_until: broker time, unix seconds; None while some partition was never looked at.
        candidates: runs to judge.
        folded: of the runs asked for, the last ordinal of our own facts that is folded.
    """

    projected_until: float | None
    candidates: list[Candidate]
    folded: Mapping[str, int]


def workspaces(connection: Connection, prefix: str) -> list[str]:
    """Workspaces below a topic prefix of which something is folded.

    Raises:
        Away: Postgres does not answer.
    """
    with answering():
        return [str(row[0]) for row in connection.execute(_WORKSPACES, [prefix])]


def look(
    connection: Connection,
    workspace: str,
    topics: Mapping[str, int],
    own: tuple[str, Collection[str]],
    turn: int = 0,
) -> Sight:
    """Looks at a workspace.

    Args:
        connection: in autocommit.
        workspace: whose runs.
        topics: how many partitions the workspace's topics of facts and telemetry have, by full name, in this order.
        own: our writer, and the runs about which it waits to see its own words.
        turn: of TURNS, whose runs that are not responding are looked at closely.

    Raises:
        Away: Postgres does not answer.
    """
    facts, telemetry = (list(range(count)) for count in topics.values())
    given: dict[str, Any] = {"workspace": workspace, "facts": facts, "telemetry": telemetry, "topics": list(topics)}
    with answering(), connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        until = _projected(connection.execute(_PROJECTED, given).fetchall(), topics)
        if until is None:
            return Sight(None, [], {})
        given["until"] = until
        suspect = connection.execute(_SUSPECT, {**given, "turns": TURNS, "turn": turn % TURNS}).fetchall()
        given["suspect"] = [row[0] for row in suspect]
        runs = _runs(connection, given)
        silent = [run_id for run_id, run in runs.items() if run.writers and silence(run, until)]
        if silent:
            for run_id, logged_at in connection.execute(_LOGGED, {**given, "runs": silent}):
                runs[run_id] = runs[run_id]._replace(logged_at=logged_at)
        gone = [run_id for run_id, run in runs.items() if run.status == NOT_RESPONDING]
        for run_id, before in connection.execute(_BEFORE, {**given, "runs": gone}) if gone else ():
            runs[run_id] = runs[run_id]._replace(before=before)
        writer_id, stated = own
        said = {**given, "writer": writer_id, "runs": list(stated)}
        folded: dict[str, int] = dict(connection.execute(_FOLDED, said).fetchall()) if stated else {}
    return Sight(until, list(runs.values()), folded)


def _projected(rows: list[Any], topics: Mapping[str, int]) -> float | None:
    seen = {(topic, partition): until for topic, partition, until in rows}
    wanted = [(topic, partition) for topic, count in topics.items() for partition in range(count)]
    moments = [seen.get(place) for place in wanted]
    return None if None in moments else min(moment for moment in moments if moment is not None)


def _runs(connection: Connection, given: Mapping[str, Any]) -> dict[str, Candidate]:
    runs: dict[str, Candidate] = {}
    submitters: dict[str, str] = {}
    for run_id, attempt, status, submitter, at, within_s, answered in connection.execute(_SUBMITTED, given):
        submitters[run_id] = submitter
        if within_s > 0:
            submission = Submission(at, within_s, answered)
            runs[run_id] = Candidate(run_id, attempt, status, _before(status), submission=submission)
    for run_id, attempt, status, writer_id, ttl_s, closed, heard_at in connection.execute(_HEARD, given):
        if submitters.get(run_id) != writer_id:
            run = runs.get(run_id) or Candidate(run_id, attempt, status, _before(status))
            runs[run_id] = run._replace(writers=[*run.writers, Writer(writer_id, heard_at, ttl_s, closed)])
    return runs


def _before(status: str) -> str:
    return NOT_STARTED if status == NOT_RESPONDING else status


_WORKSPACES = """
SELECT DISTINCT workspace FROM state.positions WHERE topic = %s || '.' || workspace || '.facts' ORDER BY workspace
"""
# A look counts only while the stored position still is where it was then: a rebuild takes positions back.
_PROJECTED = """
SELECT lag.topic, lag.partition,
       extract(epoch FROM greatest(
           stored.last_broker_time,
           CASE WHEN coalesce(stored.next_offset, 0) >= lag.end_offset THEN lag.observed_at END
       ))::float8
FROM observed.lag LEFT JOIN state.positions AS stored USING (workspace, topic, partition)
WHERE lag.projector = 'state' AND lag.workspace = %(workspace)s AND lag.topic = ANY(%(topics)s)
"""
_OPEN = """
WITH open_runs AS (
    SELECT runs.run_id, runs.partition, runs.attempt, runs.started_writer_id, attempts.first_offset,
           coalesce(attempts.status, 'NotStarted') AS status
    FROM state.attempts JOIN state.runs USING (workspace, run_id, attempt)
    WHERE attempts.workspace = %(workspace)s AND attempts.terminal_status IS NULL
      AND attempts.run_id = ANY(%(suspect)s)
)
"""
# Whoever submitted a run is not the run.
_SUSPECT = """
SELECT open_runs.run_id
FROM state.attempts AS open_runs
JOIN state.runs USING (workspace, run_id, attempt)
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM state.heartbeats AS sign
        JOIN state.writers ON (writers.workspace, writers.aggregate_kind) = (%(workspace)s, 'run')
            AND (writers.aggregate_id, writers.writer_id) = (sign.run_id, sign.writer_id)
            AND writers.attempt = open_runs.attempt AND NOT writers.outsider
        WHERE (sign.workspace, sign.run_id) = (%(workspace)s, open_runs.run_id)
          AND sign.broker_time + make_interval(secs => sign.ttl_s) >= to_timestamp(%(until)s)
          AND NOT EXISTS (
              SELECT FROM state.submissions
              WHERE (submissions.workspace, submissions.run_id) = (%(workspace)s, open_runs.run_id)
                AND submissions.writer_id = sign.writer_id
          )
    ) AS is_alive
) AS looked
WHERE open_runs.workspace = %(workspace)s AND open_runs.terminal_status IS NULL
  AND CASE open_runs.status
      WHEN 'NotResponding' THEN is_alive OR abs(hashtext(open_runs.run_id) %% %(turns)s) = %(turn)s
      ELSE NOT is_alive
      END
"""
_SUBMITTED = f"""{_OPEN}
SELECT open_runs.run_id, open_runs.attempt, open_runs.status, asked.writer_id,
       extract(epoch FROM asked.broker_time)::float8, asked.respond_within_s,
       asked.respond_within_s > 0 AND (
           open_runs.started_writer_id <> asked.writer_id
           OR EXISTS (
               SELECT FROM state.statuses
               WHERE (statuses.workspace, statuses.run_id) = (%(workspace)s, open_runs.run_id)
                 AND statuses.writer_id <> asked.writer_id
                 AND statuses.status NOT IN ('NotResponding', 'CancelRequested')
           )
           OR EXISTS (
               SELECT FROM state.heartbeats
               WHERE (heartbeats.workspace, heartbeats.run_id) = (%(workspace)s, open_runs.run_id)
                 AND heartbeats.writer_id <> asked.writer_id
           )
           OR EXISTS (
               SELECT FROM state.lanes
               WHERE lanes.workspace = %(workspace)s AND lanes.topic_kind = 'telemetry'
                 AND lanes.partition = ANY(%(telemetry)s)
                 AND lanes.aggregate_kind = 'run' AND lanes.aggregate_id = open_runs.run_id
                 AND lanes.writer_id <> asked.writer_id
           )
       ) IS TRUE
FROM open_runs
JOIN LATERAL (
    SELECT * FROM state.submissions
    WHERE (submissions.workspace, submissions.run_id) = (%(workspace)s, open_runs.run_id)
    ORDER BY "offset" DESC LIMIT 1
) AS asked ON true
"""
# Of a writer whose heartbeat still holds nothing else is looked for. Points that were merged are told of by summaries;
# those of an older release have none for a while, and stand as they came.
_HEARD = f"""{_OPEN}
SELECT open_runs.run_id, open_runs.attempt, open_runs.status, sign.writer_id, sign.ttl_s,
       claims.closed IS NOT NULL AND coalesce(upper(lanes.seen), 1) - 1 <= claims.closed,
       extract(epoch FROM CASE
           WHEN sign.broker_time + make_interval(secs => sign.ttl_s) >= to_timestamp(%(until)s) THEN sign.broker_time
           ELSE greatest(
               sign.broker_time,
               (
                   SELECT facts.broker_time FROM state.facts
                   WHERE facts.writer_id = sign.writer_id AND facts.ordinal = upper(lanes.seen) - 1
                     AND facts.workspace = %(workspace)s
                     AND facts.aggregate_kind = 'run' AND facts.aggregate_id = open_runs.run_id
                   ORDER BY facts."offset" LIMIT 1
               ),
               (
                   SELECT points.broker_time FROM state.points
                   WHERE (points.workspace, points.partition) = (%(workspace)s, sign.partition)
                     AND (points.run_id, points.writer_id) = (sign.run_id, sign.writer_id)
                   ORDER BY points.first_ordinal DESC LIMIT 1
               ),
               (
                   SELECT max(series.broker_time) FROM state.series
                   WHERE (series.workspace, series.partition) = (%(workspace)s, sign.partition)
                     AND (series.run_id, series.writer_id) = (sign.run_id, sign.writer_id)
               ),
               (
                   SELECT max(piece.broker_time)
                   FROM state.lanes AS log
                   JOIN LATERAL (
                       SELECT logs.broker_time FROM state.logs
                       WHERE (logs.workspace, logs.partition) = (%(workspace)s, log.partition)
                         AND (logs.run_id, logs.writer_id) = (log.aggregate_id, log.writer_id)
                         AND logs.name = substr(log.stream, 5)
                       ORDER BY logs.first_ordinal DESC LIMIT 1
                   ) AS piece ON true
                   WHERE (log.workspace, log.topic_kind, log.partition) = (%(workspace)s, 'telemetry', sign.partition)
                     AND (log.aggregate_kind, log.aggregate_id, log.writer_id) = ('run', sign.run_id, sign.writer_id)
                     AND starts_with(log.stream, 'log/')
               )
           )
       END)::float8
FROM open_runs
JOIN state.heartbeats AS sign ON (sign.workspace, sign.run_id) = (%(workspace)s, open_runs.run_id)
JOIN state.writers ON (writers.workspace, writers.aggregate_kind) = (%(workspace)s, 'run')
    AND (writers.aggregate_id, writers.writer_id) = (sign.run_id, sign.writer_id)
    AND writers.attempt = open_runs.attempt AND NOT writers.outsider
LEFT JOIN state.lanes
    ON (lanes.workspace, lanes.topic_kind, lanes.partition) = (%(workspace)s, 'facts', open_runs.partition)
    AND (lanes.aggregate_kind, lanes.aggregate_id, lanes.writer_id) = ('run', sign.run_id, sign.writer_id)
    AND lanes.stream = 'facts'
LEFT JOIN state.claims ON (claims.workspace, claims.partition) = (%(workspace)s, open_runs.partition)
    AND (claims.aggregate_kind, claims.aggregate_id, claims.writer_id) = ('run', sign.run_id, sign.writer_id)
    AND claims.stream = 'facts'
"""
# Who logs without heartbeats, in the latest attempt.
_LOGGED = f"""{_OPEN}
SELECT open_runs.run_id, extract(epoch FROM max(piece.broker_time))::float8
FROM open_runs
JOIN state.lanes ON lanes.workspace = %(workspace)s AND lanes.topic_kind = 'telemetry'
    AND lanes.partition = ANY(%(telemetry)s)
    AND lanes.aggregate_kind = 'run' AND lanes.aggregate_id = open_runs.run_id
JOIN state.writers ON (writers.workspace, writers.aggregate_kind) = (%(workspace)s, 'run')
    AND (writers.aggregate_id, writers.writer_id) = (lanes.aggregate_id, lanes.writer_id)
    AND writers.attempt = open_runs.attempt AND NOT writers.outsider
JOIN LATERAL (
    (
        SELECT max(series.broker_time) AS broker_time FROM state.series
        WHERE lanes.stream = 'points'
          AND (series.workspace, series.partition) = (%(workspace)s, lanes.partition)
          AND (series.run_id, series.writer_id) = (lanes.aggregate_id, lanes.writer_id)
        HAVING count(*) > 0
    )
    UNION ALL
    (
        SELECT points.broker_time FROM state.points
        WHERE lanes.stream = 'points'
          AND (points.workspace, points.partition) = (%(workspace)s, lanes.partition)
          AND (points.run_id, points.writer_id) = (lanes.aggregate_id, lanes.writer_id)
        ORDER BY points.first_ordinal DESC LIMIT 1
    )
    UNION ALL
    (
        SELECT logs.broker_time FROM state.logs
        WHERE (logs.workspace, logs.partition) = (%(workspace)s, lanes.partition)
          AND (logs.run_id, logs.writer_id) = (lanes.aggregate_id, lanes.writer_id)
          AND logs.name = substr(lanes.stream, 5) AND starts_with(lanes.stream, 'log/')
        ORDER BY logs.first_ordinal DESC LIMIT 1
    )
) AS piece ON true
WHERE open_runs.run_id = ANY(%(runs)s)
  AND NOT EXISTS (
      SELECT FROM state.heartbeats
      WHERE (heartbeats.workspace, heartbeats.partition) = (%(workspace)s, lanes.partition)
        AND (heartbeats.run_id, heartbeats.writer_id) = (lanes.aggregate_id, lanes.writer_id)
  )
GROUP BY open_runs.run_id
"""
_BEFORE = f"""{_OPEN}
SELECT DISTINCT ON (run_id) run_id, said.status
FROM open_runs
JOIN LATERAL (
    SELECT statuses."offset", statuses.status FROM state.statuses
    WHERE (statuses.workspace, statuses.run_id) = (%(workspace)s, open_runs.run_id)
      AND statuses.attempt = open_runs.attempt AND statuses.status <> 'NotResponding'
    UNION ALL
    SELECT cancels."offset", 'CancelRequested' FROM state.cancels
    WHERE (cancels.workspace, cancels.run_id) = (%(workspace)s, open_runs.run_id)
      AND cancels."offset" >= open_runs.first_offset
) AS said ON true
WHERE run_id = ANY(%(runs)s)
ORDER BY run_id, said."offset" DESC
"""
_FOLDED = """
SELECT aggregate_id, upper(seen) - 1 FROM state.lanes
WHERE workspace = %(workspace)s AND topic_kind = 'facts' AND partition = ANY(%(facts)s)
  AND aggregate_kind = 'run' AND aggregate_id = ANY(%(runs)s) AND writer_id = %(writer)s AND stream = 'facts'
"""
