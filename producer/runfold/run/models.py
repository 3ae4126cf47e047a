"""register_model: files that a run has stored, as a further version of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runfold import notices

if TYPE_CHECKING:
    from runfold.model import Model

    from .run import Run


def register_model(run: Run, model_name: object, model_path: object = None, **said: Any) -> Model:
    """Registers files of the run, and waits for the version that the ledger gives, as long as add_properties waits.

    :param model_path: A file, a folder, or how paths begin, within the run's files; `model_name` where None.
    :param said: The words of `runfold.models.registering.words`; what the original has beside them is accepted.
    :raises WebserviceException: Something is not allowed.
    :raises ModelPathNotFoundException: The run stores nothing there; the message lists what it stores.
    """
    from runfold.model import Model
    from runfold.models import registering

    known = registering.words.__kwdefaults__ or {}
    others = sorted(set(said) - set(known))
    if others:
        notices.once(("register_model", *others), f"register_model ignores {', '.join(others)}.")
    words = registering.words(model_name, **{name: value for name, value in said.items() if name in known})
    handle = run._handle
    registered = registering.of_run(handle.session, handle.run_id, handle.experiment or None, model_path, words)
    return Model._of(run.experiment.workspace, registered.record, (registered.lane, registered.ordinal))
