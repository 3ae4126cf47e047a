"""The façade: `Run` with the original's methods, one module for each of its systems, no I/O in any of them.

surface     the public methods, one class for each system; each is a line that calls one of these:
handle      what all systems know of one run: its session, its id, what is cached of it
finding     constructor, get, list, get_children, get_context: which run?
types       who makes the objects of runs of a type; record: what the API says of a run
life        start_logging, start, complete, fail, cancel, flush; block: the with-block; children; waiting; cleaning
status      get_status, decisions, completeness, display name and description; details: get_details and logs
metrics     log*, get_metrics; charts: the invariants of chart documents; quotas: the hosted service's limits
tags, properties, files, outputs, capture, snapshots, models, datasets, secrets
submitted   _SubmittedRun: the run that a job gave to this process
offline     _OfflineRun: no job, so it prints, and journals for later
"""

from __future__ import annotations

from .finding import get_run
from .offline import _OfflineRun
from .run import Run
from .submitted import _SubmittedRun

__all__ = ["Run", "_OfflineRun", "_SubmittedRun", "get_run"]
