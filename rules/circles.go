package rules

import (
	"maps"
	"slices"
)

// circles returns the ways from a name back to itself, one for each set of names
// that hold each other, from the first name of it to the same.
func circles(holds map[string][]string) [][]string {
	c := &circling{holds: holds, state: map[string]int{}}
	for _, name := range slices.Sorted(maps.Keys(holds)) {
		c.visit(name)
	}
	return c.found
}

type circling struct {
	holds map[string][]string
	state map[string]int // 0: not seen, 1: on the way, 2: done
	way   []string
	found [][]string
}

// maxNested bounds how deep groups and scopes may be nested.
const maxNested = 1000

func (c *circling) visit(name string) {
	switch {
	case c.state[name] == 2 || len(c.way) == maxNested:
		return
	case c.state[name] == 1:
		c.found = append(c.found, append(slices.Clone(c.way[slices.Index(c.way, name):]), name))
		return
	}
	c.state[name] = 1
	c.way = append(c.way, name)
	for _, inner := range c.holds[name] {
		c.visit(inner)
	}
	c.way = c.way[:len(c.way)-1]
	c.state[name] = 2
}
