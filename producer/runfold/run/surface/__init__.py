"""The public face of a run, one class for each system: each method is a line that names what does it.

base       constructor, attributes, what a run prints as
finding    get_context, get, list, list_by_compute, get_children, type providers
life       start, complete, fail, cancel, flush, the with-block, children, submit_child, wait_for_completion
metrics    log*, get_metrics
stored     tags, properties, files, snapshots, models
details    status, details, logs, environment, secrets, decisions, completeness

Signatures are the original's. What is ours comes after them, by keyword only: `not_before` is the text of a watermark
(`run.watermark()`) of another process whose words a read shall see.
"""
