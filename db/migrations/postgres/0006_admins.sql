-- Who may log in under /admin. password is an argon2id hash. Times are unix seconds, 0: never.
CREATE TABLE admins (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    password     TEXT NOT NULL,
    made_at      BIGINT NOT NULL,
    changed_at   BIGINT NOT NULL, -- the password
    logged_in_at BIGINT NOT NULL
);

-- hash is the SHA-256 of what the browser has. said is shown once, on the next page.
CREATE TABLE admin_sessions (
    hash     BYTEA PRIMARY KEY,
    admin_id BIGINT NOT NULL REFERENCES admins (id) ON DELETE CASCADE,
    made_at  BIGINT NOT NULL,
    seen_at  BIGINT NOT NULL,
    said     TEXT NOT NULL
);
CREATE INDEX admin_sessions_admin ON admin_sessions (admin_id);

-- Logins that were tried since the last good one, by hash of an address or a name. None is taken before until.
CREATE TABLE login_attempts (
    key      TEXT PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_at  BIGINT NOT NULL,
    until    BIGINT NOT NULL
);
CREATE INDEX login_attempts_last ON login_attempts (last_at);

-- What admins did. admin is empty where nobody was logged in.
CREATE TABLE admin_log (
    id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      BIGINT NOT NULL,
    admin   TEXT NOT NULL,
    what    TEXT NOT NULL,
    target  TEXT NOT NULL,
    address TEXT NOT NULL
);

-- Anime that admins keep from being recommended.
CREATE TABLE excluded_anime (
    anime_id    BIGINT PRIMARY KEY,
    excluded_at BIGINT NOT NULL,
    admin       TEXT NOT NULL
);
