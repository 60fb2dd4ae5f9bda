-- What changed, so that other processes can follow: a row for each user that came, changed or went ('user'), and each anime that was
-- described ('anime'). seq grows with every row and never comes again; at is in unix seconds; old rows are dropped.
CREATE TABLE changes (
    seq  INTEGER PRIMARY KEY AUTOINCREMENT,
    at   INTEGER NOT NULL DEFAULT (unixepoch()),
    kind TEXT    NOT NULL,
    id   INTEGER NOT NULL
) STRICT;

-- Failures are nobody else's business.
CREATE TRIGGER users_came AFTER INSERT ON users BEGIN
    INSERT INTO changes (kind, id) VALUES ('user', NEW.id);
END;
CREATE TRIGGER users_changed AFTER UPDATE OF name, hash, unlisted, private_at, list ON users BEGIN
    INSERT INTO changes (kind, id) VALUES ('user', NEW.id);
END;
CREATE TRIGGER users_went AFTER DELETE ON users BEGIN
    INSERT INTO changes (kind, id) VALUES ('user', OLD.id);
END;
CREATE TRIGGER anime_came AFTER INSERT ON anime WHEN NEW.described_at > 0 BEGIN
    INSERT INTO changes (kind, id) VALUES ('anime', NEW.id);
END;
CREATE TRIGGER anime_changed AFTER UPDATE OF described_at, related_at ON anime WHEN NEW.described_at > 0 BEGIN
    INSERT INTO changes (kind, id) VALUES ('anime', NEW.id);
END;

-- When lists were fetched, without reading them.
CREATE INDEX users_fetched ON users (fetched_at, id, unlisted, private_at);

-- Batches of counts that are in series already. at in unix seconds.
CREATE TABLE series_batches (
    id TEXT PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX series_batches_at ON series_batches (at);
