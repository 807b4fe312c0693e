package stream

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Buckets beside the streams.
const (
	bucketBookmarks = "bookmarks"
	bucketSnapshots = "snapshots"
)

// layout returns the streams as they have to be.
func layout(cfg Config) []jetstream.StreamConfig {
	kept := func(name, description string, subjects ...string) jetstream.StreamConfig {
		return jetstream.StreamConfig{
			Name: name, Description: description, Subjects: subjects,
			Storage: jetstream.FileStorage, Replicas: cfg.Replicas, Discard: jetstream.DiscardNew,
		}
	}
	events := kept(streamEvents, "deliveries of sources, and marks of their completeness", "events.>")
	events.MaxBytes = cfg.MaxEventsBytes

	matches := kept(streamMatches, "what rules found: what the judge folds over", subjectMatches+">", subjectSchedule+">")
	matches.AllowMsgSchedules, matches.AllowRollup = true, true
	matches.Discard = jetstream.DiscardOld // no limit is set; schedules ask for it

	records := kept(streamRecords, "evidence: the leaves of the ledger", subjectRecord+">")
	records.DenyDelete, records.DenyPurge = true, true

	documents := kept(streamDocuments, "documents behind the records, by digest", subjectDocument+">")
	documents.DenyDelete, documents.DenyPurge = true, true

	dead := kept(streamDead, "what could not be read", subjectDead+">")
	dead.MaxBytes, dead.Discard = cfg.MaxDeadBytes, jetstream.DiscardOld

	return []jetstream.StreamConfig{events, matches, records, documents, dead}
}

// build creates what is missing and changes what is different.
func (s *Stream) build(ctx context.Context) error {
	for _, c := range layout(s.cfg) {
		made, err := s.js.CreateOrUpdateStream(ctx, c)
		if err != nil {
			return fmt.Errorf("stream %s: %w", c.Name, err)
		}
		// A server that does not know an option leaves it out in silence.
		if c.AllowMsgSchedules && !made.CachedInfo().Config.AllowMsgSchedules {
			return fmt.Errorf("stream %s: this nats server knows no scheduled messages; 2.12 or newer is needed", c.Name)
		}
	}
	if _, err := s.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: bucketBookmarks, Description: "places in sources", Replicas: s.cfg.Replicas,
	}); err != nil {
		return fmt.Errorf("bucket %s: %w", bucketBookmarks, err)
	}
	if _, err := s.js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{
		Bucket: bucketSnapshots, Description: "the judge's state", Replicas: s.cfg.Replicas,
	}); err != nil {
		return fmt.Errorf("bucket %s: %w", bucketSnapshots, err)
	}
	return s.checkRecords(ctx)
}

// checkRecords holds RECORDS to its word: the ledger takes the record with
// sequence i+1 for its leaf i.
func (s *Stream) checkRecords(ctx context.Context) error {
	info, err := s.info(ctx, streamRecords)
	if err != nil {
		return err
	}
	st := info.State
	if st.Msgs != st.LastSeq || (st.Msgs > 0 && st.FirstSeq != 1) {
		return fmt.Errorf("stream %s has gaps: %d records with sequences %d to %d; restore it from a backup",
			streamRecords, st.Msgs, st.FirstSeq, st.LastSeq)
	}
	return nil
}

func (s *Stream) info(ctx context.Context, name string) (*jetstream.StreamInfo, error) {
	str, err := s.js.Stream(ctx, name) // asks the server, caches nothing
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", name, err)
	}
	return str.CachedInfo(), nil
}
