package handlers_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"reko.moe/engine"
)

// world is the anime and users of a store.
type world struct {
	anime []engine.Anime
	users []engine.User
}

var described = time.Date(2025, 5, 1, 0, 0, 0, 0, time.UTC)

func genres(ids ...int) []engine.Genre {
	var gs []engine.Genre
	for _, id := range ids {
		gs = append(gs, engine.Genre{ID: id, Name: engine.GenreName(id)})
	}
	return gs
}

// entry is a completed entry, changed on the first of March of that year; 0 is an unknown date.
func entry(anime engine.AnimeID, score uint8, year int) engine.Change {
	c := engine.Change{Entry: engine.Entry{Anime: anime, Episodes: 1, Score: score, Status: engine.Completed}}
	if year != 0 {
		c.At = time.Date(year, 3, 1, 0, 0, 0, 0, time.UTC)
	}
	return c
}

func planned(anime engine.AnimeID) engine.Change {
	return engine.Change{Entry: engine.Entry{Anime: anime, Status: engine.Planned}, At: described}
}

// person makes a user of a list.
func person(name string, origin engine.Origin, changes ...engine.Change) engine.User {
	l, err := engine.NewList(changes)
	if err != nil {
		panic(err)
	}
	return engine.User{Name: name, Origin: origin, List: l.Pack(), FetchedAt: now, FullAt: now}
}

// The anime of the small world. Nobody described 9.
var smallAnime = []engine.Anime{
	{
		ID: 1, Title: "Cowboy Bebop", Type: "tv", Episodes: 26, Mean: 8.75, Rating: engine.RatingR, DescribedAt: described,
		Start: engine.Date{Year: 1998, Month: 4, Day: 3}, Genres: genres(1, 46, 24, 50, 29), Picture: "https://pictures.test/1.jpg",
	},
	{ID: 2, Title: `<b>"Half" & known</b> ` + "\u2028ア", Mean: 7, Start: engine.Date{Year: 2017, Month: 4}, DescribedAt: described},
	{
		ID: 3, Title: "Monster", Type: "tv", Episodes: 74, Mean: 8.89, Rating: engine.RatingRPlus, DescribedAt: described,
		Start: engine.Date{Year: 2004, Month: 4, Day: 7}, Genres: genres(8, 7, 41, 50, 40, 42),
	},
	{ID: 4, Title: "Without a mean", Episodes: 12, DescribedAt: described, Start: engine.Date{Year: 2024, Month: 1, Day: 9}},
	{
		ID: 5, Title: "The second season", Episodes: 12, Mean: 8, DescribedAt: described, Parent: 3, RelatedAt: described,
		Relations: []engine.Relation{{Type: "prequel", ID: 3}},
	},
	{ID: 6, Title: "Only a year", Episodes: 1, Mean: 6.5, Start: engine.Date{Year: 2017}, Rating: engine.RatingG, DescribedAt: described},
}

// smallWorld is few users, so that whole answers can be written down.
func smallWorld() world {
	return world{smallAnime, []engine.User{
		person("spike", engine.FromFile, entry(1, 10, 2024)),
		person("faye-v", engine.FromFile, entry(1, 9, 2024), entry(2, 8, 2024), entry(3, 7, 0), entry(9, 10, 2024)),
		person("jet_black", engine.FromFile, entry(1, 8, 2020), entry(2, 9, 2024), entry(4, 10, 2024), entry(5, 10, 2024)),
		person("ein", engine.FromFile, entry(3, 10, 2023), entry(6, 0, 2024), entry(2, 0, 0), planned(1)),
		person("ed", engine.FromFile, planned(1)),             // has watched nothing
		person("gren", engine.FromFile, entry(9, 10, 2024)),   // only what nobody described
		person("version", engine.FromFile, entry(1, 1, 2024)), // called like a route
	}}
}

// crowd invents as many users and anime as are asked for, always the same.
func crowd(users, titles int) world {
	r := rand.New(rand.NewPCG(1, 2))
	var w world
	traits := []int{1, 2, 4, 8, 10, 22, 24, 37, 14, 7, 36, 30, 42, 27, 25, 58, 62, 18, 19, 23}
	for i := range titles {
		a := engine.Anime{
			ID: engine.AnimeID(1 + 3*i), Title: fmt.Sprintf("Anime %d", i), Episodes: r.IntN(30), Mean: 5 + float64(r.IntN(400))/100,
			Rating: engine.Rating(r.IntN(7)), Start: engine.Date{Year: 1975 + r.IntN(50)}, DescribedAt: described,
		}
		if r.IntN(5) > 0 {
			a.Start.Month, a.Start.Day = 1+r.IntN(12), 1+r.IntN(28)
		}
		for range r.IntN(5) {
			a.Genres = append(a.Genres, genres(traits[r.IntN(len(traits))])...)
		}
		w.anime = append(w.anime, a)
	}
	for i := range users {
		var changes []engine.Change
		for _, at := range r.Perm(titles)[:5+r.IntN(titles/8)] {
			c := entry(w.anime[at].ID, uint8(r.IntN(11)), 2010+r.IntN(15))
			c.Episodes = uint16(r.IntN(12))
			changes = append(changes, c)
		}
		// Of those whose taste cannot be told there are enough in the small world.
		changes = append(changes, entry(w.anime[i%titles].ID, 10, 2025))
		w.users = append(w.users, person(fmt.Sprintf("crowd-%d", i), engine.FromFile, changes...))
	}
	return w
}
