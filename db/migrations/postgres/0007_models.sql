-- Versions of the trained item model, the newest having the greatest id. state says what users there were, data is the model as
-- its trainer packed it. made_at in unix seconds.
CREATE TABLE models (
    id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    made_at BIGINT NOT NULL,
    took_ms BIGINT NOT NULL,
    users   BIGINT NOT NULL,
    state   TEXT   NOT NULL,
    data    BYTEA  NOT NULL
);
-- It is compact already.
ALTER TABLE models ALTER COLUMN data SET STORAGE EXTERNAL;
