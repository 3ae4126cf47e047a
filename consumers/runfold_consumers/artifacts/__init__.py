"""Artifacts in the object store: bodies that travelled in events are written there, uploads are read back and
compared.
"""
