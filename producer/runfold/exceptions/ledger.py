"""What only Runfold can say went wrong, each below the exception of the original that a script would catch for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runfold_schemas import statuses

from .original import AzureMLException, ServiceException, UserErrorException, WebserviceException

_NAMED_MAX = 100  # files in one message


class PropertyImmutableError(UserErrorException):
    """A property keeps the first value that it was given.

    :param key: Name of the property.
    :param kept: The value that stays.
    :param refused: The value that this process wanted.
    :param offset: Where the refused fact stands in its facts partition.
    """

    def __init__(self, key: str, kept: str | None, refused: str | None, offset: int, **kwargs: Any) -> None:
        super().__init__(
            f"Property {key!r} is {kept!r} and properties never change, so {refused!r} was refused (offset {offset}). "
            "All properties of that call were refused; add what is new under other names.",
            target=key,
            **kwargs,
        )
        self.key, self.kept, self.refused, self.offset = key, kept, refused, offset


class ArtifactExistsError(UserErrorException):
    """An artifact's name is written once per run and attempt.

    :param name: Path within the run.
    :param kept: SHA-256 of what is stored there, where known.
    :param refused: SHA-256 of what this process wanted to store.
    :param offset: Where the refused fact stands in its facts partition.
    """

    def __init__(self, name: str, kept: str | None, refused: str | None, offset: int, **kwargs: Any) -> None:
        super().__init__(
            f"Resource Conflict: ArtifactId {name} already exists, with SHA-256 {kept}; {refused} was refused "
            f"(offset {offset}). Names are written once per attempt: choose another one.",
            target=name,
            **kwargs,
        )
        self.name, self.kept, self.refused, self.offset = name, kept, refused, offset


class StatusFinalError(UserErrorException):
    """The attempt has ended already, with another status.

    :param kept: The status that stays.
    :param refused: The status that this process wanted.
    :param offset: Where the refused fact stands in its facts partition.
    """

    def __init__(self, kept: str | None, refused: str | None, offset: int, **kwargs: Any) -> None:
        super().__init__(
            f"The run is {kept} already and an attempt ends once, so {refused} was refused (offset {offset}).", **kwargs
        )
        self.kept, self.refused, self.offset = kept, refused, offset


class StatusTransitionError(UserErrorException):
    """An attempt never goes back to an earlier status.

    :param kept: The status that stays.
    :param refused: The status that this process wanted.
    :param offset: Where the refused fact stands in its facts partition.
    """

    def __init__(self, kept: str | None, refused: str | None, offset: int, **kwargs: Any) -> None:
        allowed = ", ".join(status for status in statuses.STATUSES if statuses.is_legal(kept, status))
        super().__init__(
            f"The run is {kept} and does not go back, so {refused} was refused (offset {offset}). From here it may "
            f"become {allowed}.",
            **kwargs,
        )
        self.kept, self.refused, self.offset = kept, refused, offset


class FactRefusedError(UserErrorException):
    """A rule of the ledger refused what this process stated.

    :param rule: The rule.
    :param key: What the rule was about.
    :param kept: The value that stays.
    :param refused: The value that was refused.
    :param offset: Where the refused fact stands in its facts partition.
    """

    def __init__(self, rule: str, key: str, kept: str | None, refused: str | None, offset: int, **kwargs: Any) -> None:
        super().__init__(
            f"The ledger refused a fact by rule {rule!r}: {key!r} is {kept!r}, not {refused!r} (offset {offset}).",
            target=key,
            **kwargs,
        )
        self.rule, self.key, self.kept, self.refused, self.offset = rule, key, kept, refused, offset


class AssetExistsError(UserErrorException):
    """A dataset, environment or datastore of that name has another definition, and no new version was asked for.

    :param name: Its name.
    :param kept: What is registered, where known.
    :param refused: What this process wanted to register.
    :param offset: Where the refused fact stands in its facts partition.
    """

    def __init__(self, name: str, kept: str | None, refused: str | None, offset: int, **kwargs: Any) -> None:
        super().__init__(
            f"{name!r} is registered already with another definition, so this one was refused (offset {offset}). "
            "Ask for a new version (create_new_version=True, overwrite=True), or choose another name.",
            target=name,
            **kwargs,
        )
        self.name, self.kept, self.refused, self.offset = name, kept, refused, offset


class ModelRefusedError(WebserviceException):
    """A rule of the ledger refused what this process stated about a model.

    :param rule: The rule: property, unknown_version.
    :param keys: What the rule was about.
    :param kept: The value that stays, of the first of them.
    :param refused: The value that was refused, of the first of them.
    :param offset: Where the refused fact stands in its facts partition.
    """

    def __init__(
        self, rule: str, keys: Sequence[str], kept: str | None, refused: str | None, offset: int, **kwargs: Any
    ) -> None:
        if rule == "property":
            text = (
                "Error, properties are immutable, the following keys cannot be added/modified: "
                f"{', '.join(keys)} (offset {offset})."
            )
        else:
            text = f"The ledger refused a fact about a model by rule {rule!r}: {', '.join(keys)} (offset {offset})."
        super().__init__(text, **kwargs)
        self.rule, self.keys, self.kept, self.refused, self.offset = rule, list(keys), kept, refused, offset


class ArtifactNotFoundError(UserErrorException):
    """Nothing is stored under that name.

    :param name: Path within the run that was asked for.
    :param available: What is stored in the run; of very many the message names some.
    :param what: What was looked for: File, or Prefix.
    """

    def __init__(self, name: str, available: Sequence[str], *, what: str = "File", **kwargs: Any) -> None:
        more = f" and {len(available) - _NAMED_MAX} more" if len(available) > _NAMED_MAX else ""
        super().__init__(
            f"{what} with path {name} was not found,\n"
            f"available files include: {','.join(available[:_NAMED_MAX])}{more}.",
            **kwargs,
        )
        self.name, self.available = name, list(available)


class ArtifactMismatchError(AzureMLException):
    """The object store holds other bytes than the fact names.

    :param name: Path within the run.
    :param expected: SHA-256 that the fact names.
    :param found: SHA-256 of the bytes that came.
    """

    def __init__(self, name: str, expected: str, found: str, **kwargs: Any) -> None:
        super().__init__(
            f"The stored bytes of {name} have SHA-256 {found}, the run's fact says {expected}: the object was altered "
            "or its upload was cut. Nothing was written.",
            **kwargs,
        )
        self.name, self.expected, self.found = name, expected, found


class FilterError(UserErrorException):
    """A filter of runs cannot be read.

    :param problem: What is wrong, in words.
    :param text: The filter.
    :param position: Of the character where it goes wrong, from 0; None where the whole is meant.
    :param expected: What may stand there.
    """

    def __init__(
        self, problem: str, text: str, position: int | None, expected: Sequence[str] = (), **kwargs: Any
    ) -> None:
        super().__init__(problem, **kwargs)
        self.problem, self.text, self.position, self.expected = problem, text, position, list(expected)


class ServiceAwayError(AzureMLException):
    """A service does not answer.

    :param service: Kafka, API or object store.
    :param setting: Name of the setting that says where it is, such as RUNFOLD_API.
    :param address: What the setting says; None when it is not set.
    :param reason: What happened.
    """

    def __init__(self, service: str, setting: str, address: str | None, reason: str, **kwargs: Any) -> None:
        where = f"at {address}" if address else "of no known address"
        super().__init__(
            f"The {service} {where} does not answer: {reason}. Its address is the setting {setting}; "
            "`runfold status` shows the local stack, `runfold up` starts it.",
            **kwargs,
        )
        self.service, self.setting, self.address, self.reason = service, setting, address, reason


class NotYetVisibleError(ServiceAwayError):
    """The API answers, but has not seen yet what this process wrote.

    :param watermark: What was waited for.
    """

    def __init__(self, setting: str, address: str | None, reason: str, watermark: str, **kwargs: Any) -> None:
        super().__init__("projection", setting, address, reason, **kwargs)
        self.watermark = watermark


class FlushTimeoutError(AzureMLException):
    """flush() ran out of time. Nothing is lost: the journal holds it, and a shipper sends it later.

    :param timeout_seconds: How long was waited.
    :param unacknowledged: Facts and points that the broker has not acknowledged.
    :param invisible: Facts and points that readers do not see yet.
    """

    def __init__(self, timeout_seconds: float, unacknowledged: int, invisible: int, **kwargs: Any) -> None:
        super().__init__(
            f"FlushTaskTimeout: after {timeout_seconds:.1f} s {unacknowledged} facts and points are not acknowledged "
            f"by the broker, {invisible} are not visible. The journal keeps them, `runfold ship --once` sends them.",
            **kwargs,
        )
        self.timeout_seconds, self.unacknowledged, self.invisible = timeout_seconds, unacknowledged, invisible


class RunNotFoundError(ServiceException):
    """There is no run of that id.

    :param run_id: The id that was asked for.
    :param where: Workspace or experiment that was searched, for the message.
    """

    def __init__(self, run_id: str, where: str) -> None:
        super().__init__(f"Run {run_id} was not found in {where}.", status_code=404)
        self.run_id = run_id
