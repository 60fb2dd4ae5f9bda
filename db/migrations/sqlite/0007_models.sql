-- Versions of the trained item model, the newest having the greatest id. state says what users there were, data is the model as
-- its trainer packed it. made_at in unix seconds.
CREATE TABLE models (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    made_at INTEGER NOT NULL,
    took_ms INTEGER NOT NULL,
    users   INTEGER NOT NULL,
    state   TEXT    NOT NULL,
    data    BLOB    NOT NULL
) STRICT;
