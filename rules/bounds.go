package rules

import (
	"bytes"
	"fmt"
	"time"

	"sidedoor/rules/sigma"
)

// Bounds on policy files, far beyond what people write. The YAML parser takes
// time with the square of a line's tokens and of the nesting.
const (
	maxLine    = 32 << 10 // bytes
	maxNesting = 1000     // of flow sequences and mappings
)

// maxWait bounds durations: a typing error must not make an act wait for ever.
const maxWait = 366 * 24 * time.Hour

// unreasonable returns a fault for a file that is not worth parsing.
func unreasonable(file string, src []byte) (fault sigma.Fault, found bool) {
	depth, number := 0, 0
	for line := range bytes.Lines(src) {
		number++
		if len(line) > maxLine {
			return sigma.Fault{File: file, Line: number, Column: 1, Message: fmt.Sprintf("the line has %d bytes; %d are allowed", len(line), maxLine)}, true
		}
		// Brackets in texts count, too; they come in pairs, more or less.
		depth = max(0, depth+bytes.Count(line, []byte("["))+bytes.Count(line, []byte("{"))-
			bytes.Count(line, []byte("]"))-bytes.Count(line, []byte("}")))
		if depth > maxNesting {
			return sigma.Fault{File: file, Line: number, Column: 1, Message: fmt.Sprintf("brackets are nested more than %d deep", maxNesting)}, true
		}
	}
	return sigma.Fault{}, false
}
