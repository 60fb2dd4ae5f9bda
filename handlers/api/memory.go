package api

import (
	"slices"
	"sync"
	"unsafe"

	"reko.moe/engine"
)

// memory is what an answer is made in. It is used again once the answer is released: answers take most of what is allocated otherwise.
type memory struct {
	recs    []Recommendation
	singles []Single
	users   []User
	voters  []Voter
	hashes  []hashText
	genres  []string
	texts   []string // the others
	lengths []int
	written []byte // of hashes and dates
}

// hashText is a neighbour's hash as it is written, which is the same for all their votes.
type hashText struct {
	of   *engine.Neighbour
	text string
}

var memories = sync.Pool{New: func() any { return new(memory) }}

func borrow() *memory { return memories.Get().(*memory) }

// Release ends the use of an answer: nothing of it may be read any more. An answer that is not released is garbage like any other.
func (m *memory) Release() {
	// What waits for its next use keeps no catalogue in memory.
	clear(m.recs)
	clear(m.singles)
	clear(m.users)
	clear(m.voters)
	clear(m.hashes)
	clear(m.genres)
	clear(m.texts)
	memories.Put(m)
}

// reserve returns of without elements, with room for n. It is never nil, which JSON would write as null.
func reserve[T any](of []T, n int) []T {
	if of == nil {
		return make([]T, 0, n)
	}
	return slices.Grow(of[:0], n)
}

// describe makes room for what describes the anime of recs.
func (m *memory) describe(recs []engine.Recommendation) {
	const texts = 3 // of an anime at most
	n := 0
	for i := range recs {
		n += len(recs[i].Anime.Genres)
	}
	m.genres, m.texts, m.lengths = reserve(m.genres, n), reserve(m.texts, texts*len(recs)), reserve(m.lengths, len(recs))
	m.written = m.written[:0]
}

// write makes a text of what was appended to m.written. The text is there until the answer is released.
func (m *memory) write(appended []byte) string {
	text := appended[len(m.written):]
	m.written = appended
	return unsafe.String(unsafe.SliceData(text), len(text)) //nolint:gosec // nothing is written there before the answer is released
}

func (m *memory) recommendations(recs []engine.Recommendation, explain bool) []Recommendation {
	m.describe(recs)
	n := 0
	for i := range recs {
		n += len(recs[i].Votes)
	}
	m.recs, m.voters, m.hashes = reserve(m.recs, len(recs)), reserve(m.voters, n), m.hashes[:0]
	for i := range recs {
		r, from := &recs[i], len(m.voters)
		for _, v := range r.Votes {
			m.voters = append(m.voters, Voter{v.Score, v.Name, m.hash(v.Neighbour), v.Similarity()})
		}
		to := len(m.voters)
		m.recs = append(m.recs, Recommendation{r.Anime.ID, r.Score, m.details(r.Anime), m.voters[from:to:to], explanation(r, explain)})
	}
	return m.recs
}

func (m *memory) fromOne(recs []engine.Recommendation, explain bool) []Single {
	m.describe(recs)
	m.singles = reserve(m.singles, len(recs))
	for i := range recs {
		r := &recs[i]
		m.singles = append(m.singles, Single{r.Anime.ID, r.Score, m.details(r.Anime), explanation(r, explain)})
	}
	return m.singles
}

func (m *memory) similar(near []engine.Neighbour) []User {
	m.users, m.written = reserve(m.users, len(near)), m.written[:0]
	for i := range near {
		n := &near[i]
		m.users = append(m.users, User{n.Name, m.write(n.Hash.Append(m.written)), n.Similarity()})
	}
	return m.users
}

// hash writes the hash of a neighbour, unless it is written.
func (m *memory) hash(of *engine.Neighbour) string {
	for i := range m.hashes {
		if m.hashes[i].of == of {
			return m.hashes[i].text
		}
	}
	text := m.write(of.Hash.Append(m.written))
	m.hashes = append(m.hashes, hashText{of, text})
	return text
}

// details describe an anime. They share nothing with the catalogue.
func (m *memory) details(a *engine.Anime) Details {
	from := len(m.genres)
	for _, g := range a.Genres {
		m.genres = append(m.genres, g.Name)
	}
	out := Details{Title: a.Title, Mean: a.Mean, Genres: m.genres[from:len(m.genres):len(m.genres)]}
	if out.Genres == nil {
		out.Genres = []string{}
	}
	if a.Start.Full() {
		out.AiringDate = m.text(m.write(a.Start.Append(m.written)))
	}
	if a.Episodes > 0 {
		m.lengths = append(m.lengths, a.Episodes)
		out.Length = &m.lengths[len(m.lengths)-1]
	}
	if a.Rating != engine.NoRating {
		out.Rating = m.text(a.Rating.String())
	}
	if a.Picture != "" {
		out.Picture = m.text(a.Picture)
	}
	return out
}

func (m *memory) text(s string) *string {
	m.texts = append(m.texts, s)
	return &m.texts[len(m.texts)-1]
}
