package gitlab

import (
	"crypto/subtle"
	"errors"
	"net/http"

	"sidedoor/event"
	"sidedoor/ingest"
)

// maxAudit bounds a streamed audit event.
const maxAudit = 4 << 20

// stream returns a source that receives audit events as GitLab streams them: one
// JSON object in each request, whatever its Content-Type says, with the
// destination's verification token in a header.
func (c *AuditConfig) stream(in ingest.Intake) (ingest.Running, error) {
	token, err := ingest.ReadSecret(c.TokenFile)
	if err != nil {
		return ingest.Running{}, err
	}
	return ingest.Running{Handler: &ingest.Receiver{
		Intake: in, MaxBody: maxAudit, Knows: verified(token), Parse: parseAudit,
	}}, nil
}

func verified(token string) func(*http.Request) error {
	return func(r *http.Request) error {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Gitlab-Event-Streaming-Token")), []byte(token)) != 1 {
			return errors.New("the header X-Gitlab-Event-Streaming-Token is missing or wrong; is the destination's verification token the one in token-file?")
		}
		return nil
	}
}

func parseAudit(d ingest.Delivery) ([]event.Event, []event.Dead, error) {
	e, err := IdentifyAudit(d.Body)
	if err != nil {
		return nil, nil, err
	}
	return []event.Event{e}, nil, nil
}
