"""The reading side of the client: the query API over HTTP, and what its answers mean.

`transport` speaks HTTP and knows no route; `asking` knows watermarks, deadlines and pages; `client` and the modules by
topic (`search`, `series`, `changes`, `logs`, `history`, `exporting`, `stating`, ...) know the routes, `records` what
they answer. `downloads` brings bytes from the object store, `container` opens Avro container files, and `metrics`
folds metric events into what `get_metrics` returns. Nothing here is loaded by `import runfold`.
"""
