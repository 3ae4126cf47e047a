"""The sections of environments and run configurations, as scripts reach them: `environment.python`, ..."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .conda_dependencies import CondaDependencies
from .elements import Element

DEFAULT_CPU_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest"
DEFAULT_GPU_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-cuda11.8-cudnn8-ubuntu22.04:latest"


class PythonSection(Element):
    """Python and its packages.

    Attributes:
        interpreter_path: The interpreter; "python" is the one that submits.
        user_managed_dependencies: True: packages are as they are there. False: `conda_dependencies` are wanted.
        conda_dependencies: The wanted packages.
        conda_dependencies_file: A file with them, for `conda_dependencies`.
        base_conda_environment: Conda environment to start from.
    """

    def __init__(self, **kwargs: Any) -> None:
        self.interpreter_path = "python"
        self.user_managed_dependencies = False
        self.conda_dependencies: CondaDependencies | None = CondaDependencies()
        self.conda_dependencies_file: str | None = None
        self.base_conda_environment: str | None = None
        self._done()

    def _taken(self, name: str, said: Any) -> Any:
        if name == "conda_dependencies" and isinstance(said, Mapping):
            return CondaDependencies(_underlying_structure=dict(said))
        return said


class ContainerRegistry(Element):
    """Registry of images, and who asks it. A password is in no document."""

    _HIDDEN = ("password",)

    def __init__(self, **kwargs: Any) -> None:
        self.address: str | None = None
        self.username: str | None = None
        self.password: str | None = None
        self.registry_identity: object = None
        self._done()


class DockerImagePlatform(Element):
    """Operating system and processor of an image."""

    def __init__(self, **kwargs: Any) -> None:
        self.os = "Linux"
        self.architecture = "amd64"
        self._done()


class DockerBuildContext(Element):
    """Folder that an image is built of."""

    def __init__(self, **kwargs: Any) -> None:
        self.location: str | None = None
        self.location_type: str | None = None
        self.dockerfile_path = "Dockerfile"
        self._done()

    @classmethod
    def from_local_directory(
        cls, workspace: object, path: str, dockerfile_path: str = "Dockerfile"
    ) -> DockerBuildContext:
        """A folder of this machine."""
        made = cls()
        made.location, made.location_type, made.dockerfile_path = str(path), "local", dockerfile_path
        return made


class DockerSection(Element):
    """Image of an environment."""

    def __init__(self, **kwargs: Any) -> None:
        self.enabled = False
        self.base_image: str | None = DEFAULT_CPU_IMAGE
        self.base_dockerfile: str | None = None
        self.build_context: DockerBuildContext | None = None
        self.base_image_registry = ContainerRegistry()
        self.platform = DockerImagePlatform()
        self.shared_volumes: bool | None = None
        self.gpu_support: bool | None = None
        self.shm_size: str | None = None
        self.arguments: list[str] | None = None
        self._done()

    def _taken(self, name: str, said: Any) -> Any:
        if name == "build_context" and isinstance(said, Mapping):
            return DockerBuildContext()._fill(said)
        return said


class SparkPackage(Element):
    """A package of Maven for Spark."""

    def __init__(self, group: str | None = None, artifact: str | None = None, version: str | None = None) -> None:
        self.group = group
        self.artifact = artifact
        self.version = version
        self._done()


class SparkSection(Element):
    """Packages for Spark."""

    def __init__(self, **kwargs: Any) -> None:
        self.repositories: list[str] = []
        self.packages: list[SparkPackage] = []
        self.precache_packages = True
        self._done()

    def _taken(self, name: str, said: Any) -> Any:
        if name == "packages":
            return [SparkPackage()._fill(each) if isinstance(each, Mapping) else each for each in said or []]
        return said


class DatabricksSection(Element):
    """Libraries for Databricks."""

    def __init__(self, **kwargs: Any) -> None:
        self.maven_libraries: list[Any] = []
        self.pypi_libraries: list[Any] = []
        self.rcran_libraries: list[Any] = []
        self.jar_libraries: list[Any] = []
        self.egg_libraries: list[Any] = []
        self._done()


class HistoryConfiguration(Element):
    """What is kept of a job.

    Attributes:
        output_collection: Whether ./outputs and the watched directories are stored at the end.
        snapshot_project: Whether the source directory is kept as a snapshot.
        directories_to_watch: Directories whose growing files are followed, and stored at the end.
    """

    def __init__(self, **kwargs: Any) -> None:
        self.output_collection = True
        self.snapshot_project = True
        self.directories_to_watch: list[str] | None = ["logs"]
        self._done()


class AmlComputeConfiguration(Element):
    """A machine made for one job; the target `local` has no use for it."""

    def __init__(self, **kwargs: Any) -> None:
        self.vm_size: str | None = None
        self.vm_priority: str | None = None
        self._name: str | None = None
        self._retain_cluster = False
        self._cluster_max_node_count: int | None = None
        self._done()


class KubernetesComputeConfiguration(Element):
    """Type of instance on a Kubernetes target."""

    def __init__(self, **kwargs: Any) -> None:
        self.instance_type: str | None = None
        self._done()


class HdiConfiguration(Element):
    """How Spark is deployed on HDInsight."""

    def __init__(self, **kwargs: Any) -> None:
        self.yarn_deploy_mode = "cluster"
        self._done()


class SparkConfiguration(Element):
    """Settings of a Spark session."""

    def __init__(self, **kwargs: Any) -> None:
        self.configuration: dict[str, Any] = {
            "spark.app.name": "Azure ML Experiment",
            "spark.yarn.maxAppAttempts": 1,
        }
        self._done()


class DataReferenceConfiguration(Element):
    """A path on a datastore that a job needs.

    :param datastore_name: The datastore.
    :param mode: mount, download or upload.
    :param path_on_datastore: Path there.
    :param path_on_compute: Path at which the job finds it.
    :param overwrite: Whether existing data may be replaced.
    """

    def __init__(
        self,
        datastore_name: str | None = None,
        mode: str = "mount",
        path_on_datastore: str | None = None,
        path_on_compute: str | None = None,
        overwrite: bool = False,
    ) -> None:
        self.data_store_name = datastore_name
        self.path_on_data_store = path_on_datastore
        self.path_on_compute = path_on_compute
        self.mode = mode.lower()
        self.overwrite = overwrite
        self._done()


class Data(Element):
    """Data that a job is given.

    :param data_location: Where it is: a dataset, or a path.
    :param create_output_directories: Whether missing directories are made.
    :param mechanism: mount or download.
    :param environment_variable_name: Variable that tells its path.
    :param path_on_compute: Path at which the job finds it.
    :param overwrite: Whether existing data may be replaced.
    """

    def __init__(
        self,
        data_location: Any = None,
        create_output_directories: bool = False,
        mechanism: str | None = None,
        environment_variable_name: str | None = None,
        path_on_compute: str | None = None,
        overwrite: bool = False,
    ) -> None:
        self.data_location = data_location
        self.create_output_directories = create_output_directories
        self.mechanism = mechanism
        self.environment_variable_name = environment_variable_name
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite
        self._done()
