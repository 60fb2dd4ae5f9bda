-- A user's list is one packed value (engine.Packed). hash is a 64-bit taste hash as a signed number, 0: none.
-- Times are unix seconds, 0: never.
CREATE TABLE users (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT    NOT NULL UNIQUE,
    origin     TEXT    NOT NULL,
    hash       INTEGER NOT NULL,
    entries    INTEGER NOT NULL,
    fetched_at INTEGER NOT NULL,
    full_at    INTEGER NOT NULL,
    failures   INTEGER NOT NULL,
    list       BLOB    NOT NULL
) STRICT;
-- All that memory keeps of every user, without touching the lists.
CREATE INDEX users_cards ON users (id, name, hash);
CREATE INDEX users_stale ON users (failures, fetched_at) WHERE origin = 'mal';

-- described_at 0: some list mentions it and nobody described it yet.
CREATE TABLE anime (
    id           INTEGER PRIMARY KEY,
    title        TEXT    NOT NULL,
    english      TEXT    NOT NULL,
    type         TEXT    NOT NULL,
    episodes     INTEGER NOT NULL,
    mean         REAL    NOT NULL,
    rating       TEXT    NOT NULL,
    start_date   TEXT    NOT NULL,
    status       TEXT    NOT NULL,
    genres       TEXT    NOT NULL, -- JSON
    picture      TEXT    NOT NULL,
    members      INTEGER NOT NULL,
    nsfw         TEXT    NOT NULL,
    relations    TEXT    NOT NULL, -- JSON
    parent       INTEGER NOT NULL,
    described_at INTEGER NOT NULL,
    related_at   INTEGER NOT NULL,
    failures     INTEGER NOT NULL
) STRICT;
CREATE INDEX anime_waiting ON anime (failures, id) WHERE described_at = 0 OR related_at = 0;
CREATE INDEX anime_airing ON anime (described_at) WHERE status <> 'finished_airing';

CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;

CREATE TABLE job_runs (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    job        TEXT    NOT NULL,
    started_at INTEGER NOT NULL,
    took_ms    INTEGER NOT NULL,
    outcome    TEXT    NOT NULL,
    error      TEXT    NOT NULL
) STRICT;
CREATE INDEX job_runs_last ON job_runs (job, id);
