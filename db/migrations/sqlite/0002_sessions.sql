-- What the site remembers of a browser. expires_at in unix seconds, 0: never.
CREATE TABLE sessions (
    key        TEXT PRIMARY KEY,
    value      BLOB    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_expired ON sessions (expires_at) WHERE expires_at > 0;
