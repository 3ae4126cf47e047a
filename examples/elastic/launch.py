"""Starts eight ranks of train.py as torchrun would, and starts a rank that was lost again."""

import os
import subprocess
import sys

WORLD_SIZE = 8
RESTARTS_MAX = 3
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "train.py")


def start(rank, restarts):
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": WORLD_SIZE, "TORCHELASTIC_RESTART_COUNT": restarts}
    environment = dict(os.environ, **{name: str(value) for name, value in place.items()})
    return subprocess.Popen([sys.executable, SCRIPT, *sys.argv[1:]], env=environment)


running = {rank: (start(rank, 0), 0) for rank in range(WORLD_SIZE)}
for rank, (process, restarts) in running.items():
    while process.wait() != 0:
        if restarts == RESTARTS_MAX:
            sys.exit(f"rank {rank} ended with {process.returncode}")
        restarts += 1
        print("rank", rank, "was lost; start", restarts)
        process = start(rank, restarts)
print("all ranks are done")
