"""A watchdog on real services: who falls silent is told, who is heard again too, and lag is no silence."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import pytest

from runfold_schemas.events import CancelRequested, RunSubmitted, StatusChanged, TagSet, WriterOpened
from tests.consumers.watchdog.conftest import TTL_S, Site
from tests.waiting import until


def wait_out(seconds: float) -> None:
    """For what must not happen in a while."""
    threading.Event().wait(seconds)


def test_a_frozen_training_is_not_responding_and_running_again_when_it_goes_on(site: Site) -> None:
    with site.projector(), site.watchdog(), site.speaking("r", "logging") as training:
        site.until_status("r", "Running")
        wait_out(2 * TTL_S)
        assert site.status("r") == "Running"
        assert site.said("r") == []
        training.send_signal(signal.SIGSTOP)
        site.until_status("r", "NotResponding")
        ((status, reason),) = site.said("r")
        assert status == "NotResponding"
        assert "was last heard at" in str(reason)
        assert "within 3 s" in str(reason)
        training.send_signal(signal.SIGCONT)
        site.until_status("r", "Running")


def test_a_writer_that_says_nothing_more_is_kept_by_its_heartbeats_alone(site: Site) -> None:
    with site.projector(), site.watchdog(), site.speaking("r", "silent") as training:
        site.until_status("r", "Running")
        wait_out(2 * TTL_S)
        assert site.status("r") == "Running"
        ((ends, count),) = site.rows("SELECT ends, (SELECT count(*) FROM state.points) FROM state.heartbeats")
        assert ends["facts"] == 3
        assert count == 0
        training.kill()
        site.until_status("r", "NotResponding")


@pytest.mark.slow
def test_a_projector_that_lags_makes_nobody_silent(site: Site) -> None:
    with site.projector() as projector, site.watchdog(), site.speaking("r", "logging"):
        site.until_status("r", "Running")
        until(lambda: site.rows("SELECT FROM state.points"), 30, "points")
        projector.send_signal(signal.SIGSTOP)
        wait_out(2.5 * TTL_S)
        assert site.said("r") == []
        projector.send_signal(signal.SIGCONT)
        wait_out(TTL_S)
        assert site.said("r") == []
        assert site.status("r") == "Running"


@pytest.mark.slow
def test_a_projector_that_was_away_makes_nobody_silent_when_it_is_back(site: Site) -> None:
    with site.projector(), site.watchdog(), site.speaking("r", "logging"):
        site.until_status("r", "Running")
    with site.speaking("s", "silent"):
        wait_out(TTL_S)
        with site.projector(), site.watchdog():
            site.until_status("r", "NotResponding")
            assert site.said("s") == []


def test_what_was_submitted_by_a_process_that_was_killed_is_not_responding_by_its_deadline(site: Site) -> None:
    with site.projector(), site.watchdog(), site.speaking("r", "submitting", "3") as submitter:
        until(lambda: site.rows("SELECT FROM state.submissions"), 30, "the submission")
        submitter.kill()
        begun = time.monotonic()
        site.until_status("r", "NotResponding")
        assert "nobody spoke for it within 3 s" in str(site.said("r")[0][1])
        assert time.monotonic() - begun < 15
        with site.speaking("r", "silent"):  # the supervisor was only slow
            site.until_status("r", "Running")


def test_a_submitter_that_lives_is_no_sign_of_life_of_its_run(site: Site) -> None:
    with site.projector(), site.watchdog(), site.writer(heartbeats=True) as submitter:
        submitter.start("r")
        submitter.say("r", RunSubmitted, respond_within_s=30.0)
        with site.speaking("r", "silent") as supervisor:
            others = (
                "SELECT FROM state.heartbeats AS heard JOIN state.submissions AS submitted USING (run_id) "
                "WHERE heard.writer_id <> submitted.writer_id"
            )
            until(lambda: site.rows(others), 30, "the supervisor to be heard")
            supervisor.send_signal(signal.SIGSTOP)
            site.until_status("r", "NotResponding")
            wait_out(TTL_S)
            assert site.status("r") == "NotResponding"
            supervisor.send_signal(signal.SIGCONT)
            site.until_status("r", "Running")


def test_a_run_that_ended_is_left_alone_and_so_is_one_that_nobody_promised_to_speak_for(site: Site) -> None:
    with site.projector(), site.watchdog(), site.writer(heartbeats=True) as one, site.writer() as other:
        one.start("ended")
        until(lambda: site.rows("SELECT FROM state.heartbeats"), 30, "a heartbeat")
        one.say("ended", StatusChanged, status="Completed")
        other.say("tagged", WriterOpened, actor="ada")
        other.say("tagged", TagSet, key="k", value="v")
        other.start("older release")
        site.until_status("ended", "Completed")
        (heard,) = site.rows("SELECT broker_time FROM state.heartbeats")
        wait_out(2 * TTL_S)
        assert site.rows("SELECT broker_time FROM state.heartbeats") == [heard]
        assert site.rows("SELECT FROM state.writers WHERE actor = 'watchdog'") == []
        assert site.status("older release") == "Running"


def test_who_is_heard_again_is_where_it_was_also_for_a_watchdog_that_began_since(site: Site) -> None:
    with site.projector(), site.speaking("r", "silent") as training, site.writer() as person:
        with site.watchdog():
            site.until_status("r", "Running")
            person.say("r", CancelRequested, reason="enough")
            site.until_status("r", "CancelRequested")
            training.send_signal(signal.SIGSTOP)
            site.until_status("r", "NotResponding")
        with site.watchdog(), site.watchdog():
            wait_out(1)
            assert site.status("r") == "NotResponding"
            training.send_signal(signal.SIGCONT)
            site.until_status("r", "CancelRequested")
            training.send_signal(signal.SIGSTOP)
            site.until_status("r", "NotResponding")
            training.send_signal(signal.SIGCONT)
            site.until_status("r", "CancelRequested")


def test_a_watchdog_that_begins_gives_those_who_could_not_speak_time_to_do_so(site: Site) -> None:
    with site.projector(), site.speaking("r", "silent") as training:
        until(lambda: site.rows("SELECT FROM state.heartbeats"), 30, "a heartbeat")
        training.send_signal(signal.SIGSTOP)
        wait_out(2 * TTL_S)
        with site.watchdog():
            wait_out(TTL_S / 2)
            training.send_signal(signal.SIGCONT)
            wait_out(TTL_S)
            assert site.said("r") == []


def test_a_run_that_only_older_writers_log_into_is_heard_again(site: Site) -> None:
    with site.projector(), site.watchdog(), site.writer() as rank:
        with site.speaking("r", "silent") as training:
            rank.say("r", WriterOpened, actor="ada")
            site.until_status("r", "Running")
            training.kill()
            site.until_status("r", "NotResponding")
        for number in range(100):
            rank.journal.points("r").log("loss", 0.5, number)
            rank.shipper.wake()
            wait_out(0.1)
            if site.status("r") == "Running":
                break
        assert site.status("r") == "Running"


def test_a_workspace_without_topics_does_not_keep_others_from_being_judged(site: Site) -> None:
    with site.projector():
        with site.speaking("r", "silent"):
            site.until_status("r", "Running")
        site.rows(
            "INSERT INTO state.positions (workspace, topic, partition, topic_id, next_offset) "
            "VALUES ('aaa', %s, 0, 't', 1) RETURNING workspace",
            f"{site.settings.topic_prefix}.aaa.facts",
        )
        with site.watchdog():
            site.until_status("r", "NotResponding")


def test_a_watchdog_that_has_spoken_of_many_runs_begins_a_new_journal(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runfold_consumers.watchdog.stating.RUNS_MAX", 1)
    with site.projector(), site.watchdog():
        for run_id in ("r", "s"):
            with site.speaking(run_id, "silent"):
                site.until_status(run_id, "Running")
            site.until_status(run_id, "NotResponding")
        writers = "SELECT FROM state.writers WHERE actor = 'watchdog' AND outsider = false"
        assert len(site.rows(writers)) == 2
        assert len(site.rows("SELECT DISTINCT writer_id FROM state.writers WHERE actor = 'watchdog'")) == 2


def test_the_nodes_shipper_shows_the_life_of_a_process_that_moves_and_of_no_other(site: Site) -> None:
    command = [sys.executable, "-c", "from runfold_deploy.command import main; main()", "ship"]
    shipper = subprocess.Popen(command, env=site.env, stderr=subprocess.DEVNULL)
    try:
        with site.projector(), site.watchdog():
            with site.speaking("r", "node") as training:
                site.until_status("r", "Running")
                wait_out(2 * TTL_S)
                assert site.status("r") == "Running"
                training.send_signal(signal.SIGSTOP)
                site.until_status("r", "NotResponding")
                training.send_signal(signal.SIGCONT)
                site.until_status("r", "Running")
            # Killed: it is spoken for, and nobody is left to speak.
            until(
                lambda: site.rows("SELECT FROM state.claims WHERE closed IS NOT NULL"), 30, "its journal to be closed"
            )
            site.until_status("r", "NotResponding")
    finally:
        shipper.kill()
        shipper.wait()
