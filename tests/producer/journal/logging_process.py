"""A process that logs until it is killed, and acknowledges what returned on standard output. Run by the tests here.

    python logging_process.py ROOT MODE MAPPED [MORE]

It prints the journal's folder, then a line for each acknowledged ordinal or value; MODE is told at its function.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

from runfold.journal.writer import Journal
from runfold_schemas.events import TagSet


def acknowledge(text: str) -> None:
    os.write(1, text.encode() + b"\n")


def forever(journal: Journal) -> None:
    """Points of two runs and facts, in turn, each acknowledged after its return."""
    one, two = journal.points("one"), journal.points("two")
    for number in count(1):
        one.log("loss", float(number), number)
        acknowledge(f"one {number}")
        if number % 5 == 0:
            two.log("text", f"text {number}" * (number % 40))
            acknowledge(f"two {number // 5}")
        if number % 7 == 0:
            ordinal = journal.fact("run", "one", lambda ordinal: TagSet(ordinal=ordinal, key="k", value="v" * 300))
            acknowledge(f"fact {ordinal}")


def flat_out(journal: Journal) -> None:
    """Points as fast as it goes; every thousandth is acknowledged."""
    log = journal.points("one").log
    for number in count(1):
        log("loss", float(number), number)
        if number % 1000 == 0:
            acknowledge(f"one {number}")


_raises_left = 0


def _interrupt(*_: object) -> None:
    """Raises at most three times in one call, and never between two calls of the journal."""
    global _raises_left
    if _raises_left > 0:
        _raises_left -= 1
        raise KeyboardInterrupt


def returned(call: Callable[[], object]) -> bool:
    """Makes a call that may be broken off, again and again; True when it returned."""
    global _raises_left
    try:
        try:
            try:
                try:
                    _raises_left = 3
                    call()
                    _raises_left = 0
                    return True
                except KeyboardInterrupt:
                    _raises_left = 0
            except KeyboardInterrupt:
                _raises_left = 0
        except KeyboardInterrupt:
            _raises_left = 0
    except KeyboardInterrupt:
        _raises_left = 0
    return False


def interrupted(journal: Journal) -> None:
    """Points and facts while SIGINT rains; the value of a call that was broken off is not used again.

    Ends at a SIGTERM with what was acknowledged.
    """
    stopping: list[bool] = []
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    lane = journal.points("one")
    acknowledged: list[str] = []
    broken_off = number = 0
    acknowledge("ready")
    while not stopping:
        number += 1
        what, value = "one", str(float(number))
        call: Callable[[], object] = partial(lane.log, "loss", float(number), number)
        if number % 9 == 0:
            what, value = "fact", str(number) * 30
            call = partial(journal.fact, "run", "one", partial(_tag, value))
        elif number % 10 == 0:
            value = f"text {number}"
            call = partial(lane.log, "text", value)
        if returned(call):
            acknowledged.append(f"{what} {value}")
        else:
            broken_off += 1
    journal.close()
    acknowledge("\n".join([str(broken_off), *acknowledged]))


def _tag(value: str, ordinal: int) -> TagSet:
    return TagSet(ordinal=ordinal, key="k", value=value)


def handled(journal: Journal) -> None:
    """Points and facts, and a handler that logs both too; all is acknowledged. Ends as `interrupted` does."""
    stopping: list[bool] = []
    handler_ordinals: list[int] = []
    lane = journal.points("one")
    calls = depth = 0

    def log_too(*_: object) -> None:
        nonlocal calls, depth
        if depth >= 3:  # signals come faster than handlers end
            return
        depth += 1
        calls += 1
        lane.log("handled", calls)
        handler_ordinals.append(journal.fact("run", "one", lambda ordinal: TagSet(ordinal=ordinal, key="handled")))
        depth -= 1

    signal.signal(signal.SIGINT, log_too)
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    acknowledge("ready")
    number = 0
    main_ordinals = []
    while not stopping:
        number += 1
        lane.log("loss", float(number), number)
        if number % 3 == 0:
            ordinal = journal.fact("run", "one", lambda ordinal: TagSet(ordinal=ordinal, key="main", value="v" * 200))
            main_ordinals.append(ordinal)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    journal.close()
    acknowledge(f"{number} {calls}")
    acknowledge(" ".join(map(str, main_ordinals)))
    acknowledge(" ".join(map(str, handler_ordinals)))


def text(journal: Journal) -> None:
    """Log text in pieces of many sizes; how long it is so far is acknowledged after each."""
    told = 0
    for size in count(1):
        length = size * 997 % 40_000
        last = (told + length) // 8 + 1
        content = b"".join(b"%07d\n" % number for number in range(told // 8, last + 1))
        journal.append_log("r", "user_logs/std_log.txt", content[told % 8 : told % 8 + length])
        told += length
        acknowledge(str(told))


def text_handled(journal: Journal) -> None:
    """Lines of a log, and a handler that writes lines of the same log; ends as `interrupted` does."""
    stopping: list[bool] = []
    calls = depth = 0

    def log_too(*_: object) -> None:
        nonlocal calls, depth
        if depth >= 3:  # signals come faster than handlers end
            return
        depth += 1
        number, calls = calls, calls + 1
        journal.append_log("r", "user_logs/std_log.txt", b"handled %d\n" % number)
        depth -= 1

    signal.signal(signal.SIGINT, log_too)
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    acknowledge("ready")
    number = 0
    while not stopping:
        journal.append_log("r", "user_logs/std_log.txt", b"main %d\n" % number)
        number += 1
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    journal.close()
    acknowledge(f"{number} {calls}")


def full_disk(journal: Journal) -> None:
    """No file may grow beyond 32 KiB for a while; what is logged then is dropped and counted."""
    lane = journal.points("one")
    lane.log("loss", 0.0, 0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (32 << 10, hard))
    for number in range(1, 5000):
        lane.log("loss", float(number), number)
    ordinal = journal.fact("run", "one", lambda ordinal: TagSet(ordinal=ordinal, key="dropped"))
    assert journal.is_dropping
    number = 4999
    if sys.argv[4] == "room_again":
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        while journal.is_dropping:
            number += 1
            lane.log("loss", float(number), number)
        for _ in range(1000):
            number += 1
            lane.log("loss", float(number), number)
    journal.close()
    acknowledge(f"{journal.dropped} {number + 1} {ordinal}")


if __name__ == "__main__":
    mode = sys.argv[2]
    first = 64 << 10 if mode == "full_disk" else 12288
    made = Journal.create(
        Path(sys.argv[1]),
        workspace="w",
        mapped=sys.argv[3] == "mapped",
        first_segment_bytes=first,
        segment_bytes_max=1 << 20,
    )
    acknowledge(str(made.folder))
    {
        "forever": forever,
        "flat_out": flat_out,
        "interrupted": interrupted,
        "handled": handled,
        "full_disk": full_disk,
        "text": text,
        "text_handled": text_handled,
    }[mode](made)
