-- true: others are not matched with the user.
ALTER TABLE users ADD COLUMN unlisted BOOLEAN NOT NULL DEFAULT false;
-- The index has all that is asked of cards.
DROP INDEX users_cards;
CREATE INDEX users_cards ON users (id, name, hash, unlisted);
