"""From a journal to the broker: cut into events, sent in order, acknowledged, remembered.

One code, three uses: a daemon thread in the training process (`thread`), one process for all journals of a node
(`daemon`, `runfold ship`), and once over everything that is left (`once`, `runfold ship --once`). Any number of them
may work on the same journal at the same time: repeats are dropped by ordinal when the events are folded.

    batching   what the journal's reader gives -> messages; pure
    sending    the one importer of kafka: a connection that is good until its first failure
    drain      one journal: read, cut, send, acknowledge, checkpoint, claim
    heartbeats for which runs a sign of life is due; pulse tells the node's shipper that a process moves
    spool      files whose upload was put off
    thread, daemon, once   the three uses; command is what `runfold ship` runs

Nothing in here is imported by `import runfold`: a shipper that starts pays for kafka's import (130 ms).
"""
