"""The engine: from partitions of the log to committed transactions. It knows no event.

`loop` owns control flow; `poll` alone speaks to the broker; `commit` is the one transaction of a batch; `positions`
says where a projection stands and proves that the log is still the same one; `dead_letters` sets single records aside,
up to a limit; `reporting` tells others (NOTIFY, lag); `publishing` sends decisions; `probes` answers /livez and
/readyz. What is folded is behind `projection.Projection`.
"""
