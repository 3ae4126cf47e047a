"""The façade: `Run` with the original's methods, one module for each of its systems, no I/O in any of them.

handle      what all systems know of one run: its session, its id, what is cached of it
finding     constructor, get, list, get_children, get_context: which run?
life        start_logging, child_run, complete, fail, cancel, flush, the with-block
status      get_status, get_details, display name and description
metrics     log*, get_metrics
tags, properties, files
submitted   _SubmittedRun: the run that a job gave to this process
offline     _OfflineRun: no job, so it prints, and journals for later
"""

from __future__ import annotations

from .offline import _OfflineRun
from .run import Run
from .submitted import _SubmittedRun

__all__ = ["Run", "_OfflineRun", "_SubmittedRun"]
