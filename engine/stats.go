package engine

// StatKind is the group a [Statistic] belongs to.
type StatKind uint8

// The groups of statistics.
const (
	Decade StatKind = iota
	Length
	AgeRating
	MajorGenre
	MinorGenre
	Demographic
	MajorTheme
	MinorTheme
)

var statKindNames = [...]string{
	"decade", "length", "rating", "major genre", "minor genre", "demographic", "major theme", "minor theme",
}

// String returns the group's name in lower case.
func (k StatKind) String() string { return statKindNames[k] }

// Statistic is one of the traits that an anime has or has not.
type Statistic struct {
	Kind  StatKind
	Name  string
	Genre int // MyAnimeList's genre id; 0 for decades, lengths and ratings
	Place int // 0..64 in the taste hash; -1: not in the hash
}

// The first statistic of each kind that follows from a condition and not from a genre id.
const (
	statDecade = 0
	statLength = 5
	statRating = 10
)

// hashPlaces is the number of places that the hash compares with their neighbour.
const hashPlaces = 65

// Statistics are all traits, in the order of their numbers. The order and the places are part of the public meaning of
// the taste hash and never change. Read-only.
var Statistics = [...]Statistic{
	{Decade, "1980s and before", 0, 59},
	{Decade, "1990s", 0, 38},
	{Decade, "2000s", 0, 14},
	{Decade, "2010s", 0, 2},
	{Decade, "2020s", 0, 9},
	{Length, "1 episode", 0, 16},
	{Length, "about 6 episodes", 0, 33},
	{Length, "about 12 episodes", 0, 1},
	{Length, "about 24 episodes", 0, 13},
	{Length, "about 48 episodes", 0, 25},
	{AgeRating, "G", 0, 51},
	{AgeRating, "PG", 0, 56},
	{AgeRating, "PG-13", 0, 0},
	{AgeRating, "R", 0, 7},
	{AgeRating, "R+", 0, 26},
	{AgeRating, "Rx", 0, 63},
	{MajorGenre, "Action", 1, 3},
	{MajorGenre, "Adventure", 2, 12},
	{MajorGenre, "Comedy", 4, 6},
	{MajorGenre, "Drama", 8, 10},
	{MajorGenre, "Fantasy", 10, 4},
	{MajorGenre, "Romance", 22, 11},
	{MajorGenre, "Sci-Fi", 24, 17},
	{MajorGenre, "Supernatural", 37, 15},
	{MinorGenre, "Avant Garde", 5, -1},
	{MinorGenre, "Award Winning", 46, 23},
	{MinorGenre, "Boys Love", 28, -1},
	{MinorGenre, "Girls Love", 26, -1},
	{MinorGenre, "Gourmet", 47, -1},
	{MinorGenre, "Horror", 14, 37},
	{MinorGenre, "Mystery", 7, 20},
	{MinorGenre, "Slice of Life", 36, 42},
	{MinorGenre, "Sports", 30, 40},
	{MinorGenre, "Suspense", 41, 27},
	{MinorGenre, "Ecchi", 9, 22},
	{MinorGenre, "Erotica", 49, -1},
	{MinorGenre, "Hentai", 12, -1},
	{Demographic, "Josei", 43, 64},
	{Demographic, "Kids", 15, -1},
	{Demographic, "Seinen", 42, 18},
	{Demographic, "Shoujo", 25, 39},
	{Demographic, "Shounen", 27, 5},
	{MajorTheme, "Adult Cast", 50, 31},
	{MajorTheme, "Gag Humor", 57, 50},
	{MajorTheme, "Gore", 58, 24},
	{MajorTheme, "Harem", 35, 29},
	{MajorTheme, "Historical", 13, 34},
	{MajorTheme, "Isekai", 62, 30},
	{MajorTheme, "Iyashikei", 63, 57},
	{MajorTheme, "Love Polygon", 64, 43},
	{MajorTheme, "Martial Arts", 17, 46},
	{MajorTheme, "Mecha", 18, 36},
	{MajorTheme, "Military", 38, 28},
	{MajorTheme, "Music", 19, 49},
	{MajorTheme, "Mythology", 6, 32},
	{MajorTheme, "Parody", 20, 41},
	{MajorTheme, "Psychological", 40, 19},
	{MajorTheme, "School", 23, 8},
	{MajorTheme, "Super Power", 31, 21},
	{MajorTheme, "Survival", 76, 35},
	{MajorTheme, "Time Travel", 78, 44},
	{MajorTheme, "Vampire", 32, 47},
	{MinorTheme, "Anthropomorphic", 51, -1},
	{MinorTheme, "CGDCT", 52, 58},
	{MinorTheme, "Childcare", 53, -1},
	{MinorTheme, "Combat Sports", 54, -1},
	{MinorTheme, "Crossdressing", 81, -1},
	{MinorTheme, "Delinquents", 55, -1},
	{MinorTheme, "Detective", 39, 55},
	{MinorTheme, "Educational", 56, -1},
	{MinorTheme, "High Stakes Game", 59, 62},
	{MinorTheme, "Idols (Female)", 60, -1},
	{MinorTheme, "Idols (Male)", 61, -1},
	{MinorTheme, "Magical Sex Shift", 65, -1},
	{MinorTheme, "Mahou Shoujo", 66, -1},
	{MinorTheme, "Medical", 67, -1},
	{MinorTheme, "Organized Crime", 68, 60},
	{MinorTheme, "Otaku Culture", 69, 53},
	{MinorTheme, "Performing Arts", 70, -1},
	{MinorTheme, "Pets", 71, -1},
	{MinorTheme, "Racing", 3, -1},
	{MinorTheme, "Reincarnation", 72, 45},
	{MinorTheme, "Reverse Harem", 73, -1},
	{MinorTheme, "Romantic Subtext", 74, 48},
	{MinorTheme, "Samurai", 21, -1},
	{MinorTheme, "Showbiz", 75, -1},
	{MinorTheme, "Space", 29, -1},
	{MinorTheme, "Strategy Game", 11, -1},
	{MinorTheme, "Team Sports", 77, 52},
	{MinorTheme, "Video Game", 79, 54},
	{MinorTheme, "Visual Arts", 80, -1},
	{MinorTheme, "Workplace", 48, 61},
}

// genreStat finds the statistic of a MyAnimeList genre id.
var genreStat = func() map[int]int {
	m := make(map[int]int, len(Statistics))
	for i, s := range Statistics {
		if s.Genre != 0 {
			m[s.Genre] = i
		}
	}
	return m
}()

// GenreName returns MyAnimeList's name of a genre, theme or demographic, empty for one that is no statistic.
func GenreName(id int) string {
	if s, ok := genreStat[id]; ok {
		return Statistics[s].Name
	}
	return ""
}

// StatisticsOf returns the numbers, into [Statistics], of what a has: at most one decade, one length (an unknown number
// of episodes counts as about 6), at most one rating, then its genres, each once. Only a full start date tells a decade.
func StatisticsOf(a *Anime) []int {
	var memory [len(Statistics)]uint8
	numbers := appendStatistics(memory[:0], a)
	stats := make([]int, len(numbers))
	for i, s := range numbers {
		stats[i] = int(s)
	}
	return stats
}

// appendStatistics appends what StatisticsOf returns.
func appendStatistics(numbers []uint8, a *Anime) []uint8 {
	if a.Start.Full() {
		numbers = append(numbers, uint8(statDecade+decadeOf(a.Start.Year)))
	}
	numbers = append(numbers, uint8(statLength+lengthOf(a.Episodes)))
	if a.Rating != NoRating {
		numbers = append(numbers, uint8(statRating+int(a.Rating-RatingG)))
	}
	var seen [len(Statistics)]bool
	for _, g := range a.Genres {
		if s, ok := genreStat[g.ID]; ok && !seen[s] {
			seen[s] = true
			numbers = append(numbers, uint8(s))
		}
	}
	return numbers
}

// decadeOf returns 0..4. The last two are 2010..2017 and 2018 onwards.
func decadeOf(year int) int {
	switch {
	case year < 1990:
		return 0
	case year < 2000:
		return 1
	case year < 2010:
		return 2
	case year < 2018:
		return 3
	}
	return 4
}

// lengthOf returns 0..4, for 1, about 6, about 12, about 24 and about 48 episodes. No episodes are unknown: about 6.
func lengthOf(episodes int) int {
	switch {
	case episodes == 1:
		return 0
	case episodes <= 8:
		return 1
	case episodes <= 18:
		return 2
	case episodes <= 32:
		return 3
	}
	return 4
}

// Compared returns the two statistics that bit i (0..63) of a [Hash] compares: it is set when a outweighs b.
func Compared(i int) (a, b *Statistic) { return placed[i], placed[i+1] }

// placed finds the statistic at a place in the taste hash.
var placed = func() (at [hashPlaces]*Statistic) {
	for i := range Statistics {
		if s := &Statistics[i]; s.Place >= 0 {
			at[s.Place] = s
		}
	}
	return at
}()

// PlaceName is the name of the statistic at place i (0..64) of the taste hash.
func PlaceName(i int) string { return placed[i].Name }

// IsLength tells whether s names a statistic of kind [Length], or is empty.
func IsLength(s string) bool {
	for _, stat := range Statistics {
		if stat.Kind == Length && stat.Name == s {
			return true
		}
	}
	return s == ""
}
