"""The processes of a job, and what each is told."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from runfold import environment
from runfold.exceptions import RunConfigurationException
from runfold.submitting import (
    MpiConfiguration,
    ParallelTaskConfiguration,
    PyTorchConfiguration,
    RunConfiguration,
    ScriptRunConfig,
    TensorflowConfiguration,
)
from runfold.submitting.ranks import Rank, layout, ranks


def ports() -> Callable[[], int]:
    drawn = itertools.count(5000)
    return lambda: next(drawn)


def of(config: Any) -> list[Rank]:
    return ranks(layout(ScriptRunConfig(".", "t.py", distributed_job_config=config).run_config), ports())


def test_a_plain_job_is_one_process_that_is_told_nothing() -> None:
    assert of(None) == [Rank(0, "user_logs/std_log.txt", {}, False)]


def test_ranks_of_torch_find_their_master() -> None:
    found = of(PyTorchConfiguration(process_count=4, node_count=2))
    told = [(r.environment["RANK"], r.environment["LOCAL_RANK"], r.environment["NODE_RANK"]) for r in found]
    assert told == [("0", "0", "0"), ("1", "1", "0"), ("2", "0", "1"), ("3", "1", "1")]
    assert {r.environment["WORLD_SIZE"] for r in found} == {"4"}
    assert {(r.environment["MASTER_ADDR"], r.environment["MASTER_PORT"]) for r in found} == {("127.0.0.1", "5000")}
    assert found[3].log == "user_logs/std_log_process_03.txt"


def test_without_a_process_count_each_node_has_one_process() -> None:
    found = of(PyTorchConfiguration(node_count=2))
    assert [r.environment["NODE_RANK"] for r in found] == ["0", "1"]
    assert len(of(PyTorchConfiguration())) == 1


def test_ranks_of_mpi_are_told_in_the_words_of_open_mpi() -> None:
    found = of(MpiConfiguration(2, 2))
    assert [r.environment["OMPI_COMM_WORLD_RANK"] for r in found] == ["0", "1", "2", "3"]
    assert [r.environment["OMPI_COMM_WORLD_LOCAL_RANK"] for r in found] == ["0", "1", "0", "1"]
    assert [r.environment["OMPI_COMM_WORLD_NODE_RANK"] for r in found] == ["0", "0", "1", "1"]
    assert {r.environment["OMPI_COMM_WORLD_SIZE"] for r in found} == {"4"}


def test_the_ledger_knows_each_rank_by_its_place() -> None:
    for config in (PyTorchConfiguration(process_count=3), MpiConfiguration(3), TensorflowConfiguration(2, 1)):
        places = [environment.place(r.environment) for r in of(config)]
        assert [(p.rank, p.world_size) for p in places] == [(0, 3), (1, 3), (2, 3)]


def test_workers_and_servers_of_tensorflow_have_one_cluster() -> None:
    found = of(TensorflowConfiguration(2, 1))
    configs = [json.loads(r.environment["TF_CONFIG"]) for r in found]
    assert all(c["cluster"] == configs[0]["cluster"] for c in configs)
    assert configs[0]["cluster"] == {"worker": ["127.0.0.1:5000", "127.0.0.1:5001"], "ps": ["127.0.0.1:5002"]}
    tasks = [(c["task"]["type"], c["task"]["index"]) for c in configs]
    assert tasks == [("worker", 0), ("worker", 1), ("ps", 0)]
    assert [r.serves for r in found] == [False, False, True]


def test_tasks_are_numbered() -> None:
    assert [r.environment["RANK"] for r in of(ParallelTaskConfiguration(worker_count_per_node=2))] == ["0", "1"]
    config = ScriptRunConfig(".", "t.py", distributed_job_config=ParallelTaskConfiguration(3, 2, [9])).run_config
    assert layout(config)[-2:] == (3, (9,))


def _run_config(**said: Any) -> RunConfiguration:
    config = RunConfiguration()
    for name, value in said.items():
        setattr(config, name, value)
    return config


def _without_workers() -> TensorflowConfiguration:
    found = TensorflowConfiguration()
    found.worker_count = 0
    return found


@pytest.mark.parametrize(
    "config",
    [
        _run_config(communicator="ParameterServer", tensorflow=_without_workers()),
        _run_config(node_count=2),
        _run_config(node_count=0),
        _run_config(node_count="2"),
        _run_config(node_count=2, communicator="Nccl", pytorch=PyTorchConfiguration(process_count=3)),
        _run_config(communicator="IntelMpi", mpi=MpiConfiguration(5000)),
    ],
)
def test_what_cannot_be_laid_out_is_refused(config: RunConfiguration) -> None:
    with pytest.raises(RunConfigurationException):
        layout(config)
