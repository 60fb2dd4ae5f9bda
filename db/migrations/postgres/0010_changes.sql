-- What changed, so that other processes can follow: a row for each user that came, changed or went ('user'), and each anime that was
-- described ('anime'). xid is the transaction, at when it said so in unix seconds; old rows are dropped.
CREATE TABLE changes (
    xid  XID8   NOT NULL DEFAULT pg_current_xact_id(),
    at   BIGINT NOT NULL DEFAULT CAST(extract(epoch FROM clock_timestamp()) AS BIGINT),
    kind TEXT   NOT NULL,
    id   BIGINT NOT NULL
);
CREATE INDEX changes_xid ON changes (xid);

CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO changes (kind, id) VALUES (TG_ARGV[0], OLD.id);
    ELSE
        INSERT INTO changes (kind, id) VALUES (TG_ARGV[0], NEW.id);
    END IF;
    RETURN NULL;
END
$$;
-- Failures are nobody else's business.
CREATE TRIGGER users_changed AFTER INSERT OR DELETE OR UPDATE OF name, hash, unlisted, private_at, list ON users
    FOR EACH ROW EXECUTE FUNCTION note_change('user');
CREATE TRIGGER anime_changed AFTER INSERT OR UPDATE OF described_at, related_at ON anime
    FOR EACH ROW WHEN (NEW.described_at > 0) EXECUTE FUNCTION note_change('anime');

-- Who listens looks into the table once the transaction is committed.
CREATE FUNCTION tell_of_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('reko_changes', TG_TABLE_SCHEMA);
    RETURN NULL;
END
$$;
CREATE TRIGGER changes_told AFTER INSERT ON changes FOR EACH STATEMENT EXECUTE FUNCTION tell_of_changes();

-- When lists were fetched, without reading them.
CREATE INDEX users_fetched ON users (fetched_at, id, unlisted, private_at);

-- Batches of counts that are in series already. at in unix seconds.
CREATE TABLE series_batches (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL
);
CREATE INDEX series_batches_at ON series_batches (at);
