package views

import "fmt"

// wovenColumns is how wide three digits are, in squares: each is three wide, with one between two.
const wovenColumns = 11

// weaves are the digits, five rows of three squares.
var weaves = [10]string{
	"####.##.##.####", ".#.##..#..#.###", "###..#####..###", "###..####..####", "#.##.####..#..#",
	"####..###..####", "####..####.####", "###..#..#.#..#.", "####.#####.####", "####.####..####",
}

// weave returns the squares of a number of three digits, row by row: whether each is filled.
func weave(n int) []bool {
	squares := make([]bool, 5*wovenColumns)
	for place, digit := range [3]int{n / 100 % 10, n / 10 % 10, n % 10} {
		for i, square := range weaves[digit] {
			squares[i/3*wovenColumns+place*4+i%3] = square == '#'
		}
	}
	return squares
}

// threadPath leads from the middle of row i of n, of a height of 300 altogether, to the middle of the other side.
func threadPath(i, n int) string {
	y := 300 * (2*i + 1) / (2 * n)
	return fmt.Sprintf("M0 %dC50 %d 50 150 100 150", y, y)
}
