"""A training process that is watched: its run is running, and it logs every tenth of a second, or says nothing more.

    python speaking_process.py WORKSPACE RUN [logging | silent | submitting SECONDS | node]

It prints `ready` when the first of it was said, and ends with its standard input.
"""

from __future__ import annotations

import sys
import threading

from runfold.journal.writer import Journal
from runfold.shipper.node import NodeShipping
from runfold.shipper.thread import ShipperThread
from runfold_schemas.events import RunStarted, RunSubmitted, StatusChanged, WriterOpened
from runfold_schemas.settings import Settings

workspace, run_id, *mode = sys.argv[1:]
settings = Settings.load()
journal = Journal.create(settings.journals(), workspace=workspace)


def say(event, **fields):  # type: ignore[no-untyped-def]
    journal.fact("run", run_id, lambda ordinal: event("run", run_id, journal.writer_id, ordinal, 1, **fields))


say(WriterOpened, actor="ada")
say(RunStarted, experiment="e")
if mode[0] == "submitting":
    say(RunSubmitted, respond_within_s=float(mode[1]))
else:
    say(StatusChanged, status="Running")
shipper = NodeShipping(journal, None, lambda: None) if mode[0] == "node" else ShipperThread(journal, settings)  # type: ignore[arg-type,return-value]
shipper.wake()
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
sys.stdout.write("ready\n")
sys.stdout.flush()
while not ended.wait(0.1):
    if mode[0] == "logging":
        journal.points(run_id).log("loss", 0.5)
        journal.append_log(run_id, "user_logs/std_log.txt", b"a line\n")
journal.close()
shipper.finish(1e12)
