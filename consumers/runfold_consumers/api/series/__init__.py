"""Metric series as charts and notebooks ask for them. Pure but for `gathering`, which reads.

asking       what a request asks for, checked
columns      the points of one metric column of a run, as parallel numpy columns over all its lanes
ordering     which points are shown, and in which order: the rules of `runfold.reading.metrics`, on columns
ranks        the fold over ranks: mean, least, greatest, and who is last
downsampling fewer points that still hold every extreme. Sole importer of tsdownsample
answering    a series as JSON tells it
arrow        the same and whole exports as Arrow and Parquet. Sole importer of pyarrow
gathering    from a snapshot to series
"""
