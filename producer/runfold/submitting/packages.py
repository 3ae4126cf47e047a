"""What an environment asks for and the target `local` does not provide: told as warnings of the run, not refused.

The original builds conda environments and images; here a job runs in an interpreter that is there. So what differs from
the environment's word is recorded on the run, where its owner looks when an import fails.
"""

from __future__ import annotations

import re
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .run_configuration import RunConfiguration

SHOWN_MAX = 20
_OURS = ("azureml-", "runfold", "pip", "python")
_NAME = re.compile(r"\s*([A-Za-z0-9][\w.-]*)")


def warnings(run_config: RunConfiguration, interpreter: str) -> list[tuple[str, str]]:
    """Warnings, as (source, message).

    :param interpreter: "python" is this process's own, in which can be looked what is installed.
    """
    environment = run_config.environment
    told = []
    if environment.docker.enabled or run_config.docker.use_docker:
        told.append(("docker", "The target local runs jobs without a container; the image is not used."))
    if environment.python.user_managed_dependencies or interpreter != "python":
        return told
    missing = [name for name in _wanted(run_config) if not _installed(name)]
    if missing:
        more = f" and {len(missing) - SHOWN_MAX} more" if len(missing) > SHOWN_MAX else ""
        told.append(
            (
                "environment",
                f"Environment {environment.name!r} names packages that the job's interpreter does not have, and the "
                f"target local installs none: {', '.join(missing[:SHOWN_MAX])}{more}. Install them, or set "
                "environment.python.interpreter_path to an interpreter that has them.",
            )
        )
    return told


def _wanted(run_config: RunConfiguration) -> list[str]:
    packages = run_config.environment.python.conda_dependencies
    lines = [] if packages is None else packages.pip_packages
    names = (found.group(1) for line in lines if (found := _NAME.match(line)) and "://" not in line.split("@")[0])
    return [name for name in dict.fromkeys(names) if not name.lower().startswith(_OURS)]


def _installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except (metadata.PackageNotFoundError, ValueError):
        return False
    return True
