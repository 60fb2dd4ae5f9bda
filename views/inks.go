package views

import "reko.moe/engine"

// Colour is a colour as 0xRRGGBB.
type Colour uint32

// Ink is what taste prints and posters are drawn in, on light paper and on dark.
type Ink struct{ Light, Dark Colour }

// Colours of the dark theme, for pictures that are drawn outside of pages. They are those of app.css, as the inks are.
const (
	DarkPaper  Colour = 0x16141a
	DarkLine   Colour = 0x3e3848
	DarkInk    Colour = 0xf3eee7
	DarkSoft   Colour = 0xb2a9ba
	DarkAccent Colour = 0xff8a70
)

// inks are all of them, by the numbers of their classes.
var inks = [...]Ink{
	{0xb3261e, 0xff8a80},
	{0xa8480a, 0xffa666},
	{0x86600a, 0xf0c04f},
	{0x5b6b12, 0xc3d45c},
	{0x2c7034, 0x86d58c},
	{0x0f7060, 0x5fd6bf},
	{0x0a6c86, 0x62cdea},
	{0x1f5fb0, 0x86b8ff},
	{0x4a4fc0, 0xa5a9ff},
	{0x7440b4, 0xc79dff},
	{0x98309a, 0xee93f0},
	{0xad2a66, 0xff94bd},
}

// InkOf returns the ink that a hash is printed in: the one whose class its taste prints have.
func InkOf(h engine.Hash) Ink { return inks[inkNumber(h)%uint64(len(inks))] }
