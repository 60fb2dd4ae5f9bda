package engine

import (
	"math/bits"
	"strconv"
)

// Hash is a taste hash: 64 comparisons of how much a list weighs two statistics. Bit 0 is the most significant one.
// The zero value says that no taste can be told.
type Hash uint64

// HashEntries is how many watched entries, the newest, make a taste hash.
const HashEntries = 256

// hashMask has the 19 bits that compare from a decade, length, rating or demographic: they count twice in a distance.
const hashMask Hash = 0b1110010101000110101000000110000001000011000000000001000010010001

// MaxDistance is the distance of a hash to its complement: 64 bits, 19 of them twice.
const MaxDistance = 83

// TasteHash returns the taste hash of l, and 0 when no taste can be told. Of the newest [HashEntries] watched entries those
// whose anime the catalogue does not describe add nothing.
func TasteHash(l List, c *Catalogue) Hash {
	sums := hashSums(l, c)
	var h Hash
	for i := range hashPlaces - 1 {
		h <<= 1
		if sums[i] > sums[i+1] {
			h |= 1
		}
	}
	return h
}

// hashSums adds up what the newest watched entries weigh, at each place of the hash.
func hashSums(l List, c *Catalogue) (sums [hashPlaces]uint32) {
	n := 0
	for i := range l {
		e := &l[i]
		if !e.Watched() {
			continue
		}
		if n++; n > HashEntries {
			break
		}
		for _, s := range c.Statistics(e.Anime) {
			if p := Statistics[s].Place; p >= 0 {
				sums[p] += uint32(e.Score) + 1
			}
		}
	}
	return sums
}

// String prints the hash as lower-case hexadecimal without leading zeros, at least two digits.
func (h Hash) String() string {
	var b [16]byte
	return string(h.Append(b[:0]))
}

// Append appends what String returns.
func (h Hash) Append(dst []byte) []byte {
	if h < 0x10 {
		dst = append(dst, '0')
	}
	return strconv.AppendUint(dst, uint64(h), 16)
}

// Bit tells whether bit i (0..63, 0 the most significant) is set: whether the statistic at place i outweighs the one at
// place i + 1.
func (h Hash) Bit(i int) bool { return h>>(63-i)&1 == 1 }

// Distance counts the differing bits, those of no genre or theme twice: 0..[MaxDistance]. It is a metric.
func Distance(a, b Hash) int {
	x := uint64(a ^ b)
	return bits.OnesCount64(x) + bits.OnesCount64(x&uint64(hashMask))
}

// Similarity turns a distance into a percentage: 100 for the same hash, 0 for [MaxDistance].
func Similarity(distance int) int { return 100 - distance*100/MaxDistance }
