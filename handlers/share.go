package handlers

import (
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"reko.moe/engine"
	"reko.moe/views"
)

// The size of pictures that a link is shown with elsewhere.
const (
	shareWidth  = 1200
	shareHeight = 630
	shareMargin = 64
	shareFoot   = shareHeight - 44 // where what stands at the foot stands on
)

// How long pictures may be kept: those of people no longer than it takes until nobody is matched with a list that turned private.
const (
	keepComparison = time.Minute
	keepSite       = 24 * time.Hour
)

// compareShare draws how similar two users are.
func (s *server) compareShare(c *fiber.Ctx) error {
	ctx := impatient(c)
	a, err := s.Engine.Between(ctx, param(c, "username"), param(c, "other"))
	if err != nil {
		return err
	}
	data, err := drawComparison(a.Requester.Card, a.Data, s.siteName())
	if err != nil {
		return err
	}
	return sendPNG(c, data, keepComparison)
}

// siteShare draws what the site is.
func (s *server) siteShare(c *fiber.Ctx) error {
	data, err := sitePicture()
	if err != nil {
		return err
	}
	return sendPNG(c, data, keepSite)
}

// icon512 is icon.svg for those who need pixels.
func (s *server) icon512(c *fiber.Ctx) error {
	data, err := iconPicture()
	if err != nil {
		return err
	}
	return sendPNG(c, data, keepSite)
}

// favicon is icon.svg for those who ask for it where icons have always been.
func (s *server) favicon(c *fiber.Ctx) error {
	data, err := faviconPicture()
	if err != nil {
		return err
	}
	if err := sendPNG(c, data, keepSite); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "image/x-icon")
	return nil
}

func sendPNG(c *fiber.Ctx, data []byte, keep time.Duration) error {
	c.Set(fiber.HeaderContentType, "image/png")
	c.Set(fiber.HeaderCacheControl, "public, max-age="+strconv.Itoa(int(keep.Seconds())))
	return c.Send(data)
}

// siteName is what to look for to find the site: its host if that is known.
func (s *server) siteName() string {
	if u, err := url.Parse(s.PublicURL); err == nil && u.Hostname() != "" {
		return u.Hostname()
	}
	return ""
}

// The paints of all share pictures; those of prints follow.
const (
	onInk paint = iota
	onSoft
	onLine
	onAccent
	firstPrint
)

// newShare makes an empty share picture with two paints for each print: squares that are filled, and that are not.
func newShare(prints ...engine.Hash) *drawing {
	paper := opaque(views.DarkPaper)
	paints := []color.NRGBA{opaque(views.DarkInk), opaque(views.DarkSoft), opaque(views.DarkLine), opaque(views.DarkAccent)}
	for _, h := range prints {
		ink := opaque(views.InkOf(h).Dark)
		paints = append(paints, ink, blend(paper, ink, 16, 100))
	}
	return newDrawing(shareWidth, shareHeight, paper, paints...)
}

// drawComparison draws two taste prints, the squares that differ outlined, and between them how similar they are.
func drawComparison(a engine.Card, b engine.Neighbour, site string) ([]byte, error) {
	const (
		square, gap = 33, 7
		size        = 8*(square+gap) - gap
		top         = 76
		nameBase    = top + size + 62
		between     = shareWidth - 2*(shareMargin+size) - 2*24
	)
	d := newShare(a.Hash, b.Hash)
	for i, c := range [...]engine.Card{a, b.Card} {
		x := shareMargin
		if i == 1 {
			x = shareWidth - shareMargin - size
		}
		g := newGrid(x, top, square, gap)
		d.print(g, c.Hash, a.Hash^b.Hash, firstPrint+paint(2*i), firstPrint+paint(2*i+1), onInk)
		name, err := newLine(bold, c.Name, 42, size)
		if err != nil {
			return nil, err
		}
		d.text(name, x+(size-name.width)/2, nameBase, onInk)
	}

	figures, err := newLine(bold, fmt.Sprintf("%d%%", b.Similarity()), 168, between)
	if err != nil {
		return nil, err
	}
	d.text(figures, (shareWidth-figures.width)/2, top+size/2+40, onInk)
	word, err := newLine(regular, "similar taste", 38, between)
	if err != nil {
		return nil, err
	}
	d.text(word, (shareWidth-word.width)/2, top+size/2+104, onSoft)
	d.fill(image.Rect(shareMargin, shareFoot-76, shareWidth-shareMargin, shareFoot-74), onLine)
	if err := d.sign(shareMargin); err != nil {
		return nil, err
	}
	if site != "" {
		host, err := newLine(regular, site, 32, 600)
		if err != nil {
			return nil, err
		}
		d.text(host, shareWidth-shareMargin-host.width, shareFoot, onSoft)
	}
	return d.png()
}

// sign draws Reko's mark and name at the foot of a share picture.
func (d *drawing) sign(x int) error {
	name, err := newLine(bold, "Reko", 46, 200)
	if err != nil {
		return err
	}
	d.mark(newGrid(x, shareFoot-36, 9, 2), onAccent)
	d.text(name, x+58, shareFoot, onInk)
	return nil
}

// claim is what Reko is, in lines.
var claim = [...]string{"Find the people", "who watch like you.", "Watch what", "they loved."}

// examplePrints are taste prints of invented people, in inks that are far from each other.
var examplePrints = [...]engine.Hash{
	0xa2b7dd5921bd4d54, 0xeaa3b95121371a76, 0xdbaa4d496bb11958, 0xe2b3bd5921ad5c76, 0xcb6f4d5ba3252a8a, 0xe297ad49a19b5654,
}

// sitePicture is the share picture of all pages without one of their own.
var sitePicture = sync.OnceValues(func() ([]byte, error) {
	const (
		square, gap = 17, 4
		size        = 8*(square+gap) - gap
		apart       = 28
		columns     = 2
		left        = shareWidth - shareMargin - columns*size - (columns-1)*apart
		top         = (shareHeight - 3*size - 2*apart) / 2
		leading     = 84
	)
	d := newShare(examplePrints[:]...)
	for i, h := range examplePrints {
		g := newGrid(left+i%columns*(size+apart), top+i/columns*(size+apart), square, gap)
		d.print(g, h, 0, firstPrint+paint(2*i), firstPrint+paint(2*i+1), onInk)
	}
	for i, text := range claim {
		l, err := newLine(bold, text, 72, left-shareMargin-40)
		if err != nil {
			return nil, err
		}
		d.text(l, shareMargin, 132+i*leading, onInk)
	}
	if err := d.sign(shareMargin); err != nil {
		return nil, err
	}
	return d.png()
})

// iconPicture is icon.svg, 512 pixels wide.
var iconPicture = sync.OnceValues(func() ([]byte, error) { return drawIcon(8) })

// faviconPicture is icon.svg, 64 pixels wide, as a file of the kind that holds icons: here one, which is a PNG.
var faviconPicture = sync.OnceValues(func() ([]byte, error) {
	data, err := drawIcon(1)
	if err != nil {
		return nil, err
	}
	const offset = 22
	ico := []byte{0, 0, 1, 0, 1, 0, 64, 64, 0, 0, 1, 0, 32, 0}
	ico = binary.LittleEndian.AppendUint32(ico, uint32(len(data)))
	ico = binary.LittleEndian.AppendUint32(ico, offset)
	return append(ico, data...), nil
})

// drawIcon draws icon.svg with so many pixels for a unit.
func drawIcon(scale int) ([]byte, error) {
	d := newDrawing(64*scale, 64*scale, glass, opaque(0x211d26), opaque(views.DarkAccent))
	d.stamp(rounded(64*scale, 14*scale), image.Point{}, d.img.Rect, 0)
	d.mark(newGrid(12*scale, 12*scale, 9*scale, 2*scale), 1)
	return d.png()
}
