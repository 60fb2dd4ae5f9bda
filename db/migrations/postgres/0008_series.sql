-- What happened and how long it took (engine/series): n events in the slot of step seconds that begins at, in unix seconds. bucket
-- is that of a histogram of durations.
CREATE TABLE series (
    step   BIGINT NOT NULL,
    at     BIGINT NOT NULL,
    event  TEXT   NOT NULL,
    bucket BIGINT NOT NULL,
    n      BIGINT NOT NULL,
    PRIMARY KEY (step, at, event, bucket)
);

-- All that is counted of users and of anime without details, so that counting reads no lists.
CREATE INDEX users_totals ON users (origin, entries);
CREATE INDEX anime_undescribed ON anime (id) WHERE described_at = 0;
