package engine

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"time"
)

// Population is how the values of all users' profiles are spread. It is immutable once it is shared.
type Population struct {
	Version int64     // given by the store, from 1; 0 when it is not kept
	Users   int       // whose profiles were looked at, those of empty lists included
	MadeAt  time.Time // zero when it is not kept
	State   string    // of the store's users and anime then; see [PopulationStore]
	spreads [profileStats][measures]Spread
}

// Spread says how a value is spread over those who have it.
type Spread struct {
	Count     int
	Mean      float64
	Deviation float64 // standard deviation, of the population
}

// Spread returns how a value of a statistic (0..[General]) is spread.
func (p *Population) Spread(stat int, m Measure) Spread { return p.spreads[stat][m] }

// census gathers a [Population] by Welford's method (“Note on a method for calculating corrected sums of squares and
// products”, 1962): in one pass, in memory that does not depend on the number of users, without losing digits.
type census struct {
	users   int
	counts  [profileStats][measures]int
	means   values
	squares values // sums of squared deviations from the mean
}

// PopulationOf makes the population of users with these profiles.
func PopulationOf(profiles ...*Profile) *Population {
	var c census
	for _, p := range profiles {
		c.add(p)
	}
	return c.population()
}

func (c *census) add(p *Profile) {
	c.users++
	for s := range p.values {
		for m, v := range p.values[s] {
			if math.IsNaN(v) {
				continue
			}
			c.counts[s][m]++
			from := v - c.means[s][m]
			c.means[s][m] += from / float64(c.counts[s][m])
			c.squares[s][m] += from * (v - c.means[s][m])
		}
	}
}

func (c *census) population() *Population {
	p := &Population{Users: c.users}
	for s := range p.spreads {
		for m := range p.spreads[s] {
			if n := c.counts[s][m]; n > 0 {
				p.spreads[s][m] = Spread{n, c.means[s][m], math.Sqrt(max(c.squares[s][m], 0) / float64(n))}
			}
		}
	}
	return p
}

// cumulative returns how much of a normal distribution with the spread's mean and deviation lies below v: 0..1. It is
// missing when v is, or when nobody has the value; where all have the same it is a half.
func (s *Spread) cumulative(v float64) float64 {
	switch {
	case math.IsNaN(v), s.Count == 0:
		return math.NaN()
	case s.Deviation == 0:
		return 0.5
	}
	return math.Erfc((s.Mean-v)/(s.Deviation*math.Sqrt2)) / 2
}

// Ranks are the values of a profile as cumulative probabilities among all users: 0 is far below what is usual, 1 far above.
type Ranks struct{ values values }

// Ranks returns where a profile stands among all users.
func (p *Population) Ranks(of *Profile) *Ranks {
	r := new(Ranks)
	for s := range r.values {
		for m := range r.values[s] {
			r.values[s][m] = p.spreads[s][m].cumulative(of.values[s][m])
		}
	}
	return r
}

// Percentile returns the rank of a value in percent, and false when it is missing.
func (r *Ranks) Percentile(stat int, m Measure) (float64, bool) {
	v := r.values[stat][m]
	return 100 * v, !math.IsNaN(v)
}

// PackedPopulation is a [Population] as it is stored, 16.8 kB:
//
//	version    1 byte, 1
//	users      8 bytes
//	statistics 2 bytes, how many
//	measures   1 byte, how many
//	spreads    of each statistic, of each measure: count 4 bytes, mean and deviation 8 bytes each
//	checksum   4 bytes, CRC-32C of all that precedes
//
// Numbers are little endian.
type PackedPopulation []byte

const (
	populationVersion = 1
	populationHead    = 12
	populationSpread  = 20
	populationSize    = populationHead + profileStats*int(measures)*populationSpread + 4
)

// Pack returns the spreads of p in their stored form.
func (p *Population) Pack() PackedPopulation {
	b := make([]byte, 0, populationSize)
	b = append(b, populationVersion)
	b = binary.LittleEndian.AppendUint64(b, uint64(p.Users))
	b = binary.LittleEndian.AppendUint16(b, uint16(profileStats))
	b = append(b, byte(measures))
	for s := range p.spreads {
		for _, spread := range p.spreads[s] {
			b = binary.LittleEndian.AppendUint32(b, uint32(spread.Count))
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(spread.Mean))
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(spread.Deviation))
		}
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// Unpack is the inverse of [Population.Pack]. What is damaged, or of another version, is [ErrCorrupt].
func (b PackedPopulation) Unpack() (*Population, error) {
	end := len(b) - 4
	if len(b) != populationSize || crc32.Checksum(b[:end], castagnoli) != binary.LittleEndian.Uint32(b[end:]) {
		return nil, fmt.Errorf("population of %d bytes: %w", len(b), ErrCorrupt)
	}
	if b[0] != populationVersion || binary.LittleEndian.Uint16(b[9:]) != uint16(profileStats) || b[11] != byte(measures) {
		return nil, fmt.Errorf("population of version %d: %w", b[0], ErrCorrupt)
	}
	p := &Population{Users: int(binary.LittleEndian.Uint64(b[1:]))}
	rest := b[populationHead:]
	for s := range p.spreads {
		for m := range p.spreads[s] {
			spread := Spread{
				Count:     int(binary.LittleEndian.Uint32(rest)),
				Mean:      math.Float64frombits(binary.LittleEndian.Uint64(rest[4:])),
				Deviation: math.Float64frombits(binary.LittleEndian.Uint64(rest[12:])),
			}
			if math.IsNaN(spread.Mean) || math.IsInf(spread.Mean, 0) || !(spread.Deviation >= 0 && spread.Deviation <= math.MaxFloat64) {
				return nil, fmt.Errorf("population: %+v: %w", spread, ErrCorrupt)
			}
			p.spreads[s][m] = spread
			rest = rest[populationSpread:]
		}
	}
	return p, nil
}
