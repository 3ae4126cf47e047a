"""How many processes a job has, how they find each other, and in which container: the original's classes."""

from __future__ import annotations

from .elements import Element, count, one_of

SHM_SIZE = "2g"


class DockerConfiguration(Element):
    """Container of a job.

    :param use_docker: Whether the job runs in one; the target `local` runs jobs without, and says so.
    :param shared_volumes: Whether volumes are shared.
    :param arguments: Extra arguments of `docker run`.
    :param shm_size: Size of shared memory.
    """

    def __init__(
        self,
        use_docker: bool = False,
        shared_volumes: bool = True,
        arguments: list[str] = [],  # noqa: B006 - the original's default; copied below
        shm_size: str = SHM_SIZE,
    ) -> None:
        self.use_docker = use_docker
        self.shared_volumes = shared_volumes
        self.arguments = list(arguments or [])
        self.shm_size = shm_size
        self._done()


class MpiConfiguration(Element):
    """Ranks that find each other by MPI.

    :param process_count_per_node: Processes on each node.
    :param node_count: Nodes; on the target `local` they are all this machine.
    :raises UserErrorException: One is no whole number from 1.
    """

    _HIDDEN = ("node_count",)

    def __init__(self, process_count_per_node: int = 1, node_count: int = 1) -> None:
        self.process_count_per_node = count("process_count_per_node", process_count_per_node)
        self.node_count = count("node_count", node_count)
        self._done()


class PyTorchConfiguration(Element):
    """Ranks as torch.distributed finds them: RANK, WORLD_SIZE, MASTER_ADDR and their kin are set.

    :param communication_backend: Nccl or Gloo.
    :param process_count: Processes in all; None for one on each node, which starts what it needs itself.
    :param node_count: Nodes; on the target `local` they are all this machine.
    :raises UserErrorException: A count is no whole number from 1, or the backend is unknown.
    """

    _HIDDEN = ("node_count",)

    def __init__(
        self, communication_backend: str = "Nccl", process_count: int | None = None, node_count: int = 1
    ) -> None:
        self.communication_backend = one_of("communication_backend", communication_backend, ("nccl", "gloo", "mpi"))
        self.process_count = None if process_count is None else count("process_count", process_count)
        self.node_count = count("node_count", node_count)
        self._done()


class TensorflowConfiguration(Element):
    """Workers and parameter servers, told by TF_CONFIG.

    :param worker_count: Workers.
    :param parameter_server_count: Parameter servers; they end with the last worker.
    :raises UserErrorException: One is no whole number.
    """

    def __init__(self, worker_count: int = 1, parameter_server_count: int = 1) -> None:
        self.worker_count = count("worker_count", worker_count)
        self.parameter_server_count = count("parameter_server_count", parameter_server_count, 0)
        self._done()


class ParallelTaskConfiguration(Element):
    """Workers that share a task without talking to each other.

    :param max_retries_per_worker: How often a worker that failed is started again.
    :param worker_count_per_node: Workers on each node.
    :param terminal_exit_codes: Exit codes after which a worker is not started again.
    """

    def __init__(
        self,
        max_retries_per_worker: int = 0,
        worker_count_per_node: int = 1,
        terminal_exit_codes: list[int] | None = None,
    ) -> None:
        self.max_retries_per_worker = count("max_retries_per_worker", max_retries_per_worker, 0)
        self.worker_count_per_node = count("worker_count_per_node", worker_count_per_node)
        self.terminal_exit_codes = terminal_exit_codes
        self._done()
