package kubernetes

import (
	"context"

	"sidedoor/ingest"
)

// FollowOnce takes in what a log file has now.
func FollowOnce(ctx context.Context, in ingest.Intake, path string) {
	l := &logFile{Intake: in, path: path}
	_, _ = l.fetch(ctx) // the recorder has what it did
	l.close()
}
