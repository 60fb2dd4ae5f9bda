package db

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"reko.moe/engine"
)

// streamCards has all cards by one query, whose rows are read as Postgres sends them: a million take a second. That many names
// are allocated some hundreds at a time.
func (db *DB) streamCards(ctx context.Context) iter.Seq2[engine.Card, error] {
	return func(yield func(engine.Card, error) bool) {
		rows, err := db.pool.Query(ctx, `SELECT id, name, hash FROM users WHERE NOT unlisted AND private_at = 0 ORDER BY id`)
		if err != nil {
			yield(engine.Card{}, failed("cards", err))
			return
		}
		defer rows.Close()
		var cards cardBatch
		for rows.Next() {
			if err := cards.add(rows.FieldDescriptions(), rows.RawValues()); err != nil {
				yield(engine.Card{}, failed("cards", err))
				return
			}
			if len(cards.cards) == cap(cards.cards) && !cards.flush(yield) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(engine.Card{}, failed("cards", err))
			return
		}
		cards.flush(yield)
	}
}

// cardBatch gathers cards whose names share one string.
type cardBatch struct {
	cards []engine.Card // still without names
	ends  []int         // of the names in names
	names []byte
}

const cardsAtOnce = 512

// add reads a row of id, name and hash.
func (b *cardBatch) add(columns []pgconn.FieldDescription, row [][]byte) error {
	id, err := number(columns[0].Format, row[0])
	if err != nil {
		return err
	}
	hash, err := number(columns[2].Format, row[2])
	if err != nil {
		return err
	}
	if b.cards == nil {
		b.cards, b.ends = make([]engine.Card, 0, cardsAtOnce), make([]int, 0, cardsAtOnce)
	}
	b.names = append(b.names, row[1]...)
	b.ends = append(b.ends, len(b.names))
	b.cards = append(b.cards, engine.Card{
		ID: engine.UserID(id), Hash: engine.Hash(hash),
	})
	return nil
}

// number reads a BIGINT. It comes as text where the URL says that the simple protocol is to be spoken.
func number(format int16, value []byte) (int64, error) {
	if format == pgx.TextFormatCode {
		return strconv.ParseInt(string(value), 10, 64)
	}
	if len(value) != 8 {
		return 0, fmt.Errorf("a number of %d bytes", len(value))
	}
	return int64(binary.BigEndian.Uint64(value)), nil
}

// flush yields the cards and begins anew.
func (b *cardBatch) flush(yield func(engine.Card, error) bool) bool {
	names, from := string(b.names), 0
	for i, c := range b.cards {
		c.Name = names[from:b.ends[i]]
		from = b.ends[i]
		if !yield(c, nil) {
			return false
		}
	}
	b.cards, b.ends, b.names = b.cards[:0], b.ends[:0], b.names[:0]
	return true
}
