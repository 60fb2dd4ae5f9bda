package listfile

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"reko.moe/engine"
)

// ReadAnime reads anime from columns mal_id, title (both needed), title_english, type, episodes, mean, rating, start_date,
// status, genres, genre_ids, parent_id, relations, picture, members and nsfw. Lists in a field are separated by semicolons;
// a relation is type:id. Without a parent_id the parent follows from
// the relations. at is when the file was made. It ends at the first mistake, an [Error].
func ReadAnime(r io.Reader, at time.Time) iter.Seq2[engine.Anime, error] {
	return func(yield func(engine.Anime, error) bool) {
		t, err := newTable(r, "mal_id", "title")
		if err != nil {
			yield(engine.Anime{}, err)
			return
		}
		for {
			err := t.next()
			if errors.Is(err, io.EOF) {
				return
			}
			var a engine.Anime
			if err == nil {
				if a, err = t.anime(at); err != nil {
					err = t.fail(err)
				}
			}
			if !yield(a, err) || err != nil {
				return
			}
		}
	}
}

// anime reads one from the row.
func (t *table) anime(at time.Time) (engine.Anime, error) {
	a := engine.Anime{
		Title:       strings.Clone(t.field("title")),
		English:     strings.Clone(t.field("title_english")),
		Type:        strings.Clone(t.field("type")),
		Status:      engine.ParseAiring(t.field("status")),
		Rating:      engine.ParseRating(t.field("rating")),
		Picture:     strings.Clone(t.field("picture")),
		NSFW:        strings.Clone(t.field("nsfw")),
		DescribedAt: at,
	}
	var err error
	if a.ID, err = animeID(t.field("mal_id")); err != nil {
		return a, err
	}
	if a.Title == "" {
		return a, fmt.Errorf("anime %d has no title", a.ID)
	}
	if a.Episodes, err = number(t.field("episodes"), "number of episodes", math.MaxInt32); err != nil {
		return a, err
	}
	if a.Members, err = number(t.field("members"), "number of members", math.MaxInt32); err != nil {
		return a, err
	}
	if a.Start, err = engine.ParseDate(t.field("start_date")); err != nil {
		return a, err
	}
	if mean := t.field("mean"); mean != "" {
		if a.Mean, err = strconv.ParseFloat(mean, 64); err != nil || !(a.Mean >= 0 && a.Mean <= engine.MaxScore) {
			return a, fmt.Errorf("mean score %.40q is no number in 0..%d", mean, engine.MaxScore)
		}
	}
	if a.Genres, err = t.genres(); err != nil {
		return a, err
	}
	if a.Relations, err = relations(t.field("relations")); err != nil {
		return a, err
	}
	if t.has("relations") || t.has("parent_id") {
		a.RelatedAt = at
	}
	a.Parent = engine.ParentOf(a.Relations)
	if parent := t.field("parent_id"); parent != "" {
		if a.Parent, err = animeID(parent); err != nil {
			return a, err
		}
	}
	return a, nil
}

// genres joins the columns genre_ids and genres, which name the same in the same order. Where one has more than the other,
// names find their ids among [engine.Statistics]; a name without id has id 0, and an id without name the statistic's name.
func (t *table) genres() ([]engine.Genre, error) {
	ids, err := genreIDs(t.field("genre_ids"))
	if err != nil {
		return nil, err
	}
	names := split(t.field("genres"))
	genres := make([]engine.Genre, 0, max(len(ids), len(names)))
	if len(names) == len(ids) {
		for i, id := range ids {
			genres = append(genres, engine.Genre{ID: id, Name: strings.Clone(names[i])})
		}
		return genres, nil
	}
	for _, name := range names {
		g := engine.Genre{Name: strings.Clone(name)}
		at := slices.IndexFunc(ids, func(id int) bool { return engine.GenreName(id) == name })
		if at >= 0 {
			g.ID = ids[at]
			ids = slices.Delete(ids, at, at+1)
		}
		genres = append(genres, g)
	}
	for _, id := range ids {
		if name := engine.GenreName(id); name != "" {
			genres = append(genres, engine.Genre{ID: id, Name: name})
		}
	}
	return genres, nil
}

// genreIDs reads numbers; a negative one says that the genre has none, and is 0.
func genreIDs(field string) ([]int, error) {
	var ids []int
	for _, s := range split(field) {
		id, err := strconv.Atoi(s)
		if err != nil {
			return nil, fmt.Errorf("genre id %.40q is no whole number", s)
		}
		ids = append(ids, max(id, 0))
	}
	return ids, nil
}

func relations(field string) ([]engine.Relation, error) {
	var rs []engine.Relation
	for _, s := range split(field) {
		kind, id, ok := strings.Cut(s, ":")
		if !ok {
			return nil, fmt.Errorf("relation %.40q is not type:id", s)
		}
		other, err := animeID(id)
		if err != nil {
			return nil, fmt.Errorf("relation %.40q: %w", s, err)
		}
		rs = append(rs, engine.Relation{Type: strings.Clone(kind), ID: other})
	}
	return rs, nil
}

// split cuts a field at semicolons; an empty field has no parts.
func split(field string) []string {
	if field == "" {
		return nil
	}
	return strings.Split(field, ";")
}
