"""The script that submit.py submits."""

import argparse
import os

from azureml.core.run import Run

parser = argparse.ArgumentParser()
parser.add_argument("--numbers", type=int)
parser.add_argument("--scale", type=float)
args = parser.parse_args()

run = Run.get_context(allow_offline=False)
print(os.environ["GREETING"], "from", run.experiment.name)

numbers = [args.scale * n for n in range(args.numbers)]
for number in numbers:
    run.log("numbers", number)
run.log("sum", sum(numbers))

with open("outputs/numbers.txt", "w") as file:
    file.write("\n".join(str(number) for number in numbers))
run.complete()  # the job goes on until it ends: its status is not the script's affair
print("done")
