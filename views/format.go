package views

import (
	"fmt"
	"strings"

	"reko.moe/engine"
)

// compareWord stands between two sums.
func compareWord(greater bool) string {
	if greater {
		return ", more than "
	}
	return ", no more than "
}

// savedText is a line for each anime: title and address.
func savedText(saved []*engine.Anime) string {
	var b strings.Builder
	for _, a := range saved {
		fmt.Fprintf(&b, "%s https://myanimelist.net/anime/%d\n", a.Title, a.ID)
	}
	return b.String()
}
