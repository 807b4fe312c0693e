package manifest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
)

func proof(part string, from, to time.Duration, v event.Completeness, faults ...string) event.Proof {
	return event.Proof{Source: "trail", Kind: event.DigestChain, Part: part, From: nine.Add(from), To: nine.Add(to), Verdict: v, Items: 1, Faults: faults}
}

const half = 30 * time.Minute

func TestProofsMakeAnHourCompleteOnlyTogether(t *testing.T) {
	for _, c := range []struct {
		name     string
		proofs   []event.Proof
		want     event.Completeness
		unproved string
	}{
		{"none", nil, "", ""},
		{"the whole hour", []event.Proof{proof("", 0, 2*half, event.Complete)}, event.Complete, ""},
		{"more than the hour", []event.Proof{proof("", -half, 9*half, event.Complete)}, event.Complete, ""},
		{"two halves", []event.Proof{proof("", half, 2*half, event.Complete), proof("", -half, half, event.Complete)}, event.Complete, ""},
		{"a second is not proved", []event.Proof{proof("", -half, half-time.Second, event.Complete), proof("", half, 3*half, event.Complete)}, "", "digest-chain"},
		{"half of it is altered", []event.Proof{proof("", -half, half, event.Altered), proof("", half, 3*half, event.Complete)}, event.Altered, "digest-chain"},
		{"missing, and altered", []event.Proof{proof("", -half, half, event.Missing), proof("", half, 3*half, event.Altered)}, event.Altered, "digest-chain"},
		{"what was missing was found", []event.Proof{proof("", 0, 2*half, event.Missing), proof("", 0, 2*half, event.Complete)}, event.Complete, ""},
		{"what was missing was found, by a longer proof", []event.Proof{proof("", half, 2*half, event.Missing), proof("", -half, 4*half, event.Complete)}, event.Complete, ""},
		{"a verdict that is none", []event.Proof{proof("", 0, 2*half, "fine")}, event.Missing, "digest-chain"},
		{"two parts", []event.Proof{proof("a", 0, 2*half, event.Complete), proof("b", 0, 2*half, event.Complete)}, event.Complete, ""},
		{"one of two parts", []event.Proof{proof("a", 0, 2*half, event.Complete), proof("b", -4*half, 0, event.Complete)}, "", "b"},
		{"a part that proved days ago", []event.Proof{proof("a", 0, 2*half, event.Complete), proof("b", -73*time.Hour, -72*time.Hour, event.Complete)}, event.Complete, ""},
		{"a part that only begins", []event.Proof{proof("a", 0, 2*half, event.Complete), proof("b", 2*half, 4*half, event.Complete)}, event.Complete, ""},
		{"no period", []event.Proof{proof("", half, half, event.Missing)}, "", ""},
	} {
		var ps proofs
		for _, p := range c.proofs {
			ps = ps.add(p)
		}
		got, unproved := ps.completeness(nine, nine.Add(time.Hour))
		if got != c.want || strings.Join(unproved, " ") != c.unproved {
			t.Errorf("%s: %q, not proved %q", c.name, got, unproved)
		}
	}
}

// An organisation has thousands of parts, each with a proof every hour.
func TestProofsOfThousandsOfPartsAreBounded(t *testing.T) {
	var ps proofs
	const parts = 1200
	for h := range 5 {
		for i := range parts {
			at := time.Duration(h) * time.Hour
			ps = ps.add(proof(fmt.Sprint("part-", i), at, at+time.Hour, event.Complete)).prune(nine)
		}
	}
	if len(ps) > joinProofs+1 {
		t.Errorf("%d proofs are held", len(ps))
	}
	for h := range 5 {
		at := nine.Add(time.Duration(h) * time.Hour)
		if c, un := ps.completeness(at, at.Add(time.Hour)); c != event.Complete {
			t.Errorf("hour %d: %q, %v", h, c, un)
		}
	}
	if c, un := ps.completeness(nine.Add(5*time.Hour), nine.Add(6*time.Hour)); c != "" || len(un) != maxUnproved+1 {
		t.Errorf("%q, %v", c, un)
	}
}

func TestAManifestFitsIntoARecordWhateverItsProofsSay(t *testing.T) {
	in := newInstallation(t, "trail")
	in.mark("trail", time.Minute)
	for i := range 40 {
		p := proof(fmt.Sprint("part-", i), 0, time.Hour, event.Missing)
		for range 30 {
			p.Faults = append(p.Faults, strings.Repeat("<\x01é", 200))
		}
		in.prove(p)
	}
	in.at(2 * time.Hour)
	m := in.last("trail", "2026-11-16T09")
	if m.Completeness != event.Missing || len(m.Proofs) == 0 || len(m.Proofs)+m.OtherProofs != 40 {
		t.Errorf("%s, %d proofs and %d others", m.Completeness, len(m.Proofs), m.OtherProofs)
	}
}

func TestAProofOfAnHourLongAgoRevisesItsManifest(t *testing.T) {
	in := newInstallation(t, "trail")
	in.mark("trail", time.Minute)
	in.send("trail", sent{"a", "x", 0})
	in.prove(proof("", 0, time.Hour, event.Missing, "b.json.gz: it is gone"))
	in.at(2 * time.Hour)
	in.mark("trail", 30*24*time.Hour)
	in.prove(proof("", 719*time.Hour, 720*time.Hour, event.Complete))
	in.at(30 * 24 * time.Hour)
	in.look()
	if in.keeper.fold.holds(key{"trail", "2026-11-16T09"}) {
		t.Fatal("the hour is still held")
	}
	before := in.last("trail", "2026-11-16T09")
	in.send("trail", sent{"c", "x", time.Minute}) // a late event does not make it any better
	in.look()
	if m := in.last("trail", "2026-11-16T09"); m.Completeness != event.Missing || m.Revision != before.Revision+1 || len(m.Proofs) != 1 {
		t.Errorf("%+v", m)
	}
	in.now = in.now.Add(10 * time.Minute)
	in.prove(proof("", 0, time.Hour, event.Complete))
	in.look()
	if m := in.last("trail", "2026-11-16T09"); m.Completeness != event.Complete {
		t.Errorf("%+v", m)
	}
}

// What is missing is on record at once, and what was found as soon as revisions may
// come again.
func TestAnHourThatIsMissingSomethingAndThenIsComplete(t *testing.T) {
	in := newInstallation(t, "trail")
	in.mark("trail", time.Minute)
	in.mark("trail", time.Hour)
	in.at(time.Hour)
	in.prove(proof("", 0, time.Hour, event.Missing, "x: it is gone"))
	in.at(61 * time.Minute)
	in.prove(proof("", 0, time.Hour, event.Complete))
	in.at(62 * time.Minute)
	in.at(71 * time.Minute)
	in.want("trail 09.1 0+0 covered", "trail 09.2 0+0 missing", "trail 09.3 0+0 complete")
}

// A log file that was deleted and put back: the proof is the one from before.
func TestAnHourThatIsCompleteAgainAsItWasBefore(t *testing.T) {
	in := newInstallation(t, "trail")
	whole := proof("", 0, time.Hour, event.Complete)
	in.mark("trail", time.Minute)
	in.mark("trail", time.Hour)
	in.prove(whole)
	in.at(time.Hour)
	in.prove(proof("", 0, time.Hour, event.Missing, "x: it is gone"))
	in.at(61 * time.Minute)
	in.prove(whole)
	in.prove(whole)
	in.at(80 * time.Minute)
	in.want("trail 09.1 0+0 complete", "trail 09.2 0+0 missing", "trail 09.3 0+0 complete")
}
