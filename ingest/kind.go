package ingest

import (
	"context"
	"net/http"
	"time"
)

// Kind is the configuration of one kind of source, as it stands under the kind's
// name in sidedoor.yaml.
type Kind interface {
	// Validate says all that is wrong.
	Validate() error
	// Resolve makes the paths of files independent of where the program was
	// started.
	Resolve(path func(string) string)
	// Defaults returns the log source of the events (Product and Service) and,
	// where it is not zero, how late they come (Lateness).
	Defaults() Source
	// URLPath is the path of the URL that the source is received on; empty if it
	// is not received but fetched.
	URLPath() string
	// Open makes the source ready. It reads secrets, and asks nobody else.
	Open(in Intake) (Running, error)
}

// Running is a source that is ready. One of the fields is set, or both.
type Running struct {
	Handler http.Handler // serves the kind's URLPath
	// Below says that it serves all that lies below that path, too.
	Below bool
	// Run fetches until its context ends, and returns nil then.
	Run func(context.Context) error
}

// Backfiller is a kind that can fetch what occurred in a period of the past.
// Doing it again, or after it was broken off, takes up where it was, and stores
// nothing twice.
type Backfiller interface {
	Kind
	Backfill(ctx context.Context, in Intake, p Period, progress func(Progress)) error
}

// Period is a time from its beginning up to, but without, its end.
type Period struct{ From, To time.Time }

// Contains says whether t lies in the period.
func (p Period) Contains(t time.Time) bool { return !t.Before(p.From) && t.Before(p.To) }

// Progress is how far a back-fill has come.
type Progress struct {
	Done, Total int    // objects or pages; Total is 0 if it is not known
	Events      int    // that were stored; those of what was read before are not counted
	At          string // what was read last, for people
}
