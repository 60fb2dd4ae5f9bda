package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strconv"

	"reko.moe/db"
	"reko.moe/engine"
)

// shortestSecret is how many characters a configured secret has at least.
const shortestSecret = 32

// secret sets a field without ever printing what it is given.
func secret(field *string) func(string) error {
	return func(s string) error {
		if s != "" && len(s) < shortestSecret {
			return fmt.Errorf("is shorter than %d characters", shortestSecret)
		}
		*field = s
		return nil
	}
}

// secret is the configured secret, or else the one that the store keeps for all instances.
func (cfg *config) secret(ctx context.Context, store *db.DB) ([]byte, error) {
	if cfg.Secret != "" {
		return []byte(cfg.Secret), nil
	}
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	return store.Secret(ctx, "users", random[:])
}

// keysCmd has the commands about keys.
type keysCmd struct {
	Add    *keysAddCmd    `arg:"subcommand:add" help:"Make a key and print it, this once."`
	List   *keysListCmd   `arg:"subcommand:list" help:"List the keys and their use (what is done when nothing else is said)."`
	Revoke *keysRevokeCmd `arg:"subcommand:revoke" help:"Make a key invalid at once."`
}

func (keysCmd) usual() any { return &keysListCmd{} }

type keysAddCmd struct {
	Name string `arg:"positional,required" help:"Whose key it is, or what for."`
}

// Run prints the new key on the standard output, alone.
func (cmd keysAddCmd) Run(ctx context.Context, cfg *config) error {
	return cfg.withEngine(ctx, func(eng *engine.Engine, _ *db.DB) error {
		shown, k, err := eng.AddKey(ctx, cmd.Name)
		if err != nil {
			return err
		}
		if err := eng.Note(ctx, engine.Action{What: "made the key", On: fmt.Sprintf("%d of %s", k.ID, k.Name), From: onCommandLine}); err != nil {
			return errors.Join(err, eng.RevokeKey(ctx, k.ID)) // nobody has seen it
		}
		fmt.Fprintf(os.Stderr, "Key %d of %s. It is not kept here and cannot be shown again:\n", k.ID, k.Name)
		_, err = fmt.Println(shown)
		return err
	})
}

type keysListCmd struct{}

// Run prints a line for each key.
func (keysListCmd) Run(ctx context.Context, cfg *config) error {
	return cfg.withEngine(ctx, func(eng *engine.Engine, _ *db.DB) error {
		keys, err := eng.Keys(ctx)
		if err != nil {
			return err
		}
		return printTable("ID\tNAME\tMADE\tUSES\tLAST USE\tREVOKED", keys, func(k engine.Key) string {
			return fmt.Sprintf("%d\t%s\t%s\t%d\t%s\t%s", k.ID, k.Name, dateTime(k.MadeAt, ""), k.Uses, dateTime(k.UsedAt, "never"),
				dateTime(k.RevokedAt, "no"))
		})
	})
}

type keysRevokeCmd struct {
	ID keyID `arg:"positional,required" help:"Number of the key, see list."`
}

// keyID is the number of a key.
type keyID int64

// UnmarshalText implements [encoding.TextUnmarshaler].
func (id *keyID) UnmarshalText(text []byte) error {
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return fmt.Errorf("%.40q is no number; reko keys lists them", text)
	}
	*id = keyID(n)
	return nil
}

// Run revokes the key.
func (cmd keysRevokeCmd) Run(ctx context.Context, cfg *config) error {
	return cfg.withEngine(ctx, func(eng *engine.Engine, _ *db.DB) error {
		err := eng.RevokeKey(ctx, int64(cmd.ID))
		if errors.Is(err, engine.ErrNotFound) {
			return fmt.Errorf("there is no key %d", cmd.ID)
		}
		if err == nil {
			err = eng.Note(ctx, engine.Action{What: "revoked the key", On: fmt.Sprint(cmd.ID), From: onCommandLine})
		}
		if err == nil {
			_, err = fmt.Printf("key %d is revoked\n", cmd.ID)
		}
		return err
	})
}
