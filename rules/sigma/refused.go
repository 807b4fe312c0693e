package sigma

import (
	"maps"

	"github.com/goccy/go-yaml/token"
)

// maxNesting bounds how deep a file may nest: the parser's time grows with the
// square of it, and its stack with it.
const maxNesting = 100

// maxKeys bounds how many keys one mapping may have: the parser's time grows
// with the square of that, too.
const maxKeys = 20_000

// refused finds what a file must not hold before the parser sees it: nesting
// and mappings without bound, and aliases, which no reader here follows.
func refused(place Place, tokens token.Tokens) *Fault {
	flow, line, opened := 0, 0, 0
	keys := map[int]int{} // of the block mappings at hand, by their columns
	for i, t := range tokens {
		if t.Position.Line != line {
			line, opened = t.Position.Line, 0
			maps.DeleteFunc(keys, func(column, _ int) bool { return column > t.Position.Column })
		}
		if t.Type == token.MappingValueType && flow <= 0 && i > 0 {
			column := tokens[i-1].Position.Column
			if keys[column]++; keys[column] > maxKeys {
				f := place.atToken(tokens[i-1], "the mapping has more than %d keys; divide it", maxKeys)
				return &f
			}
		}
		switch t.Type {
		case token.AliasType, token.MergeKeyType:
			f := place.atToken(t, "YAML aliases and merge keys are not supported; write the value out")
			return &f
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType, token.MappingValueType:
			if flow <= 0 { // in a block, each of them on one line is a level
				opened++
			}
		}
		if max(flow, opened) > maxNesting {
			f := place.atToken(t, "the file nests deeper than %d levels", maxNesting)
			return &f
		}
	}
	return nil
}
