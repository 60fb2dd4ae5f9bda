-- How the values of all users' profiles are spread (engine.Population), the newest version having the greatest id. state says
-- what users there were. made_at in unix seconds.
CREATE TABLE populations (
    id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    made_at BIGINT NOT NULL,
    state   TEXT   NOT NULL,
    spreads BYTEA  NOT NULL
);
