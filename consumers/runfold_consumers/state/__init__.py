"""What the fold decided, kept in Postgres: schema, statements, the state projector, rebuild and checksum."""
