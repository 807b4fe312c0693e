package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"sidedoor/review"
	"sidedoor/rules"
	"sidedoor/stream"
)

// installation is what a command works on: through the monitor if one is
// running on the data folder, else by itself.
type installation struct {
	cfg    *config
	policy *rules.Policy
	stream *stream.Stream
	sealer *sealer // nil while a monitor is running, which seals
}

func openInstallation(ctx context.Context, cfg *config) (*installation, error) {
	// A rule with a fault must not keep people from their review.
	policy, err := loadPolicy(cfg.Policy)
	if err != nil && (policy == nil || len(policy.Controls) == 0) {
		return nil, err
	}
	s, err := stream.Attach(ctx, cfg.stream())
	if err != nil {
		return nil, err
	}
	in := &installation{cfg: cfg, policy: policy, stream: s}
	if s.Owner() {
		if in.sealer, err = openSealer(cfg, s, slog.New(slog.NewTextHandler(io.Discard, nil)), time.Now); err != nil {
			return nil, errors.Join(err, s.Close(ctx))
		}
	}
	return in, nil
}

// close seals what the command recorded, if nobody else does, and leaves.
func (in *installation) close(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	var err error
	if in.sealer != nil {
		err = in.sealer.finish(ctx)
	}
	return errors.Join(err, in.stream.Close(ctx))
}

// reviewControls hands the policy's controls to the review.
func reviewControls(controls []rules.Control) []review.Control {
	out := make([]review.Control, len(controls))
	for i, c := range controls {
		out[i] = review.Control{ID: c.ID, Title: c.Title, Owner: c.Owner, Reviewers: c.Reviewers}
	}
	return out
}

// keepPolicy stores the documents of the rules and filters in force, so that
// an auditor finds the exact text behind each verdict.
func keepPolicy(ctx context.Context, s *stream.Stream, policy *rules.Policy) error {
	for _, d := range policy.Documents() {
		digest, err := s.KeepDocument(ctx, d.Text)
		if err != nil {
			return err
		}
		if digest != d.Digest {
			return errors.New("rule " + d.Name + ": its digest is not that of its document")
		}
	}
	for _, f := range policy.Filters {
		if _, err := s.KeepDocument(ctx, f.Document); err != nil {
			return err
		}
	}
	return nil
}
