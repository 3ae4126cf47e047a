"""What the engine promises: each record once, over restarts, kills, rivals and services that go away."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from runfold_consumers.engine.dead_letters import Limit
from runfold_consumers.engine.errors import Away, TooManyDeadLetters
from tests.consumers.engine.counting import Ledger, Sender, running
from tests.consumers.engine.proxy import Proxy
from tests.services import OwnWorkspace, Services
from tests.waiting import until

ROOT = Path(__file__).parents[3]


def numbers(first: int, last: int) -> list[str]:
    return [str(number) for number in range(first, last + 1)]


def test_every_record_is_folded_once_over_restarts(
    services: Services, workspace: OwnWorkspace, database: str, send: Sender, ledger: Ledger
) -> None:
    send(*numbers(1, 50))
    with running(services, workspace, database):
        until(lambda: ledger.values() == numbers(1, 50), 20, "the first records")
    send(*numbers(51, 60))
    with running(services, workspace, database) as second:
        until(lambda: ledger.values() == numbers(1, 60), 20, "the later records")
        send(*numbers(61, 70))
        until(lambda: ledger.values() == numbers(1, 70), 20, "records sent while it runs")
        second.until_ready()
    with running(services, workspace, database) as third:
        third.until_ready()
    assert ledger.values() == numbers(1, 70)


def test_facts_and_telemetry_of_a_workspace_that_comes_later_are_folded(
    services: Services, workspace: OwnWorkspace, database: str, send: Sender, ledger: Ledger
) -> None:
    from runfold_schemas import topics_admin

    with running(services, workspace, database) as one:
        one.until_ready()
        later = OwnWorkspace(workspace.prefix, "later")
        topics_admin.create(services.kafka, later.prefix, later.workspace)
        other = Sender(services, later)
        send("here", kind="telemetry", key="run/a/w")
        other("there")
        other.close()
        until(
            lambda: ledger.values() == ["there"] and ledger.values(kind="telemetry") == ["here"], 20, "both workspaces"
        )


def test_a_record_that_cannot_be_folded_becomes_a_dead_letter_and_its_neighbours_are_folded(
    services: Services, workspace: OwnWorkspace, database: str, send: Sender, ledger: Ledger
) -> None:
    poison = ("undecodable", "undatable", "unfoldable", "unindexable")
    bad = {**dict.fromkeys(poison, "poison"), "unknown": "parked"}
    values = numbers(1, 20)
    for place, value in enumerate(bad):
        values.insert(3 + 4 * place, value)
    send(*values)
    with running(services, workspace, database) as one:
        until(lambda: "20" in ledger.values(), 20, "the last record")
        one.until_ready()
        assert ledger.values() == numbers(1, 20)
        assert ledger.values("skipped") == list(bad)
        letters = ledger.dead_letters()
        assert [(letter[2].decode(), letter[0], letter[3]) for letter in letters] == [
            (value, kind, values.index(value)) for value, kind in bad.items()
        ]
        assert "no text\\0 of mine" in letters[0][1]
        assert "InvalidTextRepresentation" in letters[1][1]
        send("after")
        until(lambda: "after" in ledger.values(), 20, "what comes after")


def test_a_record_in_the_wrong_partition_becomes_a_dead_letter(
    services: Services, workspace: OwnWorkspace, database: str, send: Sender, ledger: Ledger
) -> None:
    (right,) = send("right")
    wrong = (right.partition + 1) % 4
    send("wrong", "wrong too", partition=wrong)
    with running(services, workspace, database):
        until(lambda: len(ledger.values("skipped")) == 2, 20, "both dead letters")
        until(lambda: ledger.values() == ["right"], 20, "the right one")
    assert [letter[4] for letter in ledger.dead_letters()] == [wrong, wrong]
    assert f"belongs into partition {right.partition}" in ledger.dead_letters()[0][1]


def test_past_the_limit_of_dead_letters_the_projector_stops_and_the_batch_is_rolled_back(
    services: Services, workspace: OwnWorkspace, database: str, send: Sender, ledger: Ledger
) -> None:
    send("1", "2")
    with running(services, workspace, database, Limit(in_a_row=3)) as one:
        until(lambda: ledger.values() == ["1", "2"], 20, "the good records")
        send("3", *["undecodable"] * 4, "4")
        error = one.until_stopped()
    assert isinstance(error, TooManyDeadLetters)
    assert "more than 3 records in a row" in str(error)
    assert "--dead-letters-in-a-row" in str(error)
    seen = len(ledger.dead_letters())  # the producer may have cut what it was given into two batches
    assert seen <= 3
    assert "4" not in ledger.values()
    with running(services, workspace, database, Limit(in_a_row=4)):
        until(lambda: ledger.values() == ["1", "2", "3", "4"], 20, "all, with a higher limit")
    assert len(ledger.dead_letters()) == 4


def test_two_projectors_at_once_fold_each_record_once(
    services: Services, workspace: OwnWorkspace, database: str, send: Sender, ledger: Ledger
) -> None:
    keys = [f"run/{number}" for number in range(12)]
    with running(services, workspace, database) as first:
        first.until_ready()
        for key in keys:
            send(*numbers(1, 20), key=key)
        with running(services, workspace, database) as second:
            for key in keys:
                send(*numbers(21, 40), key=key)
            second.until_ready()
            for key in keys:
                send(*numbers(41, 60), key=key)
            until(lambda: len(ledger.values()) >= 12 * 60, 30, "all records")
    assert len(ledger.values()) == 12 * 60
    assert ledger.doubled() == 0


def test_a_projector_that_lost_its_position_to_another_seeks_again(
    services: Services, workspace: OwnWorkspace, database: str, send: Sender, ledger: Ledger
) -> None:
    send("1", "2", "3")
    with running(services, workspace, database) as one:
        until(lambda: ledger.values() == ["1", "2", "3"], 20, "the first records")
        forgot = one.projection.forgot
        with ledger.connection.transaction():  # as after a rebuild: state is dropped, positions with it
            ledger.connection.execute("TRUNCATE counted, state.positions")
        until(lambda: ledger.values() == ["1", "2", "3"], 20, "everything, folded anew though nothing comes in")
        with ledger.connection.transaction():
            ledger.connection.execute("TRUNCATE counted, state.positions")
            send("4")
        until(lambda: ledger.values() == ["1", "2", "3", "4"], 20, "everything, folded anew")
        assert one.projection.forgot > forgot
        assert one.error is None


def test_a_killed_projector_loses_nothing_and_doubles_nothing(
    services: Services, workspace: OwnWorkspace, database: str, send: Sender, ledger: Ledger
) -> None:
    command = [sys.executable, "-m", "tests.consumers.engine.counting", services.kafka, workspace.prefix, database]
    keys = [f"run/{number}" for number in range(8)]
    rounds, each = 4, 500
    for round_ in range(rounds):
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        try:
            seen = len(ledger.values())
            for key in keys:
                send.later(*numbers(1, each), key=key)
            if round_ < rounds - 1:
                until(lambda seen=seen: len(ledger.values()) > seen, 30, "the projector to be in the middle of it")  # type: ignore[misc]
                process.kill()
            else:
                until(lambda: len(ledger.values()) >= rounds * len(keys) * each, 40, "all records")
                process.send_signal(signal.SIGTERM)
                assert process.wait(timeout=20) == 0
        finally:
            process.kill()
            process.wait()
        send.producer.flush()
    assert len(ledger.values()) == rounds * len(keys) * each
    assert ledger.doubled() == 0


def test_a_projector_frozen_in_mid_transaction_gives_its_partitions_up_and_doubles_nothing_when_it_thaws(
    services: Services, workspace: OwnWorkspace, database: str, send: Sender, ledger: Ledger
) -> None:
    command = [sys.executable, "-m", "tests.consumers.engine.counting", services.kafka, workspace.prefix, database]
    frozen = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        send("1")
        until(lambda: ledger.values() == ["1"], 20, "the first record")
        send("2", "freeze", "3")
        until(lambda: psutil.Process(frozen.pid).status() == psutil.STATUS_STOPPED, 20, "it to freeze itself")
        holds = "SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction' AND application_name LIKE %s"
        assert ledger.connection.execute(holds, ["runfold counting%"]).fetchone()
        with running(services, workspace, database) as other:
            until(lambda: ledger.values() == ["1", "2", "freeze", "3"], 30, "another projector to take over")
            frozen.send_signal(signal.SIGCONT)
            keys = [f"run/{number}" for number in range(8)]
            for number in range(1, 6):
                for key in keys:
                    send(str(number), key=key)
            until(lambda: len(ledger.values()) >= 4 + 8 * 5, 30, "what is sent when both are there")
            assert other.error is None
        send("4")
        until(lambda: len(ledger.values()) >= 45, 30, "the thawed one to go on alone")
        assert frozen.poll() is None
        frozen.send_signal(signal.SIGTERM)
        assert frozen.wait(timeout=20) == 0
    finally:
        frozen.kill()
        frozen.wait()
    assert len(ledger.values()) == 45
    assert ledger.doubled() == 0


def test_a_service_that_is_away_is_told_and_waited_for(
    services: Services, workspace: OwnWorkspace, database: str, send: Sender, ledger: Ledger
) -> None:
    with running(services, workspace, database) as one:
        one.until_ready()
        projection = one.projection
        projection.fail = [Away("kafka", "planted")] * 3
        send("1", "2")
        until(lambda: ledger.values() == ["1", "2"], 20, "the records, after three failures")
        one.until_ready()


def test_while_postgres_is_away_readiness_says_so_and_afterwards_it_goes_on(
    services: Services, workspace: OwnWorkspace, database: str, send: Sender, ledger: Ledger
) -> None:
    parts = conninfo_to_dict(database)
    proxy = Proxy(str(parts["host"]), int(str(parts["port"])))
    through = make_conninfo(database, host="127.0.0.1", port=proxy.port)
    try:
        with running(services, workspace, through) as one:
            one.until_ready()
            send("1")
            until(lambda: ledger.values() == ["1"], 20, "the first record")
            proxy.cut()
            send("2", "3")
            until(lambda: not one.health.ready()[0], 20, "readiness to be gone")
            assert one.health.live()[0]
            proxy.mend()
            until(lambda: ledger.values() == ["1", "2", "3"], 20, "the records after it is back")
            one.until_ready()
            assert one.error is None
    finally:
        proxy.close()
    assert ledger.doubled() == 0


def test_a_connection_that_is_cut_by_the_server_is_made_anew(
    services: Services, workspace: OwnWorkspace, database: str, send: Sender, ledger: Ledger
) -> None:
    with running(services, workspace, database) as one:
        send("1")
        until(lambda: ledger.values() == ["1"], 20, "the first record")
        ledger.connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        send("2")
        until(lambda: ledger.values() == ["1", "2"], 20, "the record after the cut")
        one.until_ready()


def test_commits_are_notified_and_lag_is_told(
    services: Services, workspace: OwnWorkspace, database: str, send: Sender, ledger: Ledger
) -> None:
    with psycopg.connect(database, autocommit=True) as listener, running(services, workspace, database) as one:
        listener.execute("LISTEN runfold_state")
        one.until_ready()
        send("1", "2")
        notified = next(listener.notifies(timeout=10, stop_after=1))
        assert notified.payload == workspace.workspace
        assert ledger.values()
        until(
            lambda: listener.execute(
                "SELECT 1 FROM observed.lag WHERE projector = 'counting' "
                "AND next_offset = 2 AND end_offset = 2 AND last_broker_time IS NOT NULL"
            ).fetchone(),
            10,
            "the lag row",
        )
