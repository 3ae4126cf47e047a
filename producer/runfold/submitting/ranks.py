"""The processes of a job, and what each is told of the others. Pure: framework and communicator decide.

    None                   one process
    Nccl, Gloo             torch.distributed: RANK, LOCAL_RANK, WORLD_SIZE, NODE_RANK, MASTER_ADDR, MASTER_PORT
    IntelMpi, OpenMpi      OMPI_COMM_WORLD_RANK, _SIZE, _LOCAL_RANK, _LOCAL_SIZE, and RANK and its kin as well
    ParameterServer        TF_CONFIG; parameter servers end with the last worker
    ParallelTask           RANK and WORLD_SIZE; a task that failed is started again, as often as is said

All nodes of a job on the target `local` are this machine; ranks are counted node by node.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from runfold.exceptions import RunConfigurationException

if TYPE_CHECKING:
    from .run_configuration import RunConfiguration

LOG = "user_logs/std_log.txt"
HOST = "127.0.0.1"
PROCESSES_MAX = 1024
PYTORCH, MPI, TENSORFLOW, TASKS = "pytorch", "mpi", "tensorflow", "tasks"
_KINDS = {"Nccl": PYTORCH, "Gloo": PYTORCH, "IntelMpi": MPI, "OpenMpi": MPI, "ParallelTask": TASKS}


class Layout(NamedTuple):
    """How many processes of which kind. `kind` is empty for a single process without any."""

    kind: str
    nodes: int
    per_node: int
    servers: int = 0  # parameter servers, beside nodes * per_node workers
    retries: int = 0  # how often a task that failed is started again
    final_codes: tuple[int, ...] = ()  # exit codes after which it is not

    @property
    def world_size(self) -> int:
        """All processes."""
        return self.nodes * self.per_node + self.servers


class Rank(NamedTuple):
    """One process of a job."""

    rank: int
    log: str
    environment: dict[str, str]
    serves: bool  # ends when those that do not serve have ended


def layout(run_config: RunConfiguration) -> Layout:
    """The processes that a run configuration asks for.

    :raises RunConfigurationException: They cannot be laid out.
    """
    communicator, nodes = run_config.communicator, run_config.node_count
    if isinstance(nodes, bool) or not isinstance(nodes, int) or nodes < 1:
        raise RunConfigurationException(f"node_count is {nodes!r:.100}; a whole number from 1 is allowed.")
    if communicator == "ParameterServer":
        section = run_config.tensorflow
        found = Layout(TENSORFLOW, 1, section.worker_count, section.parameter_server_count)
    elif communicator not in _KINDS:
        if nodes > 1:
            raise RunConfigurationException(
                f"node_count is {nodes} and communicator None: give ScriptRunConfig a distributed_job_config."
            )
        return Layout("", 1, 1)
    elif _KINDS[communicator] == MPI:
        found = Layout(MPI, nodes, run_config.mpi.process_count_per_node)
    elif _KINDS[communicator] == TASKS:
        tasks = run_config.paralleltask
        final = tuple(tasks.terminal_exit_codes or ())
        found = Layout(TASKS, nodes, tasks.worker_count_per_node, 0, tasks.max_retries_per_worker, final)
    else:
        processes = run_config.pytorch.process_count or nodes
        if processes % nodes:
            raise RunConfigurationException(
                f"process_count is {processes} and node_count {nodes}: each node gets as many processes, so the first "
                "must be a multiple of the second."
            )
        found = Layout(PYTORCH, nodes, processes // nodes)
    if not 1 <= found.world_size <= PROCESSES_MAX or found.per_node < 1:
        raise RunConfigurationException(
            f"{found.world_size} processes are asked for; 1 to {PROCESSES_MAX} are allowed on one machine, one at "
            "least a worker."
        )
    return found


def ranks(laid: Layout, free_port: Callable[[], int]) -> list[Rank]:
    """The processes of a job, by rank.

    :param free_port: Gives ports that nobody uses.
    """
    if not laid.kind:
        return [Rank(0, LOG, {}, False)]
    size = laid.world_size
    if laid.kind == TENSORFLOW:
        return _tensorflow(laid, free_port)
    port = str(free_port())
    return [Rank(rank, log_of(rank, size), _told(laid, rank, port), False) for rank in range(size)]


def log_of(rank: int, size: int) -> str:
    """Name of a rank's log."""
    return LOG if size == 1 else f"user_logs/std_log_process_{rank:02d}.txt"


def _told(laid: Layout, rank: int, port: str) -> dict[str, str]:
    node, local = divmod(rank, laid.per_node)
    said = {"RANK": rank, "WORLD_SIZE": laid.world_size}
    if laid.kind != TASKS:
        said |= {"LOCAL_RANK": local, "LOCAL_WORLD_SIZE": laid.per_node, "NODE_RANK": node, "GROUP_RANK": node}
    if laid.kind == MPI:
        said |= {
            "OMPI_COMM_WORLD_RANK": rank,
            "OMPI_COMM_WORLD_SIZE": laid.world_size,
            "OMPI_COMM_WORLD_LOCAL_RANK": local,
            "OMPI_COMM_WORLD_LOCAL_SIZE": laid.per_node,
            "OMPI_COMM_WORLD_NODE_RANK": node,
        }
    found = {name: str(value) for name, value in said.items()}
    if laid.kind != TASKS:
        found |= {
            "MASTER_ADDR": HOST,
            "MASTER_PORT": port,
            "AZ_BATCHAI_MPI_MASTER_NODE": HOST,
            "AZUREML_NODE_COUNT": str(laid.nodes),
        }
    return found


def _tensorflow(laid: Layout, free_port: Callable[[], int]) -> list[Rank]:
    size = laid.world_size
    workers = size - laid.servers
    addresses = [f"{HOST}:{free_port()}" for _ in range(size)]
    cluster = {"worker": addresses[:workers]}
    if laid.servers:
        cluster["ps"] = addresses[workers:]
    found = []
    for rank in range(size):
        serves = rank >= workers
        task = {"type": "ps" if serves else "worker", "index": rank - workers if serves else rank}
        config = json.dumps({"cluster": cluster, "task": task, "environment": "cloud"})
        told = {"TF_CONFIG": config, "RANK": str(rank), "WORLD_SIZE": str(size)}
        found.append(Rank(rank, log_of(rank, size), told, serves))
    return found
