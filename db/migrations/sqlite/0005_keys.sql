-- Keys of programs: hash is the SHA-256 of what was shown once. Times are unix seconds, 0: never.
CREATE TABLE keys (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT    NOT NULL,
    hash       BLOB    NOT NULL UNIQUE,
    made_at    INTEGER NOT NULL,
    used_at    INTEGER NOT NULL,
    uses       INTEGER NOT NULL,
    revoked_at INTEGER NOT NULL
) STRICT;

-- What all instances share and nobody else knows.
CREATE TABLE secrets (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;
