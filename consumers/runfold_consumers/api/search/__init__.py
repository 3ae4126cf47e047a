"""Search over runs: a small language, text -> tree -> SQL.

tree           what a filter says, and its text again
language       text -> tree, or where it is wrong; the grammar is filter.lark
values         what the words of a filter mean, by type
conditions     tree -> SQL over one row of state.runs
deciding       which rows of state.series decide over a metric
starting       sets of runs, by index, outside of which none matches
ordering       sort -> keys, keyset pages, cursors
finding        pages of runs, counted
columns        what their columns hold
naming         which refs there are
grouping       groups with statuses and metrics

All before finding are pure. Values are parameters of statements, always.
"""
