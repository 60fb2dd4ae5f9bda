package engine

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// AnimeID is MyAnimeList's number of an anime, 1..[MaxAnimeID].
type AnimeID int32

// MaxAnimeID bounds the ids that are taken for real. MyAnimeList has given out fewer than 70,000; the [Catalogue] is a
// table indexed by id, so one absurd number must not make it huge.
const MaxAnimeID AnimeID = 1<<22 - 1

// IDs are those of anime.
func IDs(anime []*Anime) []AnimeID {
	ids := make([]AnimeID, len(anime))
	for i, a := range anime {
		ids[i] = a.ID
	}
	return ids
}

// Anime is one title of the catalogue, as MyAnimeList describes it. A catalogue's anime are shared: treat as read-only.
type Anime struct {
	ID          AnimeID
	Title       string
	English     string // English title; empty when unknown
	Type        string // tv, movie, ova, ona, special, music ...; empty when unknown
	Episodes    int    // 0 when unknown
	Mean        float64
	Rating      Rating
	Start       Date
	Status      Airing
	Genres      []Genre // genres, themes and demographics together, in MyAnimeList's order
	Picture     string  // URL; empty when there is none
	Members     int     // users who have it on their list
	NSFW        string  // white, gray or black; empty when unknown
	Relations   []Relation
	Parent      AnimeID   // what this one continues or belongs to; 0 when nothing. See [ParentOf]
	DescribedAt time.Time // when the details were fetched or imported; zero: nobody described it yet
	RelatedAt   time.Time // when the relations were; zero: never
}

// HasMean tells whether MyAnimeList shows a mean score (it needs enough raters).
func (a *Anime) HasMean() bool { return a.Mean > 0 }

// Genre is a genre, theme or demographic by MyAnimeList's number and name.
type Genre struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

// Relation points from an anime to another one: Type says what the other is to it (“prequel”, “side_story” ...).
type Relation struct {
	Type string  `json:"type"`
	ID   AnimeID `json:"id"`
}

// ParentOf returns the first related anime of type prequel, parent_story or full_story, or 0.
func ParentOf(relations []Relation) AnimeID {
	for _, r := range relations {
		switch r.Type {
		case "prequel", "parent_story", "full_story":
			return r.ID
		}
	}
	return 0
}

// Rating is MyAnimeList's age rating. The zero value is no rating.
type Rating uint8

// The ratings, mildest first.
const (
	NoRating Rating = iota
	RatingG
	RatingPG
	RatingPG13
	RatingR
	RatingRPlus
	RatingRx
)

var ratingNames = [...]string{"", "g", "pg", "pg_13", "r", "r+", "rx"}

// String returns MyAnimeList's name of the rating, empty for none.
func (r Rating) String() string { return enumName(ratingNames[:], int(r)) }

// ParseRating is the inverse of [Rating.String]; what it does not know is no rating.
func ParseRating(s string) Rating { return Rating(enumIndex(ratingNames[:], s)) }

// Airing says whether an anime has begun and ended. The zero value is unknown.
type Airing uint8

// The airing states.
const (
	AiringUnknown Airing = iota
	NotYetAired
	CurrentlyAiring
	FinishedAiring
)

var airingNames = [...]string{"", "not_yet_aired", "currently_airing", "finished_airing"}

// String returns MyAnimeList's name of the state, empty when unknown.
func (a Airing) String() string { return enumName(airingNames[:], int(a)) }

// ParseAiring is the inverse of [Airing.String]; what it does not know is unknown.
func ParseAiring(s string) Airing { return Airing(enumIndex(airingNames[:], s)) }

// enumName returns names[i], and the name of the zero value for an i out of range.
func enumName(names []string, i int) string {
	if i >= len(names) {
		return names[0]
	}
	return names[i]
}

// enumIndex returns the place of s in names, and 0 when it is not there.
func enumIndex(names []string, s string) int {
	for i, name := range names {
		if name == s {
			return i
		}
	}
	return 0
}

// Date is a calendar date of which the day, or month and day, may be unknown (0). The zero value is no date.
type Date struct {
	Year, Month, Day int
}

// Full tells whether year, month and day are all known.
func (d Date) Full() bool { return d.Year != 0 && d.Month != 0 && d.Day != 0 }

// String returns 2017, 2017-04 or 2017-04-12, as much as is known, and the empty string for no date.
func (d Date) String() string { return string(d.Append(nil)) }

// Append appends what String returns.
func (d Date) Append(dst []byte) []byte {
	switch {
	case d.Year == 0:
		return dst
	case d.Month == 0:
		return fmt.Appendf(dst, "%04d", d.Year)
	case d.Day == 0:
		return fmt.Appendf(dst, "%04d-%02d", d.Year, d.Month)
	}
	if d.Year > 9999 || d.Year < 0 || d.Month < 0 || d.Month > 99 || d.Day < 0 || d.Day > 99 {
		return fmt.Appendf(dst, "%04d-%02d-%02d", d.Year, d.Month, d.Day)
	}
	digit := func(n int) byte { return byte('0' + n%10) }
	return append(dst,
		digit(d.Year/1000), digit(d.Year/100), digit(d.Year/10), digit(d.Year), '-', digit(d.Month/10), digit(d.Month), '-',
		digit(d.Day/10), digit(d.Day),
	)
}

// ParseDate reads 2017, 2017-04 or 2017-04-12. The empty string is no date; anything else is an error.
func ParseDate(s string) (Date, error) {
	if s == "" {
		return Date{}, nil
	}
	var d Date
	parts := strings.Split(s, "-")
	fields := []*int{&d.Year, &d.Month, &d.Day}
	if len(parts) > len(fields) {
		return Date{}, fmt.Errorf("date %q: want YYYY, YYYY-MM or YYYY-MM-DD", s)
	}
	for i, part := range parts {
		digits := 2
		if i == 0 {
			digits = 4
		}
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil || len(part) != digits || n == 0 {
			return Date{}, fmt.Errorf("date %q: want YYYY, YYYY-MM or YYYY-MM-DD", s)
		}
		*fields[i] = int(n)
	}
	if d.Full() {
		if _, err := time.Parse(time.DateOnly, s); err != nil {
			return Date{}, fmt.Errorf("date %q: no such day", s)
		}
	} else if d.Month > 12 {
		return Date{}, fmt.Errorf("date %q: no such month", s)
	}
	return d, nil
}
