package dbtest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"reko.moe/engine"
)

var animeTests = []test{
	{"what is saved comes back", animeComesBack},
	{"any text is taken", animeTexts},
	{"what cannot be read again is refused", animeRefused},
	{"older knowledge does not replace newer", animeNewest},
	{"mentioned anime wait", animeMentioned},
	{"undescribed anime in order", animeUndescribed},
	{"airing anime in order", animeAiring},
}

func bebop() engine.Anime {
	return engine.Anime{
		ID: 1, Title: "Cowboy Bebop", English: "Cowboy Bebop!", Type: "tv", Episodes: 26, Mean: 8.75, Rating: engine.RatingR,
		Start: engine.Date{Year: 1998, Month: 4, Day: 3}, Status: engine.FinishedAiring,
		Genres:  []engine.Genre{{ID: 1, Name: "Action"}, {ID: 24, Name: "Sci-Fi"}, {ID: 2, Name: "a \"quoted\" one, 'twice'"}},
		Picture: "https://cdn.example/images/1.jpg?a=b&c=%20", Members: 2_000_000, NSFW: "white",
		Relations: []engine.Relation{{Type: "side_story", ID: 5}, {Type: "summary", ID: 17205}}, Parent: 5,
		DescribedAt: day0, RelatedAt: day0.Add(time.Hour),
	}
}

func animeComesBack(t *testing.T, s store) {
	anime := []engine.Anime{bebop(), {ID: 2, DescribedAt: day0}, {ID: engine.MaxAnimeID, Title: "x", DescribedAt: day0}}
	for i, start := range []engine.Date{{}, {Year: 2017}, {Year: 2017, Month: 4}, {Year: 2024, Month: 2, Day: 29}} {
		for _, status := range []engine.Airing{engine.AiringUnknown, engine.NotYetAired, engine.CurrentlyAiring, engine.FinishedAiring} {
			anime = append(anime, engine.Anime{
				ID: engine.AnimeID(100 + 10*i + int(status)), Start: start, Status: status,
				Rating: engine.Rating(len(anime) % 7), DescribedAt: day0, RelatedAt: day0,
			})
		}
	}
	ok(t, s.SaveAnime(t.Context(), anime))
	slices.SortFunc(anime, func(a, b engine.Anime) int { return int(a.ID - b.ID) })
	want(t, "Anime", all(t, s.Anime(t.Context())), anime)
	ok(t, s.SaveAnime(t.Context(), nil))
	ok(t, s.SaveAnime(t.Context(), anime))
	want(t, "Anime", all(t, s.Anime(t.Context())), anime)
}

func animeTexts(t *testing.T, s store) {
	texts := []string{ // given, kept
		"", "",
		`'; DROP TABLE users; -- "`, `'; DROP TABLE users; -- "`,
		`\x00 \' $1 %s {}`, `\x00 \' $1 %s {}`,
		"<b>&amp;</b>\r\n\t", "<b>&amp;</b>\r\n\t",
		"カウボーイビバップ 🚀👩‍🚀", "カウボーイビバップ 🚀👩‍🚀",
		"a\x00b", "ab",
		"\x00", "",
		"a\xffb", "a\ufffdb",
		"\xed\xa0\x80", "\ufffd",
		strings.Repeat("あ", 10_000), strings.Repeat("あ", 10_000),
	}
	var anime, kept []engine.Anime
	for i := 0; i < len(texts); i += 2 {
		for j, list := range []*[]engine.Anime{&anime, &kept} {
			x := texts[i+j]
			*list = append(*list, engine.Anime{
				ID: engine.AnimeID(i + 1), Title: x, English: x, Type: x, Picture: x, NSFW: x, DescribedAt: day0,
			})
		}
	}
	ok(t, s.SaveAnime(t.Context(), anime))
	want(t, "Anime", all(t, s.Anime(t.Context())), kept)
	for i := 0; i < len(texts); i += 2 {
		a := bebop()
		a.Genres[0].Name, a.Relations[0].Type = texts[i], texts[i]
		ok(t, s.SaveAnime(t.Context(), []engine.Anime{a}))
		all(t, s.Anime(t.Context()))
	}
}

func animeRefused(t *testing.T, s store) {
	for _, bad := range []engine.Anime{
		{ID: 3, Start: engine.Date{Year: 12345}, DescribedAt: day0},
		{ID: 3, Start: engine.Date{Year: 2017, Month: 13}, DescribedAt: day0},
		{ID: 3, Start: engine.Date{Year: 2017, Month: 2, Day: 30}, DescribedAt: day0},
		{ID: 3, Mean: math.NaN(), DescribedAt: day0},
		{ID: 3, Mean: math.Inf(1), DescribedAt: day0},
	} {
		wantKind(t, "SaveAnime", s.SaveAnime(t.Context(), []engine.Anime{bebop(), bad}), engine.ErrStore)
	}
	want(t, "number of anime", len(all(t, s.Anime(t.Context()))), 0)
}

// known is an anime of which details and relations were found out at these hours, 0 being never.
func known(id engine.AnimeID, described, related int) engine.Anime {
	a := engine.Anime{ID: id, Title: "unknown"}
	if described > 0 {
		a.DescribedAt = day0.Add(time.Duration(described) * time.Hour)
		a.Title, a.Members = fmt.Sprint("described ", described), described
		a.Genres = []engine.Genre{{ID: described, Name: "g"}}
	}
	if related > 0 {
		a.RelatedAt = day0.Add(time.Duration(related) * time.Hour)
		a.Relations, a.Parent = []engine.Relation{{Type: "prequel", ID: engine.AnimeID(related)}}, engine.AnimeID(related)
	}
	return a
}

func animeNewest(t *testing.T, s store) {
	type at struct{ described, related int }
	id := engine.AnimeID(0)
	for _, then := range []at{{0, 0}, {5, 0}, {5, 5}, {0, 5}} {
		for _, now := range []at{{4, 0}, {5, 0}, {6, 0}, {4, 4}, {4, 6}, {6, 4}, {5, 5}, {6, 6}, {0, 6}} {
			for _, together := range []bool{false, true} {
				id++
				older, newer := known(id, then.described, then.related), known(id, now.described, now.related)
				newer.English = "new"
				if together {
					ok(t, s.SaveAnime(t.Context(), []engine.Anime{older, newer}))
				} else {
					ok(t, s.SaveAnime(t.Context(), []engine.Anime{older}))
					ok(t, s.SaveAnime(t.Context(), []engine.Anime{newer}))
				}
				wanted := known(id, max(then.described, now.described), max(then.related, now.related))
				if now.described >= then.described {
					wanted.English = "new"
				}
				var got []engine.Anime
				if wanted.DescribedAt.IsZero() {
					got = []engine.Anime{wanted} // not to be seen
				}
				for _, a := range all(t, s.Anime(t.Context())) {
					if a.ID == id {
						got = append(got, a)
					}
				}
				want(t, fmt.Sprintf("%v, then %v, together %t", then, now, together), got, []engine.Anime{wanted})
			}
		}
	}
}

func (s store) undescribed(t *testing.T, n int) []engine.AnimeID {
	t.Helper()
	return must[[]engine.AnimeID](t)(s.UndescribedAnime(t.Context(), n))
}

func animeMentioned(t *testing.T, s store) {
	ids := []engine.AnimeID{9, 7, 8, 7, 1}
	ok(t, s.SaveAnime(t.Context(), []engine.Anime{bebop()}))
	ok(t, s.MentionAnime(t.Context(), ids))
	want(t, "what was given", ids, []engine.AnimeID{9, 7, 8, 7, 1})
	want(t, "Anime", all(t, s.Anime(t.Context())), []engine.Anime{bebop()})
	want(t, "UndescribedAnime", s.undescribed(t, 100), []engine.AnimeID{7, 8, 9})

	a := known(8, 3, 3)
	ok(t, s.SaveAnime(t.Context(), []engine.Anime{a}))
	ok(t, s.MentionAnime(t.Context(), ids))
	ok(t, s.MentionAnime(t.Context(), nil))
	want(t, "Anime", all(t, s.Anime(t.Context())), []engine.Anime{bebop(), a})
	want(t, "UndescribedAnime", s.undescribed(t, 100), []engine.AnimeID{7, 9})

	many := make([]engine.AnimeID, 2500)
	for i := range many {
		many[i] = engine.AnimeID(1000 + i)
	}
	ok(t, s.MentionAnime(t.Context(), many))
	want(t, "UndescribedAnime", s.undescribed(t, 9999), append([]engine.AnimeID{7, 9}, many...))
}

func animeUndescribed(t *testing.T, s store) {
	want(t, "of nothing", len(s.undescribed(t, 10)), 0)
	ok(t, s.SaveAnime(t.Context(), []engine.Anime{known(1, 1, 1), known(2, 1, 0), known(3, 1, 0), known(40, 0, 1)}))
	ok(t, s.MentionAnime(t.Context(), []engine.AnimeID{30, 20, 10}))
	// Those that wait for details before those that wait for relations.
	order := []engine.AnimeID{10, 20, 30, 40, 2, 3}
	for n := range len(order) + 2 {
		got := s.undescribed(t, n)
		if !slices.Equal(got, order[:min(n, len(order))]) {
			t.Errorf("UndescribedAnime(%d) = %v, want %v", n, got, order[:min(n, len(order))])
		}
	}
	// What fails does not keep the others waiting.
	for _, id := range []engine.AnimeID{10, 10, 2, 20, 4711} {
		ok(t, s.DescribeFailed(t.Context(), id))
	}
	want(t, "after failures", s.undescribed(t, 100), []engine.AnimeID{30, 40, 3, 20, 2, 10})
	ok(t, s.MentionAnime(t.Context(), []engine.AnimeID{10, 20}))
	want(t, "mentioned again", s.undescribed(t, 100), []engine.AnimeID{30, 40, 3, 20, 2, 10})
	// A success forgives the failures.
	ok(t, s.SaveAnime(t.Context(), []engine.Anime{known(10, 2, 0), known(20, 2, 2)}))
	want(t, "after a success", s.undescribed(t, 100), []engine.AnimeID{30, 40, 3, 10, 2})
}

func animeAiring(t *testing.T, s store) {
	airing := func(id engine.AnimeID, status engine.Airing, age time.Duration) engine.Anime {
		return engine.Anime{ID: id, Status: status, DescribedAt: day0.Add(-age)}
	}
	const day = 24 * time.Hour
	ok(t, s.SaveAnime(t.Context(), []engine.Anime{
		airing(1, engine.CurrentlyAiring, day+time.Second),
		airing(2, engine.CurrentlyAiring, day),
		airing(3, engine.FinishedAiring, 9*day),
		airing(4, engine.NotYetAired, 3*day),
		airing(5, engine.AiringUnknown, 2*day),
		airing(6, engine.CurrentlyAiring, 3*day),
		airing(7, engine.CurrentlyAiring, time.Hour),
		{ID: 8, Status: engine.CurrentlyAiring},
	}))
	ok(t, s.MentionAnime(t.Context(), []engine.AnimeID{9}))
	order := []engine.AnimeID{4, 6, 5, 1}
	for _, n := range []int{0, 1, 3, 4, 100} {
		got := must[[]engine.AnimeID](t)(s.AiringAnime(t.Context(), day0.Add(-day), n))
		if !slices.Equal(got, order[:min(n, len(order))]) {
			t.Errorf("AiringAnime(%d) = %v, want %v", n, got, order[:min(n, len(order))])
		}
	}
	// What fails does not keep the others waiting.
	ok(t, s.DescribeFailed(t.Context(), 4))
	want(t, "after a failure", must[[]engine.AnimeID](t)(s.AiringAnime(t.Context(), day0.Add(-day), 9)), []engine.AnimeID{6, 5, 1, 4})
}
