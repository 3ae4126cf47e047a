"""azureml.telemetry: Runfold sends no diagnostics to anybody, which is all that scripts ask of it."""

from __future__ import annotations


def set_diagnostics_collection(send_diagnostics: bool = True, verbosity: object = None) -> None:
    """Prints what the original prints; there is nothing to turn on or off.

    :param send_diagnostics: Accepted.
    :param verbosity: Accepted.
    """
    print(f"Turning diagnostics collection {'on' if send_diagnostics else 'off'}. ")  # noqa: T201
