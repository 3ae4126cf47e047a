"""The watchdog: a process manager that tells when a run has fallen silent, and when it is heard again (design §5, §12).

It needs a clock, so it is no part of the fold: it reads what is projected, judges, and states StatusChanged like
everyone else, by a journal and a shipper of its own. Lag makes no silence: it judges only where the projection has
passed the moment until which a word was owed.

    judging   who is silent, and what is to be stated; pure
    looking   what Postgres knows of signs of life, in one snapshot
    stating   the watchdog's own journal, one a workspace
    watching  the loop
"""
