package handlers

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"

	"reko.moe/engine"
	"reko.moe/views"
)

// drawing is a picture of few colours. Its palette has a ramp from the paper to each paint, so that edges are smooth and the
// file is small. It is for one goroutine.
type drawing struct {
	img    *image.Paletted
	steps  int // of a ramp
	paints []color.NRGBA
	mixed  map[mixture]uint8 // what of the palette is nearest
}

// mixture is a paint over what is no bare paper.
type mixture struct {
	under uint8 // of the palette
	over  paint
	step  int
}

// paint is the number of a colour that a drawing was made with, from 0.
type paint int

// glass is paper that lets through what is behind the picture.
var glass = color.NRGBA{}

func opaque(c views.Colour) color.NRGBA {
	return color.NRGBA{R: uint8(c >> 16), G: uint8(c >> 8), B: uint8(c), A: 255}
}

// blend is part/whole of the way from one colour to another; from glass it is the other one, as much less opaque.
func blend(from, to color.NRGBA, part, whole int) color.NRGBA {
	if from.A == 0 {
		to.A = uint8(int(to.A) * part / whole)
		return to
	}
	mix := func(a, b uint8) uint8 { return uint8((int(a)*(whole-part) + int(b)*part + whole/2) / whole) }
	return color.NRGBA{R: mix(from.R, to.R), G: mix(from.G, to.G), B: mix(from.B, to.B), A: mix(from.A, to.A)}
}

// newDrawing makes an empty one. With more paints the ramps are shorter.
func newDrawing(width, height int, paper color.NRGBA, paints ...color.NRGBA) *drawing {
	d := &drawing{steps: min(255/len(paints), 32), paints: paints, mixed: map[mixture]uint8{}}
	palette := make(color.Palette, 1, 1+d.steps*len(paints))
	palette[0] = paper
	for _, p := range paints {
		for i := range d.steps {
			palette = append(palette, blend(paper, p, i+1, d.steps))
		}
	}
	d.img = image.NewPaletted(image.Rect(0, 0, width, height), palette)
	return d
}

// png encodes the drawing, rather quickly than small.
func (d *drawing) png() ([]byte, error) {
	var b bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, d.img)
	return b.Bytes(), err
}

// stamp paints where mask is, with the mask's point from at to.
func (d *drawing) stamp(mask *image.Alpha, from image.Point, to image.Rectangle, p paint) {
	from = from.Add(d.img.Rect.Intersect(to).Min.Sub(to.Min))
	to = d.img.Rect.Intersect(to)
	for y := range to.Dy() {
		row := d.img.Pix[d.img.PixOffset(to.Min.X, to.Min.Y+y):]
		alpha := mask.Pix[mask.PixOffset(from.X, from.Y+y):]
		for x := range to.Dx() {
			switch step := (int(alpha[x])*d.steps + 127) / 255; {
			case step == 0:
			case step == d.steps || row[x] == 0:
				row[x] = uint8(int(p)*d.steps + step)
			default:
				row[x] = d.mix(mixture{row[x], p, step})
			}
		}
	}
}

// mix returns what of the palette is nearest to a mixture.
func (d *drawing) mix(m mixture) uint8 {
	at, ok := d.mixed[m]
	if !ok {
		under := color.NRGBAModel.Convert(d.img.Palette[m.under]).(color.NRGBA)
		at = uint8(d.img.Palette.Index(blend(under, d.paints[m.over], m.step, d.steps)))
		d.mixed[m] = at
	}
	return at
}

// fill paints a rectangle.
func (d *drawing) fill(r image.Rectangle, p paint) {
	r = r.Intersect(d.img.Rect)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := d.img.Pix[d.img.PixOffset(r.Min.X, y):][:r.Dx()]
		for x := range row {
			row[x] = uint8((int(p) + 1) * d.steps)
		}
	}
}

// rounded is the mask of a square with round corners.
func rounded(size, radius int) *image.Alpha {
	r := vector.NewRasterizer(size, size)
	s, c := float32(size), float32(radius)
	k := c * 0.448 // where the control points of a quarter of a circle are
	r.MoveTo(c, 0)
	r.LineTo(s-c, 0)
	r.CubeTo(s-k, 0, s, k, s, c)
	r.LineTo(s, s-c)
	r.CubeTo(s, s-k, s-k, s, s-c, s)
	r.LineTo(c, s)
	r.CubeTo(k, s, 0, s-k, 0, s-c)
	r.LineTo(0, c)
	r.CubeTo(0, k, k, 0, c, 0)
	r.ClosePath()
	mask := image.NewAlpha(r.Bounds())
	r.Draw(mask, mask.Rect, image.Opaque, image.Point{})
	return mask
}

// grid paints equal squares at places of a grid.
type grid struct {
	at           image.Point // of the first square
	square, step int
	mask         *image.Alpha
}

func newGrid(x, y, square, gap int) grid {
	return grid{image.Pt(x, y), square, square + gap, rounded(square, square*2/9)}
}

// place is where the square in that row and column is.
func (g grid) place(row, column int) image.Rectangle {
	at := g.at.Add(image.Pt(column*g.step, row*g.step))
	return image.Rectangle{at, at.Add(image.Pt(g.square, g.square))}
}

// print draws a taste print of 8 by 8 squares. Those that are marked are outlined.
func (d *drawing) print(g grid, h, marked engine.Hash, on, off, frame paint) {
	const thick = 3
	outer := rounded(g.square+2*thick, g.square*2/9+thick)
	for i := range 64 {
		at := g.place(i/8, i%8)
		if marked.Bit(i) {
			d.stamp(outer, image.Point{}, at.Inset(-thick), frame)
		}
		p := off
		if h.Bit(i) {
			p = on
		}
		d.stamp(g.mask, image.Point{}, at, p)
	}
}

// mark draws Reko's own, the R of icon.svg.
func (d *drawing) mark(g grid, p paint) {
	for row, squares := range [...]string{"###.", "#..#", "###.", "#.##"} {
		for column, on := range squares {
			if on == '#' {
				d.fill(g.place(row, column), p)
			}
		}
	}
}

// The fonts. They are safe for concurrent use; the faces that are made of them are not.
var (
	bold    = sync.OnceValues(func() (*opentype.Font, error) { return opentype.Parse(gobold.TTF) })
	regular = sync.OnceValues(func() (*opentype.Font, error) { return opentype.Parse(goregular.TTF) })
)

// line is a line of text that can be drawn.
type line struct {
	face  font.Face
	text  string
	width int
}

// newLine sets text in a size in pixels, or in a smaller one in which it is no wider than most.
func newLine(f func() (*opentype.Font, error), text string, size float64, most int) (line, error) {
	parsed, err := f()
	if err != nil {
		return line{}, fmt.Errorf("font: %w", err)
	}
	for {
		face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: size, DPI: 72})
		if err != nil {
			return line{}, fmt.Errorf("font: %w", err)
		}
		width := font.MeasureString(face, text).Ceil()
		if width <= most || size < 8 {
			return line{face, text, width}, nil
		}
		size = min(size*float64(most)/float64(width), size-0.5)
	}
}

// text draws a line from x on, on the baseline y.
func (d *drawing) text(l line, x, y int, p paint) {
	dot := fixed.P(x, y)
	last := rune(-1)
	for _, r := range l.text {
		if last >= 0 {
			dot.X += l.face.Kern(last, r)
		}
		to, mask, from, advance, ok := l.face.Glyph(dot, r)
		if alpha, is := mask.(*image.Alpha); ok && is {
			d.stamp(alpha, from, to, p)
		}
		dot.X += advance
		last = r
	}
}
