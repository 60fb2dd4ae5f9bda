package model

// line is a straight one. It is stored in numbers of 4 bytes, and so it is kept.
type line struct{ base, slope float32 }

func (l line) at(x float64) float64 { return float64(l.base) + float64(l.slope)*x }

// lineThrough is the line of least squares through those of n points that are ok.
func lineThrough(n int, point func(i int) (x, y float64, ok bool)) line {
	var count, sx, sy, sxx, sxy float64
	for i := range n {
		if x, y, ok := point(i); ok {
			count++
			sx, sy, sxx, sxy = sx+x, sy+y, sxx+x*x, sxy+x*y
		}
	}
	det := count*sxx - sx*sx
	if det <= 1e-9*count*sxx { // all have the same x, or there are none
		return line{base: float32(sy / max(count, 1))}
	}
	slope := (count*sxy - sx*sy) / det
	return line{float32((sy - slope*sx) / count), float32(slope)}
}
