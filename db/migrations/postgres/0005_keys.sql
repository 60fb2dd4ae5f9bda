-- Keys of programs: hash is the SHA-256 of what was shown once. Times are unix seconds, 0: never.
CREATE TABLE keys (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       TEXT   NOT NULL,
    hash       BYTEA  NOT NULL UNIQUE,
    made_at    BIGINT NOT NULL,
    used_at    BIGINT NOT NULL,
    uses       BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL
);

-- What all instances share and nobody else knows.
CREATE TABLE secrets (
    name  TEXT PRIMARY KEY,
    value BYTEA NOT NULL
);
