"""Runs as with-blocks: one that ends well, one that fails, and what is printed meanwhile is kept as a log."""

import os

from azureml.core import Experiment, Workspace

experiment = Experiment(Workspace.from_config(), "blocks")
here = os.getcwd()

with experiment.start_logging(snapshot_directory=None) as run:
    print("first", run.id)
    print("hello from the block")
    run.log("answer", 42)
    os.makedirs("outputs", exist_ok=True)
    with open("outputs/answer.txt", "w") as file:
        file.write("42")
    os.makedirs("elsewhere", exist_ok=True)
    os.chdir("elsewhere")
assert os.getcwd() == here

try:
    with experiment.start_logging(snapshot_directory=None, outputs=False) as run:
        print("second", run.id)
        run.log("answer", 41)
        raise ValueError("41 is not the answer")
except ValueError as error:
    print("raised", error)
