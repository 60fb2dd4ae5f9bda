package views

// news are the patch notes, the newest first.
var news = []struct{ When, What string }{
	{"November 2026", "Recommendations in the order of your own taste, and why: what on your list speaks for each, and what you would give it. Take an influence out, go for the unusual, or start without a list from a few anime that you liked."},
	{"November 2026", "Filters on recommendations and random picks; comparisons that name every difference; lists by upload."},
	{"November 2026", "A new engine under the same taste prints: answers come from memory, in a millisecond."},
}
