package listfile

import (
	"bufio"
	"io"
	"unicode/utf8"
)

// tidyReader reads XML for a decoder, with other characters in place of those that XML does not allow, and refuses to go on
// when left bytes are read.
type tidyReader struct {
	r     *bufio.Reader
	left  int    // bytes that may be read until it is set again
	whole int    // bytes of the current character that are still to come
	extra []byte // what comes before the next byte of r
	blank bool   // only white space so far
	err   error  // that r ended with
}

// ampersand stands for an & that begins nothing. In CDATA, where & may stand, it looks right too.
const ampersand = "＆"

func newTidyReader(r io.Reader) *tidyReader { return &tidyReader{r: bufio.NewReader(r), blank: true} }

// ReadByte implements [io.ByteReader]. With it the decoder has no buffer of its own, which left could not bound.
func (t *tidyReader) ReadByte() (byte, error) {
	if len(t.extra) > 0 {
		b := t.extra[0]
		t.extra = t.extra[1:]
		return b, nil
	}
	b, err := t.r.ReadByte()
	if err != nil {
		t.err = err
		return 0, err
	}
	if t.left--; t.left < 0 {
		return 0, errTooLong
	}
	switch {
	case t.whole > 0:
		t.whole--
		return b, nil
	case b == ' ', b == '\t', b == '\n', b == '\r':
		return b, nil
	}
	t.blank = false
	switch {
	case b < ' ':
		return ' ', nil
	case b == '&' && !t.reference():
		t.extra = []byte(ampersand)[1:]
		return ampersand[0], nil
	case b < utf8.RuneSelf:
		return b, nil
	}
	return t.character(b), nil
}

// Read implements [io.Reader], which the decoder asks for and does not use.
func (t *tidyReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b, err := t.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = b
	return 1, nil
}

// reference tells whether an & begins the name or the number of something: those that XML does not know are the decoder's to
// refuse.
func (t *tidyReader) reference() bool {
	const longest = 16
	next, _ := t.r.Peek(longest)
	for i, c := range next {
		switch {
		case c == ';':
			return i > 0
		case c == '#' && i == 0, 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		default:
			return false
		}
	}
	return false
}

// character returns first, the first byte of a character beyond ASCII, if the bytes that follow make it one that XML allows.
func (t *tidyReader) character(first byte) byte {
	next, _ := t.r.Peek(utf8.UTFMax - 1)
	var buf [utf8.UTFMax]byte
	buf[0] = first
	n := 1 + copy(buf[1:], next)
	r, size := utf8.DecodeRune(buf[:n])
	if r == utf8.RuneError && size == 1 {
		return '?'
	}
	if r == 0xfffe || r == 0xffff {
		_, _ = t.r.Discard(size - 1)
		return '?'
	}
	t.whole = size - 1
	return first
}
