package db

import (
	"bytes"
	"context"
	"database/sql"
	"slices"

	"reko.moe/engine"
)

// ownNames are the names that a store kept out before a restore.
type ownNames struct {
	kept   []engine.KeptOut
	secret []byte
}

// keepsOut returns the names that a store of these tables keeps out.
func keepsOut(ctx context.Context, tx *sql.Tx, tables []table) (own ownNames, err error) {
	if !slices.ContainsFunc(tables, func(t table) bool { return t.name == "kept_out" }) {
		return own, nil // an older version's
	}
	if own.kept, err = keptOut(ctx, tx); err != nil || len(own.kept) == 0 {
		return own, err
	}
	own.secret, err = nameSecret(ctx, tx)
	return own, err
}

// keep adds the names to those that were restored, and takes whoever has one of them out of what was restored.
func (own ownNames) keep(ctx context.Context, tx *sql.Tx) error {
	if len(own.kept) == 0 {
		return nil
	}
	secret, err := nameSecret(ctx, tx)
	if err != nil {
		return err
	}
	if !bytes.Equal(secret, own.secret) {
		restored, err := keptOut(ctx, tx)
		if err != nil {
			return err
		}
		if len(restored) > 0 {
			return ErrOtherNames
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
			engine.NameSecret, own.secret); err != nil {
			return err
		}
	}
	for _, k := range own.kept {
		if _, err := tx.ExecContext(ctx, `INSERT INTO kept_out (hash, kept_at) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING`, k.Hash[:], secondsOf(k.At)); err != nil {
			return err
		}
	}
	return own.expel(ctx, tx)
}

// expel deletes the users of these names, and forgets the names in what is logged.
func (own ownNames) expel(ctx context.Context, tx *sql.Tx) error {
	names, err := query(ctx, tx, scanOne[string], `SELECT name FROM users UNION SELECT target FROM admin_log`)
	if err != nil {
		return err
	}
	out := outOf(own.kept, own.secret)
	for _, name := range names {
		if !out(name) {
			continue
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM users WHERE name = $1`, name); err != nil {
			return err
		}
		if err := forgetName(ctx, tx, name, engine.HashName(own.secret, name).String()); err != nil {
			return err
		}
	}
	return nil
}
