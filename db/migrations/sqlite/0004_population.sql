-- How the values of all users' profiles are spread (engine.Population), the newest version having the greatest id. state says
-- what users there were. made_at in unix seconds.
CREATE TABLE populations (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    made_at INTEGER NOT NULL,
    state   TEXT    NOT NULL,
    spreads BLOB    NOT NULL
) STRICT;
