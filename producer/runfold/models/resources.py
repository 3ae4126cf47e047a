"""ResourceConfiguration: the CPU, memory and GPU that a model wants to be served with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runfold.exceptions import UserErrorException


class ResourceConfiguration:
    """What a model wants to be served with.

    :param cpu: Cores, fractions included; None says nothing.
    :param memory_in_gb: GB of memory, fractions included; None says nothing.
    :param gpu: Number of GPUs; None says nothing.
    :raises UserErrorException: One is no number from 0.
    """

    def __init__(self, cpu: float | None = None, memory_in_gb: float | None = None, gpu: int | None = None) -> None:
        for name, value in (("cpu", cpu), ("memory_in_gb", memory_in_gb), ("gpu", gpu)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0):
                raise UserErrorException(f"{name} must be a number from 0, or None; it is {value!r:.100}.")
        self.cpu, self.memory_in_gb, self.gpu = cpu, memory_in_gb, gpu

    def serialize(self) -> dict[str, Any]:
        """As the original writes it: {"cpu", "memoryInGB", "gpu"}."""
        return {"cpu": self.cpu, "memoryInGB": self.memory_in_gb, "gpu": self.gpu}

    @staticmethod
    def deserialize(payload_obj: Mapping[str, Any] | None) -> ResourceConfiguration | None:
        """What `serialize` wrote; None of None."""
        if payload_obj is None:
            return None
        return ResourceConfiguration(payload_obj.get("cpu"), payload_obj.get("memoryInGB"), payload_obj.get("gpu"))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ResourceConfiguration) and self.serialize() == other.serialize()

    __hash__ = None  # type: ignore[assignment]  # its values may be changed

    def __repr__(self) -> str:
        return f"ResourceConfiguration(cpu={self.cpu}, memory_in_gb={self.memory_in_gb}, gpu={self.gpu})"


def written(given: object) -> str | None:
    """The JSON of a ResourceConfiguration, or of an object that serializes as the original's does."""
    if given is None:
        return None
    serialize = getattr(given, "serialize", None)
    if not callable(serialize):
        raise UserErrorException(
            f"resource_configuration must be a ResourceConfiguration, it is {given!r:.200}: "
            "ResourceConfiguration(cpu=1, memory_in_gb=0.5)."
        )
    return json.dumps(serialize(), sort_keys=True)
