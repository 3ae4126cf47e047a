"""The local stack: Kafka, Postgres, S3 and Runfold's own services as real processes on 127.0.0.1.

No Docker, no root, no Java on the path: engines come from wheels and pinned jars. `up`, `down` and `status` are the
three doors; `service` says what a service is, one module an engine how it is prepared, `process` what the operating
system knows. All state is under RUNFOLD_HOME, see `layout`.
"""
