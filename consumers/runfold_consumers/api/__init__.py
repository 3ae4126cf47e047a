"""The query API: what the projectors folded, over HTTP, to whoever holds an access token.

    gate        refuses without an access token, for another workspace, without the scope, and bodies over 1 MiB
    access      access tokens: made, hashed, looked up
    waiting     a read waits until what its caller wrote is folded, then reads data and position in one snapshot
    routes      one file a resource; `answers` are their shapes, `statements/*.sql` their queries
    container   metrics as an Avro container file, bodies passed through

`app.create_app` is the application, `serving.serve` runs it. Nothing here writes to `state`.
"""
