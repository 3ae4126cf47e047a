"""Snapshots: the source code of a run, as a ZIP whose id its content alone decides.

ignoring    what .amlignore or .gitignore leaves out
contents    a directory as a sorted manifest: relative paths, sizes, modes, digests; limits; the id
packing     a manifest as a ZIP, the same bytes for the same content
restoring   a ZIP from elsewhere: looked through before it is handed out
git         what git says of a directory, as properties

Nothing here knows runs, journals or services: see `runfold.run.snapshots`.
"""
