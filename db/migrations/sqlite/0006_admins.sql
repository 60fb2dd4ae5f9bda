-- Who may log in under /admin. password is an argon2id hash. Times are unix seconds, 0: never.
CREATE TABLE admins (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT NOT NULL UNIQUE,
    password     TEXT NOT NULL,
    made_at      INTEGER NOT NULL,
    changed_at   INTEGER NOT NULL, -- the password
    logged_in_at INTEGER NOT NULL
) STRICT;

-- hash is the SHA-256 of what the browser has. said is shown once, on the next page.
CREATE TABLE admin_sessions (
    hash     BLOB PRIMARY KEY,
    admin_id INTEGER NOT NULL REFERENCES admins (id) ON DELETE CASCADE,
    made_at  INTEGER NOT NULL,
    seen_at  INTEGER NOT NULL,
    said     TEXT NOT NULL
) STRICT;
CREATE INDEX admin_sessions_admin ON admin_sessions (admin_id);

-- Logins that were tried since the last good one, by hash of an address or a name. None is taken before until.
CREATE TABLE login_attempts (
    key      TEXT PRIMARY KEY,
    failures INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    until    INTEGER NOT NULL
) STRICT;
CREATE INDEX login_attempts_last ON login_attempts (last_at);

-- What admins did. admin is empty where nobody was logged in.
CREATE TABLE admin_log (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    admin   TEXT NOT NULL,
    what    TEXT NOT NULL,
    target  TEXT NOT NULL,
    address TEXT NOT NULL
) STRICT;

-- Anime that admins keep from being recommended.
CREATE TABLE excluded_anime (
    anime_id    INTEGER PRIMARY KEY,
    excluded_at INTEGER NOT NULL,
    admin       TEXT NOT NULL
) STRICT;
