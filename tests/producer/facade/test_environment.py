"""Rank, world size, attempt and job are what the environment says, and never guessed."""

from __future__ import annotations

import pytest

from runfold.environment import Job, Place, job, place
from runfold.exceptions import UserErrorException


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, Place(None, None, 0)),
        ({"RANK": "3", "WORLD_SIZE": "8"}, Place(3, 8, 0)),
        ({"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2"}, Place(1, 2, 0)),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "4", "RUNFOLD_ATTEMPT": "2"}, Place(0, 4, 2)),
        ({"RANK": "0", "WORLD_SIZE": "1", "SLURM_PROCID": "5", "SLURM_NTASKS": "6"}, Place(0, 1, 0)),
        ({"RANK": "first"}, Place(None, None, 0)),
        ({"RUNFOLD_ATTEMPT": ""}, Place(None, None, 0)),
    ],
)
def test_the_place_is_what_the_launcher_says(environ: dict[str, str], expected: Place) -> None:
    assert place(environ) == expected


@pytest.mark.parametrize("attempt", ["-1", "1.5", "second", str(2**31)])
def test_a_wrong_attempt_is_refused(attempt: str) -> None:
    with pytest.raises(UserErrorException, match="RUNFOLD_ATTEMPT"):
        place({"RUNFOLD_ATTEMPT": attempt})


def test_our_variables_name_a_job_with_its_parent() -> None:
    ours = {"RUNFOLD_WORKSPACE": "w", "RUNFOLD_EXPERIMENT": "e", "RUNFOLD_RUN_ID": "r"}
    assert job(ours) == Job("", "", "w", "e", "r", None)
    assert job({**ours, "RUNFOLD_PARENT_RUN_ID": "p"}) == Job("", "", "w", "e", "r", "p")
    for name in ours:
        assert job({**ours, name: ""}) is None


def test_a_submission_tells_both_names_of_its_workspace() -> None:
    said = {"RUNFOLD_WORKSPACE": "w", "RUNFOLD_EXPERIMENT": "e", "RUNFOLD_RUN_ID": "r"}
    said |= {"AZUREML_ARM_WORKSPACE_NAME": "Theirs", "AZUREML_ARM_SUBSCRIPTION": "s"}
    assert job({**said, "RUNFOLD_SUBMITTED": "1"}) == Job("s", "", "Theirs", "e", "r", None, True, "w")
    assert job(said) == Job("s", "", "w", "e", "r", None)
    unnamed = {**said, "RUNFOLD_SUBMITTED": "1", "AZUREML_ARM_WORKSPACE_NAME": ""}
    assert job(unnamed) == Job("s", "", "w", "e", "r", None, True)
