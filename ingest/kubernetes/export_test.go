package kubernetes

import (
	"context"

	"sidedoor/event"
	"sidedoor/ingest"
)

// FollowOnce takes in what a log file has now.
func FollowOnce(ctx context.Context, in ingest.Intake, path string) {
	l := &logFile{Intake: in, path: path}
	_, _ = l.fetch(ctx) // the recorder has what it did
	l.close()
}

// EKSRecord reads the records of an object that Firehose wrote.
func EKSRecord(in ingest.Intake, cluster string) func([]byte) ([]event.Event, error) {
	return eksParser{cluster: cluster, skipped: func(what string) { in.Metrics.Skipped(in.Source.Name, what) }}.record
}
