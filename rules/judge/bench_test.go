package judge_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/rules/judge"
)

// aMillion is what a judge holds by default.
const aMillion = 1_000_000

// estate makes up approvals as a company's sources give them: of a hundred, fifty
// are reviews of pull requests, two of each, twenty the merging of these, nineteen
// builds of what was merged, and eleven grants of roles, one of them with a
// wildcard. There is a person and a role for every fifty approvals, so a grant
// shares its role with a few others.
type estate struct{ held int }

// spread makes numbers of numbers as chance would, the same each time.
func spread(i, n int) int { return int(uint64(i+1)*0x9e3779b97f4a7c15>>33) % n }

func (e estate) person(i int) event.Party {
	name := fmt.Sprintf("person-%d", spread(i, max(e.held/50, 4)))
	return event.Party{Name: name + "@acme.example", Person: name}
}

// aCommit is the one that the approval is about.
func aCommit(i int) string {
	n := i / 100 * 25
	switch kind := i % 100; {
	case kind < 50:
		n += kind / 2
	case kind < 70:
		n += kind - 50
	default:
		n += kind - 70
	}
	return fmt.Sprintf("acme/service-%d@%s", n%500, event.DigestOf(fmt.Append(nil, n)).String()[:40])
}

func anImage(i int) string {
	return fmt.Sprintf("ghcr.io/acme/service-%d@sha256:%s", i%500, event.DigestOf(fmt.Append(nil, "event", i)))
}

// role is one of 1,000 in each of a hundred accounts, or of fewer.
func (e estate) role(i int) string {
	n := spread(i, max(e.held/50, 4))
	return fmt.Sprintf("arn:aws:iam::%012d:role/Operator-%d", n%100, n/100)
}

func (e estate) approval(i int) event.Match {
	when := clock("08:00").Add(time.Duration(i%1800) * time.Second)
	digest := event.DigestOf(fmt.Append(nil, "event", i))
	guid := digest.String()
	guid = guid[:8] + "-" + guid[8:12] + "-" + guid[12:16] + "-" + guid[16:20] + "-" + guid[20:32]
	m := event.Match{
		Rule:    event.RuleRef{ID: "0c5b1a8e-8f4e-4d5a-9a54-1f2e6c6f0f01", Name: "pull-request-review", Title: "Pull request reviewed", Level: event.Informational, Digest: event.DigestOf([]byte("rule"))},
		Control: "CHG-01",
		Event: event.Ref{
			Source: "github", Product: "github", Service: "webhook", Scope: "acme", ID: guid, Kind: "pull_request_review", Digest: digest,
			Occurred: when, Received: when.Add(1_234_567 * time.Microsecond), Origin: guid, Batch: event.DigestOf(digest[:]).String(),
		},
		Approval: &event.Approval{
			Kind: "pull-request-review", Actor: e.person(i), Approver: e.person(7*i + 1), NeedsApprover: true, Covers: aCommit(i), Recorded: when,
			Reference: fmt.Sprintf("https://github.com/acme/service-%d/pull/%d#pullrequestreview-%d", i/100%500, i/4, 2_000_000_000+i),
		},
	}
	ap := m.Approval
	switch kind := i % 100; {
	case kind < 50:
	case kind < 70:
		m.Rule.Name, m.Event.Kind, ap.Kind = "merged-pull-request", "pull_request", "merged-pull-request"
		ap.Requires = []event.Requirement{{Kind: "pull-request-review", Scope: ap.Covers, IndependentOf: []event.Party{ap.Actor}}}
		m.Facts = []event.Fact{{Is: "author", Of: ap.Covers, Who: ap.Actor, Since: when}}
	case kind < 89:
		m.Rule.Name, m.Event.Kind, ap.Kind, ap.Actor = "build", "workflow_run", "build", event.Party{}
		ap.Requires = []event.Requirement{{Kind: "merged-pull-request", Scope: ap.Covers}}
		ap.Covers = anImage(i)
	default:
		m.Rule.Name, m.Event.Kind, ap.Kind = "access-grant", "", "access-grant"
		m.Event.Source, m.Event.Product, m.Event.Service = "approvals", "approvals", "cloudevents"
		m.Event.ID = fmt.Sprintf("https://access.acme.example/grants/%d", i)
		m.Event.Origin = m.Event.ID
		ap.Covers, ap.From, ap.Until, ap.Reference = e.role(i), when, when.Add(8*time.Hour), fmt.Sprintf("AR-%d", i)
		if kind == 99 {
			ap.Covers = fmt.Sprintf("arn:aws:iam::%012d:role/*-%d", i/100%100, i/100/100)
		}
	}
	return m
}

// act makes up an act: two of four push a commit that was reviewed, one runs an
// image that was built from one, and one assumes a role that was granted.
func (e estate) act(n int) event.Match {
	m := anAct(withID(fmt.Sprint("act-", n)))
	a, i := m.Act, spread(n, e.held)/100*100
	r := event.Requirement{IndependentOf: []event.Party{e.person(i)}}
	switch n % 4 {
	case 0, 1:
		a.Resource, r.Kind = aCommit(i), "pull-request-review"
	case 2:
		i += 70
		a.Resource, r.Kind = anImage(i), "build"
	default:
		i += 90
		a.Resource, r.Kind, r.SameActor = e.role(i), "access-grant", true
	}
	a.Actor, r.Scope = e.person(i), a.Resource
	a.ApprovedBy = []event.Requirement{r}
	return m
}

// judge returns one that holds the approvals, and how much live heap they take.
func (e estate) judge() (*judge.Judge, float64) {
	j := judge.New(judge.Config{})
	j.Apply(event.Input{Time: nine, Policy: thePolicy()})
	j.Apply(event.Input{Time: nine, Mark: &event.Mark{Source: "approvals", Through: clock("23:00")}})
	before := liveHeap()
	for i := range e.held {
		m := e.approval(i)
		j.Apply(event.Input{Time: nine, Match: &m})
	}
	return j, liveHeap() - before
}

func liveHeap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// full is a judge that holds a million, made once for all that need it.
var full = sync.OnceValues(func() (*judge.Judge, float64) { return estate{aMillion}.judge() })

// The cost of an act, from its arrival to its verdict, must not grow with the
// approvals that have nothing to do with it. The acts are made a thousand at a
// time, outside of what is measured: to stop the timer stops the world.
func BenchmarkAct(b *testing.B) {
	acts := 0
	for _, held := range []int{100, 10_000, aMillion} {
		b.Run(fmt.Sprintf("%d approvals held", held), func(b *testing.B) {
			e := estate{held}
			j, heap := (*judge.Judge)(nil), 0.0
			if held == aMillion {
				j, heap = full()
			} else {
				j, heap = e.judge()
			}
			runtime.LockOSThread() // whose processor time is measured
			defer runtime.UnlockOSThread()
			var took laps
			var made []event.Match
			b.ReportAllocs()
			for b.Loop() {
				if len(made) == 0 {
					b.StopTimer()
					for range 1000 {
						acts++
						made = append(made, e.act(acts))
					}
					b.StartTimer()
				}
				took.act(j, &made[0])
				made = made[1:]
			}
			took.report(b)
			b.ReportMetric(heap/float64(held), "heap-B/approval")
			b.ReportMetric(heap, "heap-B")
		})
	}
}

// What one more approval costs where a million are held, with the oldest let go.
func BenchmarkApproval(b *testing.B) {
	e := estate{aMillion}
	j, _ := full()
	b.ReportAllocs()
	i := aMillion
	for b.Loop() {
		m := e.approval(i)
		j.Apply(event.Input{Time: nine, Match: &m})
		i++
	}
}

func BenchmarkSnapshot(b *testing.B) {
	j, _ := full()
	b.ReportAllocs()
	for b.Loop() {
		raw, err := j.Snapshot()
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(raw)))
	}
}

func BenchmarkRestore(b *testing.B) {
	j, _ := full()
	raw, err := j.Snapshot()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if err := judge.New(judge.Config{}).Restore(raw); err != nil {
			b.Fatal(err)
		}
	}
}
