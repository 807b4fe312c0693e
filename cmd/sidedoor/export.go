package main

import (
	"context"
	"fmt"
	"time"

	"sidedoor/audit"
	"sidedoor/event"
	"sidedoor/evidence"
	"sidedoor/stream"
)

// export draws a sample and writes its evidence to a new folder.
func (b *bench) export(ctx context.Context, p *period, d *draw, dir string) (*event.Sample, error) {
	pop, rec, err := b.sample(ctx, p, d)
	if err != nil {
		return nil, err
	}
	// The draw is a record too, and has to be under the checkpoint.
	if err := b.sealed(ctx); err != nil {
		return nil, err
	}
	if err := b.reindex(ctx); err != nil {
		return nil, err
	}
	key, err := ledgerKey(b.cfg)
	if err != nil {
		return nil, err
	}
	sample := rec.Body.(*event.Sample)
	return sample, audit.Export(ctx, dir, audit.ExportInput{
		Index: b.index, Population: pop, SampleID: rec.ID, Sample: *sample, Archive: archive{b.stream},
		LedgerDir: ledgerDir(b.cfg.Data), SignerKey: key,
		Statement: fmt.Sprintf("sidedoor %s for %s", version, sample.By),
	})
}

// sealTimeout bounds the wait for the monitor to seal what was recorded.
const sealTimeout = 30 * time.Second

// sealed waits until every record that is stored now is under a checkpoint.
func (b *bench) sealed(ctx context.Context) error {
	if b.sealer != nil {
		return b.sealer.finish(ctx)
	}
	var last uint64
	if err := b.stream.ReadRecords(ctx, 0, func(seq uint64, _ []byte) error { last = seq; return nil }); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sealTimeout)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := evidence.ReadCheckpoint(ledgerDir(b.cfg.Data))
		if err == nil && c.Size >= last {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the monitor has not sealed record %d within %v; is it running?", last, sealTimeout)
		}
	}
}

// archive finds what records refer to on the streams.
type archive struct{ stream *stream.Stream }

// Raw implements [audit.Archive].
func (a archive) Raw(ctx context.Context, r event.Ref) ([]byte, error) {
	b, err := a.stream.Batch(ctx, r.Source, r.Batch)
	if err != nil {
		return nil, err
	}
	for i := range b.Events {
		if b.Ref(i).Key() == r.Key() {
			return b.Events[i].Raw, nil
		}
	}
	return nil, fmt.Errorf("batch %s of source %s does not hold it", r.Batch, r.Source)
}

// Document implements [audit.Archive].
func (a archive) Document(ctx context.Context, d event.Digest) ([]byte, error) {
	return a.stream.Document(ctx, d)
}
