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

// batchRange is which of the most similar users a batch of n has: the second begins with the 33rd.
func batchRange(batch, n int) string {
	first := (batch-1)*engine.BatchSize + 1
	return whole(first) + " to " + whole(first+n-1)
}

// savedText is a line for each anime: title and address.
func savedText(saved []*engine.Anime) string {
	var b strings.Builder
	for _, a := range saved {
		fmt.Fprintf(&b, "%s https://myanimelist.net/anime/%d\n", a.Title, a.ID)
	}
	return b.String()
}
