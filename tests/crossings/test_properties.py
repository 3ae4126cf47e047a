"""A property is a fact for ever: one writer wins, the other is told, and the attempt stays on record."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.stack import Stack

RACE = """
import json, sys
from runfold import Experiment, Run, Workspace
from runfold.exceptions import PropertyImmutableError
run = Run(Experiment(Workspace.from_config(), "race"), sys.argv[1])
print("ready", flush=True); sys.stdin.readline()
try:
    run.add_properties({"owner": sys.argv[2]})
    print(json.dumps({"won": sys.argv[2]}))
except PropertyImmutableError as e:
    print(json.dumps({"key": e.key, "kept": e.kept, "refused": e.refused, "offset": e.offset, "text": str(e)}))
"""


def start(stack: Stack) -> str:
    return stack.script(
        "from runfold import Experiment, Workspace;"
        "r = Experiment(Workspace.from_config(), 'race').start_logging(snapshot_directory=None, outputs=False);"
        "r.flush(); print(r.id)"
    ).stdout.strip()


def test_two_processes_want_one_property_and_one_gets_it(stack: Stack) -> None:
    run_id = start(stack)
    racers = [stack.background(RACE, run_id, name) for name in ("a", "b")]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline().strip() == "ready"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    ends = [racer.communicate(timeout=60) for racer in racers]
    told: list[dict[str, Any]] = [json.loads(out) for out, _ in ends]
    winner = next(answer["won"] for answer in told if "won" in answer)
    (loser,) = [answer for answer in told if "won" not in answer]
    assert (loser["key"], loser["kept"]) == ("owner", winner)
    assert loser["refused"] != winner
    for word in ("owner", winner, loser["refused"]):
        assert word in loser["text"]

    assert stack.get(f"runs/{run_id}")["properties"]["owner"] == winner
    refusals = [r for d in stack.get(f"runs/{run_id}/decisions")["decisions"] for r in d["refusals"]]
    assert [(r["key"], r["kept"], r["refused"]) for r in refusals] == [("owner", winner, loser["refused"])]
    assert decided(stack, loser["offset"]) == [("refused", "owner", winner, loser["refused"])]


def decided(stack: Stack, offset: int) -> list[tuple[str, str, str, str]]:
    """What the decisions topic says about refusals at this offset, read as a downstream consumer would."""
    from kafka import KafkaConsumer, TopicPartition

    from runfold_schemas import codec
    from runfold_schemas.events import BatchDecided

    settings = stack.settings()
    topic = f"{settings['topic_prefix']}.{settings['workspace']}.decisions"
    consumer = KafkaConsumer(
        bootstrap_servers=settings["kafka"], auto_offset_reset="earliest", consumer_timeout_ms=5000
    )
    try:
        partitions = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic) or ())]
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        for message in consumer:
            event = codec.decode(message.value)
            assert isinstance(event, BatchDecided)
            found = [
                (e.verdict, e.key, e.kept or "", e.refused or "")
                for e in event.exceptions
                if e.offset == offset and e.key == "owner"
            ]
            if found:
                return found
    finally:
        consumer.close()
    return []


def test_the_same_value_again_is_no_conflict(stack: Stack) -> None:
    said = stack.script(RACE.replace("sys.stdin.readline()", "pass"), start(stack), "a")
    assert json.loads(said.stdout.splitlines()[-1]) == {"won": "a"}


def test_one_call_is_accepted_or_refused_whole(stack: Stack) -> None:
    run_id = start(stack)
    said = stack.script(
        """
import json, sys
from runfold import Run, Workspace
from runfold.exceptions import PropertyImmutableError
run = Run.get(Workspace.from_config(), sys.argv[1])
run.add_properties({"a": "1"})
try:
    run.add_properties({"a": "2", "b": "3"})
except PropertyImmutableError:
    print(json.dumps(run.get_properties()))
""",
        run_id,
    )
    properties = json.loads(said.stdout)
    assert properties["a"] == "1"
    assert "b" not in properties


@pytest.mark.parametrize("bad", ["{'k': 'a\\x00b'}", "{'k': '\\ud800'}", "[1]", "'text'", "{'k' * 5000: 'v'}"])
def test_a_property_that_cannot_be_is_refused_at_the_call(stack: Stack, bad: str) -> None:
    said = stack.script(
        "import sys; from runfold import Run, Workspace\n"
        "run = Run.get(Workspace.from_config(), sys.argv[1]); before = run.watermark()\n"
        f"try:\n    run.add_properties({bad})\n"
        "except Exception as e:\n    print(type(e).__name__, run.watermark() == before)",
        start(stack),
    )
    name, unchanged = said.stdout.split()
    assert name in {"UserErrorException", "TypeError", "ValueError", "AttributeError"}
    assert unchanged == "True"
