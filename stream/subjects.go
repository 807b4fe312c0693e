package stream

import (
	"fmt"
	"strings"
	"unicode"

	"sidedoor/event"
)

// The streams.
const (
	streamEvents    = "EVENTS"
	streamMatches   = "MATCHES"
	streamRecords   = "RECORDS"
	streamDead      = "DEAD"
	streamDocuments = "DOCUMENTS"
)

// Subjects, and what follows them.
const (
	subjectBatch    = "events.batch."   // source.batch
	subjectMark     = "events.mark."    // source
	subjectRepeat   = "events.repeat."  // source
	subjectProof    = "events.proof."   // source.digest of what it is about
	subjectMatches  = "matches."        // all that the judge reads
	subjectMatch    = "matches.match."  // match
	subjectMatched  = "matches.mark."   // source
	subjectPolicy   = "matches.policy." // digest
	subjectTimer    = "matches.timer."  // timer
	subjectSchedule = "schedules."      // timer
	subjectRecord   = "records."        // type.id
	subjectAlert    = "records.alert."  // alert.revision
	subjectDead     = "dead."           // source
	subjectDocument = "documents."      // digest
)

// maxSubjectPart bounds one part of a subject; a NATS server takes subjects of
// 4 KiB by default.
const maxSubjectPart = 1 << 10

// checkToken reports whether s can be one token of a subject.
func checkToken(what, s string) error {
	if strings.Contains(s, ".") {
		return fmt.Errorf("%s %q: must not hold a dot", what, s)
	}
	return checkTokens(what, s)
}

// checkTokens reports whether s can be one or more tokens of a subject,
// separated by dots.
func checkTokens(what, s string) error {
	if len(s) > maxSubjectPart {
		return fmt.Errorf("%s: %d bytes, more than %d", what, len(s), maxSubjectPart)
	}
	for token := range strings.SplitSeq(s, ".") {
		if token == "" {
			return fmt.Errorf("%s %q: empty, or an empty part between dots", what, s)
		}
	}
	bad := func(r rune) bool {
		return r == '*' || r == '>' || r == unicode.ReplacementChar || unicode.IsSpace(r) || !unicode.IsPrint(r)
	}
	if i := strings.IndexFunc(s, bad); i >= 0 {
		return fmt.Errorf("%s %q: character %d cannot be in a subject", what, s, i)
	}
	return nil
}

func batchSubject(source, id string) (string, error) {
	if err := checkToken("source", source); err != nil {
		return "", err
	}
	if err := checkToken("batch", id); err != nil {
		return "", err
	}
	return subjectBatch + source + "." + id, nil
}

func recordSubject(t event.Type, id string) (string, error) {
	if err := checkToken("record's type", string(t)); err != nil {
		return "", err
	}
	if err := checkTokens("record's id", id); err != nil {
		return "", err
	}
	return subjectRecord + string(t) + "." + id, nil
}

// deadSubject never fails: a dead letter may come from a source that does not
// exist.
func deadSubject(source string) string {
	if checkToken("source", source) != nil {
		source = "unknown"
	}
	return subjectDead + source
}
