-- When it was last made sure that the user's list is private, in unix seconds; 0: it is not. Others are not matched with such a user.
ALTER TABLE users ADD COLUMN private_at INTEGER NOT NULL DEFAULT 0;
-- The index has all that is asked of cards.
DROP INDEX users_cards;
CREATE INDEX users_cards ON users (id, name, hash, unlisted, private_at);
CREATE INDEX users_private ON users (id) WHERE private_at <> 0;

-- Names of people whose lists are kept out: hash is a keyed one of the name, which is kept nowhere.
CREATE TABLE kept_out (
    hash    BLOB PRIMARY KEY,
    kept_at INTEGER NOT NULL
) STRICT;
