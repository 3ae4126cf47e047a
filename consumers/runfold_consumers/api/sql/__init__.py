"""Read-only SQL for analysts, over the views of schema `analysis`.

    roles   the login role of a workspace: made on demand, may read the views and do nothing else
    asking  one query, in a transaction and on a connection of its own, bounded in time, rows and bytes
    values  what Postgres answers, as JSON, CSV and Arrow carry it

What keeps a query in its place, from the inside out: the role has no rights but on the views; these show the workspace
of `session_user`, which no setting and no SET ROLE changes, behind a security barrier; only one SELECT is taken
(DECLARE CURSOR, extended protocol); the transaction is READ ONLY and rolled back; time is bounded by
`statement_timeout`, set anew before each statement, and by a cancel from outside; and the connection is closed after.
"""
