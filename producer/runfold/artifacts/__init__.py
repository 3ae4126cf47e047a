"""Bytes of artifacts on their way between a training process and object storage.

sources     what a script names as content (path, stream, figure) -> bytes with their digest
images      which kind of image some bytes are; pure
parallel    many transfers at once, ended together
progress    how far they are, on a terminal
storing     bytes -> object storage by signed URL, into the fact when small, or into the journal's spool
"""
