package db

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"time"
	"unique"

	"reko.moe/engine"
)

// animeColumns are the columns of an anime but its id. Those up to detailColumns come with the details, then those that come
// with the relations.
var (
	animeColumns = []string{
		"title", "english", "type", "episodes", "mean", "rating", "start_date", "status", "genres", "picture", "members",
		"nsfw", "described_at",
		"relations", "parent", "related_at",
	}
	detailColumns = 13
)

// saveAnime is followed by rows of values and onAnimeConflict, in which older knowledge does not replace newer one.
var saveAnime, onAnimeConflict = func() (string, string) {
	sets := []string{"failures = 0"}
	for i, c := range animeColumns {
		at := "described_at"
		if i >= detailColumns {
			at = "related_at"
		}
		sets = append(sets, fmt.Sprintf("%s = CASE WHEN excluded.%s >= anime.%[2]s THEN excluded.%[1]s ELSE anime.%[1]s END", c, at))
	}
	return `INSERT INTO anime (id, ` + strings.Join(animeColumns, ", ") + `, failures) VALUES `,
		` ON CONFLICT (id) DO UPDATE SET ` + strings.Join(sets, ", ")
}()

// SaveAnime implements [engine.Store].
func (db *DB) SaveAnime(ctx context.Context, anime []engine.Anime) error {
	anime = newestOfEach(anime)
	return db.tx(ctx, "saving anime", func(tx *sql.Tx) error {
		return insert(ctx, tx, saveAnime, onAnimeConflict, len(anime), func(i int) ([]any, error) { return animeArgs(&anime[i]) })
	})
}

// newestOfEach returns anime in order of their ids, no id twice: what saving one after the other would leave. The order keeps
// transactions that save the same anime from waiting for each other in a circle.
func newestOfEach(anime []engine.Anime) []engine.Anime {
	at := make(map[engine.AnimeID]int, len(anime))
	newest := make([]engine.Anime, 0, len(anime))
	for _, a := range anime {
		i, ok := at[a.ID]
		if !ok {
			at[a.ID] = len(newest)
			newest = append(newest, a)
			continue
		}
		old := newest[i]
		if secondsOf(a.DescribedAt) < secondsOf(old.DescribedAt) {
			relations, parent, related := a.Relations, a.Parent, a.RelatedAt
			a = old
			a.Relations, a.Parent, a.RelatedAt = relations, parent, related
		}
		if secondsOf(a.RelatedAt) < secondsOf(old.RelatedAt) {
			a.Relations, a.Parent, a.RelatedAt = old.Relations, old.Parent, old.RelatedAt
		}
		newest[i] = a
	}
	slices.SortFunc(newest, func(a, b engine.Anime) int { return cmp.Compare(a.ID, b.ID) })
	return newest
}

// animeArgs are the values of id, animeColumns and failures.
func animeArgs(a *engine.Anime) ([]any, error) {
	// One that cannot be read again would keep the whole catalogue from being read.
	if _, err := engine.ParseDate(a.Start.String()); err != nil {
		return nil, fmt.Errorf("anime %d: %w", a.ID, err)
	}
	if math.IsNaN(a.Mean) || math.IsInf(a.Mean, 0) {
		return nil, fmt.Errorf("anime %d: mean %v", a.ID, a.Mean)
	}
	genres, err := json.Marshal(a.Genres)
	if err != nil {
		return nil, err
	}
	relations, err := json.Marshal(a.Relations)
	if err != nil {
		return nil, err
	}
	return []any{
		a.ID, clean(a.Title), clean(a.English), clean(a.Type), a.Episodes, a.Mean, a.Rating.String(), a.Start.String(),
		a.Status.String(), clean(string(genres)), clean(a.Picture), a.Members, clean(a.NSFW), secondsOf(a.DescribedAt),
		clean(string(relations)), a.Parent, secondsOf(a.RelatedAt), 0,
	}, nil
}

// clean takes out what Postgres refuses in a text.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "")
}

// selectAnime selects what [animeReader] reads, of the anime that are described.
var selectAnime = `SELECT id, ` + strings.Join(animeColumns, ", ") + ` FROM anime WHERE described_at > 0`

// Anime implements [engine.Store].
func (db *DB) Anime(ctx context.Context) iter.Seq2[engine.Anime, error] {
	if db.pool != nil {
		return db.streamAnime(ctx)
	}
	const size = 5000
	reader := animeReader{}
	return walk(size, func(last *engine.Anime) ([]engine.Anime, error) {
		var after engine.AnimeID
		if last != nil {
			after = last.ID
		}
		anime, err := query(ctx, db.sql, reader.scan, selectAnime+` AND id > $1 ORDER BY id LIMIT $2`, after, size)
		return anime, failed("anime", err)
	})
}

// AnimeOf implements [engine.ChangeStore].
func (db *DB) AnimeOf(ctx context.Context, ids []engine.AnimeID) ([]engine.Anime, error) {
	const size = 200 // as in Users
	var all []engine.Anime
	reader := animeReader{}
	for some := range slices.Chunk(ids, size) {
		args := make([]any, len(some))
		for i, id := range some {
			args[i] = int64(id)
		}
		anime, err := query(ctx, db.sql, reader.scan, selectAnime+` AND id IN `+values(1, len(some)), args...)
		if err != nil {
			return nil, failed("anime", err)
		}
		all = append(all, anime...)
	}
	return all, nil
}

// streamAnime has all anime by one query, whose rows are read as Postgres sends them.
func (db *DB) streamAnime(ctx context.Context) iter.Seq2[engine.Anime, error] {
	return func(yield func(engine.Anime, error) bool) {
		rows, err := db.pool.Query(ctx, selectAnime+` ORDER BY id`)
		if err != nil {
			yield(engine.Anime{}, failed("anime", err))
			return
		}
		defer rows.Close()
		reader := animeReader{}
		for rows.Next() {
			a, err := reader.read(rows)
			if !yield(a, failed("anime", err)) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(engine.Anime{}, failed("anime", err))
		}
	}
}

// animeReader has the genres of the anime that it read, as they are stored: most anime share theirs with others.
type animeReader map[string][]engine.Genre

func (r animeReader) scan(rows *sql.Rows) (engine.Anime, error) { return r.read(rows) }

// read reads id and animeColumns.
func (r animeReader) read(row interface{ Scan(to ...any) error }) (engine.Anime, error) {
	var a engine.Anime
	var rating, start, status string
	var genres, relations []byte
	var described, related int64
	err := row.Scan(&a.ID, &a.Title, &a.English, &a.Type, &a.Episodes, &a.Mean, &rating, &start, &status, &genres,
		&a.Picture, &a.Members, &a.NSFW, &described, &relations, &a.Parent, &related)
	if err != nil {
		return a, err
	}
	a.Rating, a.Status = engine.ParseRating(rating), engine.ParseAiring(status)
	a.DescribedAt, a.RelatedAt = timeOf(described), timeOf(related)
	if a.Start, err = engine.ParseDate(start); err != nil {
		return a, fmt.Errorf("anime %d: %w", a.ID, err)
	}
	if a.Genres, err = r.genres(genres); err != nil {
		return a, fmt.Errorf("genres of anime %d: %w", a.ID, err)
	}
	if string(relations) != "null" {
		if err = json.Unmarshal(relations, &a.Relations); err != nil {
			return a, fmt.Errorf("relations of anime %d: %w", a.ID, err)
		}
	}
	share(&a)
	return a, nil
}

// share has those of the texts of an anime that many have in memory once.
func share(a *engine.Anime) {
	a.Type, a.NSFW = unique.Make(a.Type).Value(), unique.Make(a.NSFW).Value()
	for i := range a.Relations {
		r := &a.Relations[i]
		r.Type = unique.Make(r.Type).Value()
	}
}

func (r animeReader) genres(stored []byte) (genres []engine.Genre, err error) {
	genres, ok := r[string(stored)]
	if !ok {
		if err = json.Unmarshal(stored, &genres); err != nil {
			return nil, err
		}
		for i := range genres {
			genres[i].Name = unique.Make(genres[i].Name).Value()
		}
		genres = slices.Clip(genres) // whoever appends to it has it for himself
		r[string(stored)] = genres
	}
	return genres, nil
}

// MentionAnime implements [engine.Store].
func (db *DB) MentionAnime(ctx context.Context, ids []engine.AnimeID) error {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	return db.tx(ctx, "noting anime", func(tx *sql.Tx) error {
		return insert(ctx, tx, saveAnime, ` ON CONFLICT (id) DO NOTHING`, len(ids), func(i int) ([]any, error) {
			return animeArgs(&engine.Anime{ID: ids[i]})
		})
	})
}

// UndescribedAnime implements [engine.Store]. What fails again and again must not keep the others waiting, so failures count
// before anything else.
func (db *DB) UndescribedAnime(ctx context.Context, n int) ([]engine.AnimeID, error) {
	ids, err := query(ctx, db.sql, scanOne[engine.AnimeID], `SELECT id FROM anime WHERE described_at = 0 OR related_at = 0
		ORDER BY failures, CASE WHEN described_at = 0 THEN 0 ELSE 1 END, id LIMIT $1`, n)
	return ids, failed("undescribed anime", err)
}

// DescribeFailed implements [engine.Store].
func (db *DB) DescribeFailed(ctx context.Context, id engine.AnimeID) error {
	_, err := db.write.ExecContext(ctx, `UPDATE anime SET failures = failures + 1 WHERE id = $1`, id)
	return failed("counting a failure", err)
}

// AiringAnime implements [engine.Store]. What fails again and again must not keep the others waiting, so failures count before
// anything else.
func (db *DB) AiringAnime(ctx context.Context, before time.Time, n int) ([]engine.AnimeID, error) {
	ids, err := query(ctx, db.sql, scanOne[engine.AnimeID], `SELECT id FROM anime WHERE status <> 'finished_airing'
		AND described_at > 0 AND described_at < $1 ORDER BY failures, described_at, id LIMIT $2`, before.Unix(), n)
	return ids, failed("airing anime", err)
}
