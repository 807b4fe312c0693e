package cloudtrail

import (
	"context"
	"crypto/sha256"
	"io"
	"os"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/records"
)

// reader reads log files, wherever they are.
func reader(in ingest.Intake) records.Reader {
	return records.Reader{Intake: in, Identify: records.One(Identify)}
}

// read stores a file's records. settled says that nobody writes to the file
// any more, so that an early end is a fault.
func (f *Folder) read(ctx context.Context, path string, settled bool) (records.Result, error) {
	env, err := f.envelope(path)
	if err != nil {
		return records.Result{}, err
	}
	file, err := os.Open(path)
	if err != nil {
		return records.Result{}, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	r := reader(f.Intake)
	r.Writing = !settled
	return r.Read(ctx, env, file)
}

// envelope digests the file, which identifies the delivery.
func (f *Folder) envelope(path string) (event.Envelope, error) {
	file, err := os.Open(path)
	if err != nil {
		return event.Envelope{}, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return event.Envelope{}, err
	}
	env := f.Source.Envelope(path, f.Now().UTC(), nil)
	env.Digest = event.Digest(h.Sum(nil))
	return env, nil
}
