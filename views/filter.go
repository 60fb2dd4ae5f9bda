package views

import (
	"slices"
	"strconv"
	"strings"

	"reko.moe/engine"
)

// option is a choice of a select field.
type option struct{ Value, Text string }

func typeOptions() []option {
	options := []option{{"", "any"}}
	for _, t := range types {
		options = append(options, option{t, typeName(t)})
	}
	return options
}

func lengthOptions() []option {
	options := []option{{"", "any"}}
	for _, s := range engine.Statistics {
		if s.Kind == engine.Length {
			options = append(options, option{s.Name, s.Name})
		}
	}
	return options
}

func airingOptions() []option {
	return []option{{"", "any"}, {"finished_airing", "finished"}, {"currently_airing", "airing now"}, {"not_yet_aired", "not yet aired"}}
}

func memberOptions(none string) []option {
	options := []option{{"", none}}
	for _, n := range []int{10_000, 50_000, 100_000, 250_000, 500_000, 1_000_000} {
		options = append(options, option{strconv.Itoa(n), whole(n)})
	}
	return options
}

// filterGenres are the genres, themes and demographics that can be filtered by, by name.
var filterGenres = func() []engine.Statistic {
	var genres []engine.Statistic
	for _, s := range engine.Statistics {
		if s.Genre != 0 {
			genres = append(genres, s)
		}
	}
	slices.SortFunc(genres, func(a, b engine.Statistic) int { return strings.Compare(a.Name, b.Name) })
	return genres
}()

func genreList(ids []int) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = engine.GenreName(id)
	}
	return strings.Join(names, ", ")
}

// count prints a number of a field, empty for 0.
func count(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func meanValue(f float64) string {
	if f == 0 {
		return ""
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}
