package demo

import (
	"fmt"

	"reko.moe/engine"
)

// tails end the names of all users: animals, food and small things, so that nobody takes the names for people's.
var tails = []string{
	"miso", "tanuki", "mochi", "otter", "kettle", "teapot", "ramen", "onigiri", "daikon", "turnip", "pebble", "comet",
	"badger", "heron", "moth", "noodle", "walrus", "pudding", "biscuit", "radish", "gecko", "ferret", "sparrow", "puffin",
	"newt", "toad", "acorn", "pickle", "waffle", "yuzu", "sesame", "matcha", "wasabi", "carrot", "beetle", "owl", "squid",
	"shrimp", "button", "thimble", "lemon", "tofu", "udon", "crab", "mitten", "spoon",
}

// joints hold names together.
var joints = []string{"-", "_"}

// name invents a name for the nth user of t that is not taken yet, and takes it.
func (t *taste) name(n int, taken map[string]bool) string {
	r := source(fmt.Sprintf("%s %d", t.example, n))
	for {
		name := pick(r, t.heads) + pick(r, joints) + pick(r, tails)
		if r.IntN(8) == 0 {
			name = fmt.Sprintf("%s%d", name, 2+r.IntN(97))
		}
		if len(name) <= engine.MaxName && !taken[name] {
			taken[name] = true
			return name
		}
	}
}
