package static

import (
	"bytes"
	"testing"
)

// What a page loads early is what its stylesheet refers to: by another address it would be loaded twice.
func TestStylesheetsHaveAddresses(t *testing.T) {
	const font = "bricolage-grotesque-latin-700.woff2"
	want := []byte("url(.." + Path(font)[len("/static"):] + ")")
	f, ok := Find("app.css")
	if !ok || !bytes.Contains(f.Data, want) {
		t.Errorf("app.css does not have %s", want)
	}
	if bytes.Contains(f.Data, []byte("url("+font)) {
		t.Error("app.css has the font by an address that changes with the stylesheet")
	}
}
