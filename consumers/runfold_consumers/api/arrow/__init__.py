"""Arrow IPC streams and Parquet. The modules in here are the sole importers of pyarrow.

tables   batches of one schema to the bytes of a stream or file
points   points, and folds over ranks, as rows
exported the schemas of exports, and their rows
"""
