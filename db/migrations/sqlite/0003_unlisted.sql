-- 1: others are not matched with the user.
ALTER TABLE users ADD COLUMN unlisted INTEGER NOT NULL DEFAULT 0 CHECK (unlisted IN (0, 1));
-- The index has all that is asked of cards: the column itself stands behind the list, which would have to be read.
DROP INDEX users_cards;
CREATE INDEX users_cards ON users (id, name, hash, unlisted);
