package engine

import (
	"fmt"
	"math/bits"
	"slices"
	"sort"
)

// tree is all users of an index as they are at one instant. A tree that is shared is immutable: a change makes a new one that shares
// all but one or two blocks and shelves with it, so that whoever walks over a tree is neither in the way of changes nor disturbed by them.
type tree struct {
	shelves [rows / shelfRows]*shelf // nil: nobody is in any of the rows
	users   int
}

// shelf is some rows that follow each other, of which a change copies no others. It is immutable once it is in a tree.
type shelf [shelfRows][]*block // by row; in a row by depth

const shelfRows = 32

// row returns the blocks of a row.
func (t *tree) row(i int) []*block {
	if s := t.shelves[i/shelfRows]; s != nil {
		return s[i%shelfRows]
	}
	return nil
}

// setRow changes the blocks of a row. t is not shared yet.
func (t *tree) setRow(i int, blocks []*block) {
	next := new(shelf)
	if s := t.shelves[i/shelfRows]; s != nil {
		*next = *s
	}
	next[i%shelfRows] = blocks
	t.shelves[i/shelfRows] = next
}

// block is up to maxBlock users of a row, ascending by depth. It is immutable once it is in a tree.
type block struct {
	starts [depths + 1]uint16 // where the users of a depth begin
	rests  []uint64
	ids    []UserID // of rests[i]
	names  []name   // of rests[i]
}

// maxBlock bounds what is copied for a change, 32 kB.
const maxBlock = 1024

// newBlock makes a block of users that ascend by depth.
func newBlock(rests []uint64, ids []UserID, names []name) *block {
	b := &block{rests: rests, ids: ids, names: names}
	for _, r := range rests {
		b.starts[bits.OnesCount64(r)+1]++
	}
	for d := range depths {
		b.starts[d+1] += b.starts[d]
	}
	return b
}

// with returns b and one more user, as one block or two.
func (b *block) with(p hashParts, id UserID, n name) []*block {
	at := int(b.starts[p.depth()+1])
	more := newBlock(
		slices.Concat(b.rests[:at], []uint64{p.rest}, b.rests[at:]),
		slices.Concat(b.ids[:at], []UserID{id}, b.ids[at:]),
		slices.Concat(b.names[:at], []name{n}, b.names[at:]))
	if len(more.rests) <= maxBlock {
		return []*block{more}
	}
	half := len(more.rests) / 2
	return []*block{more.part(0, half), more.part(half, len(more.rests))}
}

// without returns b but for the user at a place.
func (b *block) without(at int) *block {
	return newBlock(
		slices.Concat(b.rests[:at], b.rests[at+1:]),
		slices.Concat(b.ids[:at], b.ids[at+1:]),
		slices.Concat(b.names[:at], b.names[at+1:]))
}

// and returns the users of b and those of next, which follow in the same row.
func (b *block) and(next *block) *block {
	return newBlock(slices.Concat(b.rests, next.rests), slices.Concat(b.ids, next.ids), slices.Concat(b.names, next.names))
}

// part returns a copy of some of the users.
func (b *block) part(from, to int) *block {
	return newBlock(slices.Clone(b.rests[from:to]), slices.Clone(b.ids[from:to]), slices.Clone(b.names[from:to]))
}

// rowBlock is a block and the row that it is in.
type rowBlock struct {
	*block
	row int
}

// hash is that of the user at a place of the block.
func (b rowBlock) hash(at int) Hash { return hashParts{uint16(b.row), b.rests[at]}.hash() }

// card is the user at a place of the block.
func (b rowBlock) card(at int) Card {
	return Card{ID: b.ids[at], Name: b.names[at].String(), Hash: b.hash(at)}
}

// find returns in which block of the row a user of a cell is, and where in it. The user must be there.
func (t *tree) find(id UserID, c cell) (in, at int) {
	for in, b := range t.row(c.row()) {
		from, to := b.starts[c.depth()], b.starts[c.depth()+1]
		if i := slices.Index(b.ids[from:to], id); i >= 0 {
			return in, int(from) + i
		}
	}
	panic(fmt.Sprintf("engine: user %d is not in the index, but on its roll", id))
}

// card is a user of a cell. The user must be there.
func (t *tree) card(id UserID, c cell) Card {
	in, at := t.find(id, c)
	return rowBlock{t.row(c.row())[in], c.row()}.card(at)
}

// add puts in a user who is not there. t is not shared yet.
func (t *tree) add(p hashParts, id UserID, n name) {
	t.users++
	row := t.row(int(p.row))
	if len(row) == 0 {
		t.setRow(int(p.row), []*block{newBlock([]uint64{p.rest}, []UserID{id}, []name{n})})
		return
	}
	after := sort.Search(len(row), func(i int) bool { return bits.OnesCount64(row[i].rests[0]) > p.depth() })
	in := max(after-1, 0)
	t.setRow(int(p.row), slices.Concat(row[:in], row[in].with(p, id, n), row[in+1:]))
}

// remove takes out the user of a cell. t is not shared yet.
func (t *tree) remove(id UserID, c cell) {
	row := t.row(c.row())
	in, at := t.find(id, c)
	t.users--
	from, to := in, in+1
	var left []*block
	if b := row[in].without(at); len(b.rests) > 0 {
		if to < len(row) && len(b.rests)+len(row[to].rests) <= maxBlock/2 { // so that many removals leave no crumbs
			b, to = b.and(row[to]), to+1
		} else if from > 0 && len(row[from-1].rests)+len(b.rests) <= maxBlock/2 {
			b, from = row[from-1].and(b), from-1
		}
		left = []*block{b}
	}
	t.setRow(c.row(), slices.Concat(row[:from], left, row[to:]))
}

// newTree makes a tree of cards, with the cell of each, in one go. Those without a hash are left out.
func newTree(cards []Card, in []cell) *tree {
	var starts [cells + 1]int
	for i := range cards {
		if cards[i].Hash != 0 {
			starts[int(in[i])+1]++
		}
	}
	for c := range cells {
		starts[c+1] += starts[c]
	}
	t := &tree{users: starts[cells]}
	order := make([]int32, t.users) // of cards, by cell: a counting sort
	next := starts
	for i := range cards {
		if cards[i].Hash != 0 {
			order[next[in[i]]] = int32(i)
			next[in[i]]++
		}
	}
	for row := range rows {
		users := order[starts[row*depths]:starts[(row+1)*depths]]
		if len(users) == 0 {
			continue
		}
		const size = maxBlock * 3 / 4 // so that the next who come do not split them all
		blocks := make([]*block, (len(users)+size-1)/size)
		for i := range blocks {
			blocks[i] = blockOf(cards, users[i*len(users)/len(blocks):(i+1)*len(users)/len(blocks)])
		}
		t.setRow(row, blocks)
	}
	return t
}

// blockOf makes a block of some of the cards.
func blockOf(cards []Card, users []int32) *block {
	rests, ids, names := make([]uint64, len(users)), make([]UserID, len(users)), make([]name, len(users))
	for i, at := range users {
		c := &cards[at]
		rests[i], ids[i], names[i] = partsOf(c.Hash).rest, c.ID, nameOf(c.Name)
	}
	return newBlock(rests, ids, names)
}
