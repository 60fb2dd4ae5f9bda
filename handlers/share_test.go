package handlers_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"reko.moe/engine"
	"reko.moe/static"
	"reko.moe/views"
)

// picture asks for a PNG that may be kept for some seconds.
func (a *app) picture(t testing.TB, target string, keep int) image.Image {
	t.Helper()
	got := a.get(t, target, http.StatusOK)
	h := got.header
	if h.Get("Content-Type") != "image/png" || h.Get("Cache-Control") != "public, max-age="+strconv.Itoa(keep) || h.Get("Set-Cookie") != "" {
		t.Errorf("%s: %v", target, h)
	}
	img, err := png.Decode(strings.NewReader(got.body))
	if err != nil {
		t.Fatalf("%s: %v", target, err)
	}
	return img
}

// is tells whether a point of img has a colour, or is as much of one over the paper as empty squares are.
func is(img image.Image, x, y int, c views.Colour, empty bool) bool {
	want := [3]int{int(c >> 16), int(c >> 8 & 255), int(c & 255)}
	if empty {
		for i, paper := range [3]int{int(views.DarkPaper >> 16), int(views.DarkPaper >> 8 & 255), int(views.DarkPaper & 255)} {
			want[i] = (want[i]*16 + paper*84 + 50) / 100
		}
	}
	return color.RGBAModel.Convert(img.At(x, y)) == color.RGBA{uint8(want[0]), uint8(want[1]), uint8(want[2]), 255}
}

// The places of the two prints in the picture of a comparison.
const (
	shareLeft, shareRight = 64, 1200 - 64 - 8*40 + 7
	shareTop, shareStep   = 76, 40
)

func TestCompareShare(t *testing.T) {
	a := start(t, nil)
	hash := func(name string) engine.Hash {
		card, ok := a.engine.Known(t.Context(), name)
		if !ok {
			t.Fatalf("%s is not there", name)
		}
		return card.Hash
	}
	for _, pair := range [][2]string{{"spike", "faye-v"}, {"ein", "jet_black"}, {"version", "spike"}, {"spike", "spike"}} {
		target := fmt.Sprintf("/u/%s/compare/%s/share.png", pair[0], pair[1])
		img := a.picture(t, target, 60)
		if img.Bounds() != image.Rect(0, 0, 1200, 630) {
			t.Errorf("%s: %v", target, img.Bounds())
		}
		differ := hash(pair[0]) ^ hash(pair[1])
		for side, left := range [2]int{shareLeft, shareRight} {
			h := hash(pair[side])
			for i := range 64 {
				x, y := left+i%8*shareStep, shareTop+i/8*shareStep
				if !is(img, x+16, y+16, views.InkOf(h).Dark, !h.Bit(i)) {
					t.Errorf("%s: square %d of %s is %v, and the bit %t", target, i, pair[side], img.At(x+16, y+16), h.Bit(i))
				}
				if outlined := is(img, x-2, y+16, views.DarkInk, false); outlined != differ.Bit(i) {
					t.Errorf("%s: square %d of %s is outlined: %t", target, i, pair[side], outlined)
				}
			}
		}
	}
	want := a.get(t, "/u/spike/compare/ein/share.png", http.StatusOK)
	if got := a.get(t, "/u/SPIKE/compare/%45in/share.png", http.StatusOK); got.body != want.body {
		t.Error("another spelling makes another picture")
	}
	if got := a.ask(t, http.MethodGet, "/u/spike/compare/ein/share.png", "Accept-Encoding", "gzip, br"); got.header.Get("Content-Encoding") != "" {
		t.Errorf("a picture is compressed twice: %v", got.header)
	}
	if got := a.ask(t, http.MethodHead, "/u/spike/compare/ein/share.png"); got.status != http.StatusOK || got.header.Get("Content-Type") != "image/png" {
		t.Errorf("HEAD: %d %v", got.status, got.header)
	}
	for target, status := range map[string]int{
		"/u/spike/compare/nobody/share.png": 404, "/u/nobody/compare/spike/share.png": 404, "/u/spike/compare/%2e%2e/share.png": 404,
		"/u/spike/compare/ed/share.png": 422, "/u/gren/compare/spike/share.png": 500, "/u/spike/share.png": 404,
	} {
		if got := a.get(t, target, status); got.header.Get("Content-Type") == "image/png" || strings.Contains(got.header.Get("Cache-Control"), "public") {
			t.Errorf("%s: %v", target, got.header)
		}
	}
	// The page of a comparison leads to its picture.
	b := start(t, func(s *setup) { s.handlers.PublicURL = "https://reko.test" })
	page := b.get(t, "/u/Spike/compare/Faye-V", http.StatusOK).body
	if !strings.Contains(page, `<meta property="og:image" content="https://reko.test/u/spike/compare/faye-v/share.png">`) {
		t.Error("the page of a comparison does not name its picture")
	}
}

// The longest and widest names stay under their prints.
func TestCompareShareNames(t *testing.T) {
	wide := []string{"wwwwwwwwwwwwwwww", "mmmmmmmmmmmmmmmm", "________________", "ii", "m-w_m-w_m-w_m-w_"}
	a := start(t, func(s *setup) {
		for _, name := range wide {
			s.users = append(s.users, person(name, engine.FromFile, entry(1, 9, 2024)))
		}
	})
	for i, name := range wide {
		img := a.picture(t, "/u/"+name+"/compare/"+wide[(i+1)%len(wide)]+"/share.png", 60)
		drawn := 0
		const below, foot = shareTop + 8*shareStep, 630 - 44 - 80 // where names are
		for y := below; y < foot; y++ {
			for x := range 1200 {
				if is(img, x, y, views.DarkPaper, false) {
					continue
				}
				drawn++
				if in := x - shareLeft; in < 0 || in > 313 && x < shareRight || x >= 1200-64 {
					t.Fatalf("%s: something is drawn at %d, %d", name, x, y)
				}
			}
		}
		if drawn == 0 {
			t.Errorf("%s: no names", name)
		}
	}
}

func TestSiteShare(t *testing.T) {
	a := start(t, nil)
	if img := a.picture(t, "/share.png", 86400); img.Bounds() != image.Rect(0, 0, 1200, 630) {
		t.Errorf("%v", img.Bounds())
	}
	if page := a.get(t, "/", http.StatusOK).body; !strings.Contains(page, "Find the people who watch like you. Watch what they loved.") {
		t.Error("the first page says something else than the picture: mend claim in share.go")
	}
}

// The icon in pixels is the one that is drawn in icon.svg.
func TestIcon(t *testing.T) {
	svg, err := static.Files.ReadFile("icon.svg")
	if err != nil {
		t.Fatal(err)
	}
	img := start(t, nil).picture(t, "/icon-512.png", 86400)
	if img.Bounds() != image.Rect(0, 0, 512, 512) {
		t.Fatalf("%v", img.Bounds())
	}
	squares := map[image.Point]bool{}
	for _, m := range regexp.MustCompile(`M(\d+) (\d+)h9v9h-9z`).FindAllSubmatch(svg, -1) {
		x, _ := strconv.Atoi(string(m[1]))
		y, _ := strconv.Atoi(string(m[2]))
		squares[image.Pt(x, y)] = true
	}
	if len(squares) != 11 || !bytes.Contains(svg, []byte(`rx="14" fill="#211d26"`)) || !bytes.Contains(svg, []byte(fmt.Sprintf(`fill="#%06x"`, views.DarkAccent))) {
		t.Fatalf("icon.svg has changed: %s", svg)
	}
	for y := 12; y < 56; y += 11 {
		for x := 12; x < 56; x += 11 {
			for _, at := range []image.Point{{x*8 + 1, y*8 + 1}, {x*8 + 71, y*8 + 71}} {
				if on := is(img, at.X, at.Y, views.DarkAccent, false); on != squares[image.Pt(x, y)] {
					t.Errorf("the square at %d, %d is there: %t", x, y, on)
				}
			}
		}
	}
	if _, _, _, alpha := img.At(0, 0).RGBA(); alpha != 0 {
		t.Error("the corners are not round")
	}
	if !is(img, 256, 4, 0x211d26, false) {
		t.Errorf("the ground is %v", img.At(256, 4))
	}
}

// The icon at its old address is a file of icons with that picture, smaller.
func TestFavicon(t *testing.T) {
	a := start(t, nil)
	got := a.get(t, "/favicon.ico", http.StatusOK)
	if kind := got.header.Get("Content-Type"); kind != "image/x-icon" || got.header.Get("Cache-Control") != "public, max-age=86400" {
		t.Errorf("%v", got.header)
	}
	head, body, _ := strings.Cut(got.body, "\x89PNG")
	want := "\x00\x00\x01\x00\x01\x00@@\x00\x00\x01\x00 \x00" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(body)+4))) + "\x16\x00\x00\x00"
	if head != want {
		t.Errorf("the head is %q, want %q", head, want)
	}
	img, err := png.Decode(strings.NewReader("\x89PNG" + body))
	if err != nil || img.Bounds() != image.Rect(0, 0, 64, 64) || !is(img, 16, 16, views.DarkAccent, false) || !is(img, 32, 2, 0x211d26, false) {
		t.Errorf("the picture is %v, %v", img, err)
	}
}

// Pictures are drawn at the same time, and are the same each time.
func TestSharesTogether(t *testing.T) {
	a := start(t, nil)
	targets := []string{"/u/spike/compare/ein/share.png", "/u/faye-v/compare/jet_black/share.png", "/share.png", "/icon-512.png"}
	var wg sync.WaitGroup
	for _, target := range targets {
		want := a.get(t, target, http.StatusOK).body
		for range 4 {
			wg.Go(func() {
				if got := a.ask(t, http.MethodGet, target); got.body != want {
					t.Errorf("%s differs", target)
				}
			})
		}
	}
	wg.Wait()
}

func BenchmarkCompareShare(b *testing.B) {
	a := start(b, nil)
	a.log.off.Store(true)
	for b.Loop() {
		a.get(b, "/u/spike/compare/faye-v/share.png", http.StatusOK)
	}
}

// What a taste print says is told in words, too: there is nothing to point with on a telephone.
func TestAboutTellsEverySquare(t *testing.T) {
	a := start(t, nil)
	a.get(t, "/u/spike", http.StatusOK)
	_, all, _ := strings.Cut(a.get(t, "/about", http.StatusOK).body, "<details")
	all, _, _ = strings.Cut(all, "</details>")
	if n := strings.Count(all, "<li"); n != 64 {
		t.Errorf("%d squares are told of, want 64", n)
	}
	for i := range 64 {
		first, second := engine.Compared(i)
		if !strings.Contains(all, first.Name) || !strings.Contains(all, second.Name) {
			t.Errorf("square %d, %s and %s, is not told of", i, first.Name, second.Name)
		}
	}
}
