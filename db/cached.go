package db

import (
	"encoding/binary"
	"hash/maphash"
	"sync"
	"time"
	"unsafe"

	"reko.moe/engine"
)

// cached is a user as the cache has it: one piece of memory without pointers, so that the garbage collector has next to nothing to do with
// tens of thousands of them. All numbers are little endian:
//
//	hash, fetched, full, private   8 bytes each; times are unix seconds, 0 being none
//	failures                       4 bytes
//	unlisted                       1 byte
//	origin, name                   1 byte each, how many bytes they have
//	origin, name, list             the rest
type cached []byte

const cachedHead = 4*8 + 4 + 3

// cachedOf makes u's cached form, but for its id. ok is false for what has no place in it: a name or an origin longer than a byte can tell.
func cachedOf(u *engine.User) (k cached, ok bool) {
	if len(u.Name) > 255 || len(u.Origin) > 255 {
		return nil, false
	}
	k = make(cached, 0, cachedHead+len(u.Origin)+len(u.Name)+len(u.List))
	for _, n := range [...]int64{int64(u.Hash), secondsOf(u.FetchedAt), secondsOf(u.FullAt), secondsOf(u.PrivateAt)} {
		k = binary.LittleEndian.AppendUint64(k, uint64(n))
	}
	k = binary.LittleEndian.AppendUint32(k, uint32(u.Failures))
	unlisted := byte(0)
	if u.Unlisted {
		unlisted = 1
	}
	k = append(k, unlisted, byte(len(u.Origin)), byte(len(u.Name)))
	k = append(append(k, u.Origin...), u.Name...)
	return append(k, u.List...), true
}

// user is the inverse of cachedOf. Its texts and its list are in k, which is never written to again.
func (k cached) user(id engine.UserID) engine.User {
	number := func(at int) int64 { return int64(binary.LittleEndian.Uint64(k[at:])) }
	u := engine.User{
		ID: id, Hash: engine.Hash(number(0)), FetchedAt: timeOf(number(8)), FullAt: timeOf(number(16)), PrivateAt: timeOf(number(24)),
		Failures: int(int32(binary.LittleEndian.Uint32(k[32:]))), Unlisted: k[36] != 0,
	}
	name := cachedHead + int(k[37])
	list := name + int(k[38])
	u.Origin, u.Name = engine.Origin(text(k[cachedHead:name])), text(k[name:list])
	if list < len(k) {
		u.List = engine.Packed(k[list:len(k):len(k)])
	}
	return u
}

// text is b as a string, without a copy. b must never change.
func text(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b)) //nolint:gosec // what is cached is never written to, and is there for as long as its texts
}

// names knows ids by name, up to so many. What it says is a guess: the user of an id may have another name by now, or be gone. It may
// forget any name at any time. It is safe for concurrent use.
type names struct {
	most int
	seed maphash.Seed

	mu  sync.RWMutex
	ids map[uint64]engine.UserID // by hash of the name: numbers alone, which the garbage collector does not look at; guarded by mu
}

// nameBytes is what a name takes in memory, at most.
const nameBytes = 40

func newNames(bytes int) *names {
	return &names{most: bytes / nameBytes, seed: maphash.MakeSeed(), ids: map[uint64]engine.UserID{}}
}

func (n *names) id(name string) (engine.UserID, bool) {
	key := maphash.String(n.seed, name)
	n.mu.RLock()
	defer n.mu.RUnlock()
	id, ok := n.ids[key]
	return id, ok
}

// set notes the id of a name. When there is no room, some that nobody chose are forgotten.
func (n *names) set(name string, id engine.UserID) {
	if n.most == 0 {
		return
	}
	key := maphash.String(n.seed, name)
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.ids) >= n.most {
		left := n.most / 8
		for other := range n.ids { // in an order that nobody knows
			delete(n.ids, other)
			if left--; left < 0 {
				break
			}
		}
	}
	n.ids[key] = id
}

// timeOf is the time of unix seconds, 0 being none; secondsOf the inverse.
func timeOf(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

func secondsOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
