-- A user's list is one packed value (engine.Packed). hash is a 64-bit taste hash as a signed number, 0: none.
-- Times are unix seconds, 0: never.
CREATE TABLE users (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    origin     TEXT NOT NULL,
    hash       BIGINT NOT NULL,
    entries    BIGINT NOT NULL,
    fetched_at BIGINT NOT NULL,
    full_at    BIGINT NOT NULL,
    failures   BIGINT NOT NULL,
    list       BYTEA NOT NULL
);
-- All that memory keeps of every user, without touching the lists.
CREATE INDEX users_cards ON users (id, name, hash);
CREATE INDEX users_stale ON users (failures, fetched_at) WHERE origin = 'mal';

-- described_at 0: some list mentions it and nobody described it yet.
CREATE TABLE anime (
    id           BIGINT PRIMARY KEY,
    title        TEXT NOT NULL,
    english      TEXT NOT NULL,
    type         TEXT NOT NULL,
    episodes     BIGINT NOT NULL,
    mean         DOUBLE PRECISION NOT NULL,
    rating       TEXT NOT NULL,
    start_date   TEXT NOT NULL,
    status       TEXT NOT NULL,
    genres       TEXT NOT NULL, -- JSON
    picture      TEXT NOT NULL,
    members      BIGINT NOT NULL,
    nsfw         TEXT NOT NULL,
    relations    TEXT NOT NULL, -- JSON
    parent       BIGINT NOT NULL,
    described_at BIGINT NOT NULL,
    related_at   BIGINT NOT NULL,
    failures     BIGINT NOT NULL
);
CREATE INDEX anime_waiting ON anime (failures, id) WHERE described_at = 0 OR related_at = 0;
CREATE INDEX anime_airing ON anime (described_at) WHERE status <> 'finished_airing';

CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

CREATE TABLE job_runs (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job        TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    took_ms    BIGINT NOT NULL,
    outcome    TEXT NOT NULL,
    error      TEXT NOT NULL
);
CREATE INDEX job_runs_last ON job_runs (job, id);

-- Packed lists do not compress: long ones are moved out of the row as they are.
ALTER TABLE users ALTER COLUMN list SET STORAGE EXTERNAL;
