"""One rank of a training that survives the loss of a rank: it goes on from its last checkpoint."""

import argparse
import json
import os
import signal

from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=60)
parser.add_argument("--checkpoint-every", type=int, default=10)
parser.add_argument("--checkpoints", default="checkpoints")
parser.add_argument("--lose-rank", type=int, default=-1, help="a rank that is killed at its first start")
args = parser.parse_args()

run = Run.get_context()
rank = int(os.environ.get("RANK", "0"))
restarts = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))
checkpoint = os.path.join(args.checkpoints, f"rank-{rank}.json")

step, weight = 0, 10.0 + rank
if os.path.exists(checkpoint):
    with open(checkpoint) as file:
        step, weight = json.load(file)
    print("rank", rank, "goes on at step", step)

while step < args.steps:
    weight *= 0.95
    run.log("loss", weight**2, step=step)
    step += 1
    if step % args.checkpoint_every == 0:
        os.makedirs(args.checkpoints, exist_ok=True)
        with open(f"{checkpoint}.new", "w") as file:
            json.dump([step, weight], file)
        os.replace(f"{checkpoint}.new", checkpoint)
    if rank == args.lose_rank and restarts == 0 and step == 35:
        os.kill(os.getpid(), signal.SIGKILL)

run.complete()
print("rank", rank, "is done")
