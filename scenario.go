// Package sidedoor holds the scenarios that the tests and the demo share, as
// data built into the binary. The program itself is cmd/sidedoor; what each
// other folder is for stands in the table of rooms.
package sidedoor

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed testdata/week
var scenarios embed.FS

// Week returns the folder of one working week of a small company: its cast,
// its policy and the beats of its story.
func Week() fs.FS {
	week, err := fs.Sub(scenarios, "testdata/week")
	if err != nil {
		panic(fmt.Sprintf("the scenario that is built in: %v", err)) // a constant path
	}
	return week
}
