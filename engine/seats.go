package engine

// seats tells quickly which place in a pool an anime has. It is a table by anime id that is used again and again; only the
// places that were set are wiped.
type seats struct {
	seat []int32 // by AnimeID
	used []AnimeID
}

// What stands at an anime's seat, other than its place in the pool, counted from 1.
const (
	free  int32 = 0
	taken int32 = -1 // cannot be recommended
)

// spareSeats has seats that are all free.
var spareSeats Spares[seats]

// borrowSeats returns free seats for the anime of c.
func borrowSeats(c *Catalogue) *seats {
	s := spareSeats.Get()
	if n := int(c.Last()) + 1; len(s.seat) < n {
		s.seat = make([]int32, n)
	}
	return s
}

// at returns what is at an anime's seat. Anime outside of the catalogue are taken.
func (s *seats) at(id AnimeID) int32 {
	if uint(id) >= uint(len(s.seat)) {
		return taken
	}
	return s.seat[id]
}

func (s *seats) set(id AnimeID, seat int32) {
	if uint(id) >= uint(len(s.seat)) {
		return
	}
	if s.seat[id] == free {
		s.used = append(s.used, id)
	}
	s.seat[id] = seat
}

func (s *seats) giveBack() {
	for _, id := range s.used {
		s.seat[id] = free
	}
	s.used = s.used[:0]
	spareSeats.Put(s)
}
