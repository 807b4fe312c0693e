package kubernetes

import (
	"context"
	"errors"
	"path"
	"time"

	"sidedoor/ingest"
	"sidedoor/ingest/objects"
)

// lateObjects is how long after a period its events may still be put into the
// bucket: Firehose gathers for up to 15 minutes.
const lateObjects = time.Hour

// Backfill implements [ingest.Backfiller], for what EKS has put into a bucket.
func (c *Config) Backfill(ctx context.Context, in ingest.Intake, p ingest.Period, progress func(ingest.Progress)) error {
	switch {
	case c.EKS != nil && c.EKS.Bucket != "":
		return c.EKS.backfill(ctx, in, p, progress)
	case c.EKS != nil:
		return errors.New("the past is in the bucket that Firehose writes to: name it as bucket in the source's configuration")
	case c.LogFile != "":
		return errors.New("of a log file nothing has to be fetched: what was written and rotated while the monitor was down is read when it starts; older files can be judged with sidedoor scan")
	}
	return errors.New("the API server's webhook keeps nothing of the past; its log file can be judged with sidedoor scan")
}

func (e *EKS) backfill(ctx context.Context, in ingest.Intake, p ingest.Period, tell func(ingest.Progress)) error {
	r, err := e.reader(in)
	if err != nil {
		return err
	}
	var progress ingest.Progress
	list := func(f func(objects.Object) error) error {
		return r.Between(ctx, e.Folder(), p.From, p.To.Add(lateObjects), f)
	}
	if err := list(func(objects.Object) error { progress.Total++; return nil }); err != nil {
		return err
	}
	return r.ReadEach(ctx, list, func(read objects.Reading) {
		progress.Done++
		progress.Events += read.Events
		progress.At = path.Base(read.Key)
		tell(progress)
	})
}
