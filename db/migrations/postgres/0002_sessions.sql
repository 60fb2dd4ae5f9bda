-- What the site remembers of a browser. expires_at in unix seconds, 0: never.
CREATE TABLE sessions (
    key        TEXT PRIMARY KEY,
    value      BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_expired ON sessions (expires_at) WHERE expires_at > 0;
