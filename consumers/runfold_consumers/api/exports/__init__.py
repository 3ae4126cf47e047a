"""Whole projects out: points, runs, events or logs of the runs that match, in one stream and from one snapshot.

reading  from a lasting snapshot to the pieces of the file, run by run
lines    rows as NDJSON
"""
