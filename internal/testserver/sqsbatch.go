package testserver

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
)

const (
	batchEntries = 10
	batchBytes   = 1 << 20
)

type batchRequest struct{ Entries []json.RawMessage }

// batchReply has what succeeded, each with its Id, and what did not: a batch
// with a bad entry is no failed request.
type batchReply struct {
	Successful []map[string]any
	Failed     []batchFailure
}

type batchFailure struct {
	ID          string `json:"Id"`
	SenderFault bool
	Code        string
	Message     string
}

var batchID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// onBatch does an action for each entry of a batch.
func onBatch[In any](f func(*SQSServer, context.Context, *sqsQueue, In) (any, error)) sqsAction {
	return onQueue(func(s *SQSServer, ctx context.Context, q *sqsQueue, in batchRequest) (any, error) {
		ids, err := in.ids()
		if err != nil {
			return nil, err
		}
		reply := batchReply{Successful: []map[string]any{}, Failed: []batchFailure{}}
		for i, raw := range in.Entries {
			var entry In
			if err := json.Unmarshal(raw, &entry); err != nil {
				return nil, faultf("SerializationException", "entry %s: %v", ids[i], err)
			}
			if err := reply.add(ids[i])(f(s, ctx, q, entry)); err != nil {
				return nil, err
			}
		}
		return reply, nil
	})
}

// ids are the names of the entries, which have to be fit for telling them apart.
func (in batchRequest) ids() ([]string, error) {
	switch n := len(in.Entries); {
	case n == 0:
		return nil, faultf("EmptyBatchRequest", "There should be at least one entry in the request.")
	case n > batchEntries:
		return nil, faultf("TooManyEntriesInBatchRequest", "Maximum number of entries per request are %d. You have sent %d.", batchEntries, n)
	}
	var ids []string
	seen, size := map[string]bool{}, 0
	for _, raw := range in.Entries {
		var entry struct {
			ID          string `json:"Id"`
			MessageBody string
		}
		if err := json.Unmarshal(raw, &entry); err != nil {
			return nil, faultf("SerializationException", "a batch entry is not what it should be: %v", err)
		}
		if !batchID.MatchString(entry.ID) {
			return nil, faultf("InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long: %q", entry.ID)
		}
		if seen[entry.ID] {
			return nil, faultf("BatchEntryIdsNotDistinct", "Id %s repeated.", entry.ID)
		}
		seen[entry.ID] = true
		if size += len(entry.MessageBody); size > batchBytes {
			return nil, faultf("BatchRequestTooLong", "Batch requests cannot be longer than %d bytes.", batchBytes)
		}
		ids = append(ids, entry.ID)
	}
	return ids, nil
}

// add takes what an action answered for the entry of that id.
func (r *batchReply) add(id string) func(any, error) error {
	return func(answer any, err error) error {
		var fault *sqsFault
		if errors.As(err, &fault) {
			r.Failed = append(r.Failed, batchFailure{ID: id, SenderFault: true, Code: fault.olderCode(), Message: fault.message})
			return nil
		}
		if err != nil {
			return err
		}
		raw, err := json.Marshal(answer)
		if err != nil {
			return err
		}
		fields := map[string]any{}
		if err := json.Unmarshal(raw, &fields); err != nil {
			return err
		}
		fields["Id"] = id
		r.Successful = append(r.Successful, fields)
		return nil
	}
}
