"""azureml.core.compute: kinds of machines that scripts create if they are not there. Runfold makes none.

A script that looks a cluster up and creates it where it is missing finds it when RUNFOLD_COMPUTE_ALIASES lets the name
mean a target; otherwise `ComputeTarget.create` says so.
"""

from __future__ import annotations

from typing import Any

from runfold.submitting.targets import ComputeTarget


class Provisioning:
    """What a machine should be like: the keywords that it was asked for with, as attributes."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.__dict__.update(asked)


class AmlCompute(ComputeTarget):
    """A cluster of the original: here a target's name.

    :raises ComputeTargetException: There is no target of that name.
    """

    @staticmethod
    def provisioning_configuration(vm_size: str = "", **kwargs: Any) -> Provisioning:
        """What `ComputeTarget.create` is given.

        :param vm_size: Kept, and used for nothing; so is the rest.
        """
        return Provisioning({"vm_size": vm_size, **kwargs})


class ComputeInstance(AmlCompute):
    """A machine of the original: here a target's name."""
