package judge_test

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sidedoor/event"
	"sidedoor/rules/judge"
)

// history draws some hours of acts, approvals and marks that have to do with
// each other, in the order of their times. Its last marks complete it.
func history(t *rapid.T) []event.Input {
	scopes := []string{"a/1", "a/2", "b/1", ""}
	people := []string{"alice", "bob", "Alice", "carol", ""}
	kinds := []string{"access-grant", "break-glass", "nobody-provides"}
	moment := func(label string) time.Time {
		return nine.Add(time.Duration(rapid.IntRange(0, 120).Draw(t, label)) * time.Minute)
	}
	person := func(label string) event.Party {
		return event.Party{Person: rapid.SampledFrom(people).Draw(t, label)}
	}
	var all []event.Input
	for i := range rapid.IntRange(1, 25).Draw(t, "inputs") {
		when := moment("when")
		in := event.Input{Time: when}
		switch rapid.IntRange(0, 6).Draw(t, "what") {
		case 5:
			m := revoked("09:00", event.Revocation{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Covers: "a/1", Approver: person("approver")})
			if rapid.Bool().Draw(t, "by reference") {
				m.Revocation.Reference = fmt.Sprint("grant-", rapid.IntRange(0, i).Draw(t, "reference"))
			}
			m.Event.ID, m.Revocation.At = fmt.Sprint("revocation-", i), moment("revoked")
			in.Match = &m
		case 6:
			m := fact(person("who").Person, rapid.SampledFrom([]string{"pusher", event.FactMember, event.FactSession}).Draw(t, "is"),
				rapid.SampledFrom([]string{"x", "group", "session"}).Draw(t, "of"), "09:00")
			m.Event.ID, m.Facts[0].Since = fmt.Sprint("fact-", i), moment("since")
			in.Match = &m
		case 0, 1:
			m := anAct(withID(fmt.Sprint("act-", i)), at(when), act(func(a *event.Act) {
				a.Actor, a.Scope = session(t, person("actor")), rapid.SampledFrom(scopes).Draw(t, "scope")
				a.ApprovedBy = nil
				for range rapid.IntRange(0, 2).Draw(t, "requirements") {
					a.ApprovedBy = append(a.ApprovedBy, event.Requirement{
						Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Scope: rapid.SampledFrom(scopes).Draw(t, "required"),
						SameActor: rapid.Bool().Draw(t, "same actor"), IndependentOf: []event.Party{a.Actor},
						Skew: time.Duration(rapid.IntRange(0, 1).Draw(t, "skew")) * time.Minute,
					})
					strict(t, &a.ApprovedBy[len(a.ApprovedBy)-1], 2)
				}
				a.Grace = time.Duration(rapid.IntRange(0, 20).Draw(t, "grace")) * time.Minute
				a.Limit = time.Duration(rapid.IntRange(0, 30).Draw(t, "limit")) * time.Minute
			}))
			in.Match = &m
		case 2, 3:
			m := aGrant(named(fmt.Sprint("grant-", i)), at(when), grant(func(p *event.Approval) {
				p.Kind = rapid.SampledFrom(kinds).Draw(t, "kind")
				p.Covers = rapid.SampledFrom([]string{"a/1", "a/*", "*", "b/1", ""}).Draw(t, "covers")
				p.Actor, p.Approver = person("actor"), person("approver")
				p.NeedsApprover = rapid.Bool().Draw(t, "needs approver")
				if rapid.Bool().Draw(t, "of the group") {
					p.Approver.Groups = []string{"group"}
				}
				if rapid.IntRange(0, 3).Draw(t, "requires") == 0 {
					p.Requires = []event.Requirement{{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Scope: rapid.SampledFrom(scopes).Draw(t, "required")}}
					strict(t, &p.Requires[0], 1)
				}
				p.Recorded = moment("recorded")
				p.From, p.Until = time.Time{}, time.Time{}
				if rapid.Bool().Draw(t, "has from") {
					p.From = moment("from")
				}
				if rapid.Bool().Draw(t, "has until") {
					p.Until = moment("until")
				}
			}))
			in.Match = &m
		default:
			in.Mark = &event.Mark{Source: rapid.SampledFrom([]string{"approvals", "trail"}).Draw(t, "source"), Through: when}
		}
		all = append(all, in)
	}
	slices.SortStableFunc(all, func(a, b event.Input) int { return a.Time.Compare(b.Time) })
	return all
}

// strict draws what a requirement may ask for beside a kind and a scope.
func strict(t *rapid.T, r *event.Requirement, depth int) {
	switch rapid.IntRange(0, 7).Draw(t, "strict") {
	case 0:
		r.Approvers = 2
	case 1:
		r.Group = "group"
	case 2:
		r.Group, r.MemberFor = "group", time.Hour
	case 3:
		r.Separate = []event.FactRef{{Is: "pusher", Of: "x"}}
	case 4:
		r.Within = []string{"b/1"}
	case 5:
		if depth > 0 {
			also := event.Requirement{Kind: "break-glass", Scope: "a/2"}
			strict(t, &also, depth-1)
			r.Also = append(r.Also, also)
		}
	}
}

// session draws whether somebody acts in a session.
func session(t *rapid.T, p event.Party) event.Party {
	if rapid.IntRange(0, 4).Draw(t, "in a session") == 0 {
		p.Session, p.Unknown = "session", true
	}
	return p
}

// play stores the inputs as their times come, in the order given where it does
// not follow them, then lets all timers fire and completes every source.
func play(t testing.TB, cfg judge.Config, inputs []event.Input) *stream {
	s := newStream(t, cfg)
	for _, in := range inputs {
		s.pass(in.Time)
		s.put(in)
	}
	s.pass(nine.Add(24 * time.Hour))
	s.mark("approvals", nine.Add(24*time.Hour))
	return s
}

func TestTheSameInputsGiveTheSameBytes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		log := play(t, judge.Config{}, history(rt)).log
		var runs [2][]byte
		for i := range runs {
			j := judge.New(judge.Config{})
			var all []event.Record
			for _, in := range log {
				records, _ := j.Apply(in)
				all = append(all, records...)
			}
			runs[i] = wire(t, all)
		}
		if !bytes.Equal(runs[0], runs[1]) {
			rt.Fatalf("first\n%s\nthen\n%s", runs[0], runs[1])
		}
	})
}

func TestARestoredJudgeGoesOnAsTheOneBefore(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg := judge.Config{MaxHeld: rapid.SampledFrom([]int{0, 3}).Draw(rt, "max held")}
		cfg.MaxApprovals = cfg.MaxHeld
		log := play(t, cfg, history(rt)).log
		j, cut := judge.New(cfg), rapid.IntRange(0, len(log)).Draw(rt, "cut")
		for _, in := range log[:cut] {
			j.Apply(in)
		}
		restored := judge.New(cfg)
		first := snapshot(rt, j)
		if err := restored.Restore(first); err != nil {
			rt.Fatal(err)
		}
		if again := snapshot(rt, restored); !bytes.Equal(first, again) {
			rt.Fatalf("restored\n%s\nfrom\n%s", again, first)
		}
		for _, in := range log[cut:] {
			want, wantTimers := j.Apply(in)
			got, gotTimers := restored.Apply(in)
			if !bytes.Equal(wire(t, got), wire(t, want)) || !slices.Equal(gotTimers, wantTimers) {
				rt.Fatalf("got %s, want %s", wire(t, got), wire(t, want))
			}
		}
		if a, b := snapshot(rt, j), snapshot(rt, restored); !bytes.Equal(a, b) {
			rt.Fatalf("ends in\n%s\nnot in\n%s", b, a)
		}
	})
}

func snapshot(t *rapid.T, j *judge.Judge) []byte {
	b, err := j.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheOrderOfArrivalDoesNotChangeTheFinalStates(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		inputs := history(rt)
		want := states(play(t, judge.Config{}, inputs))
		got := states(play(t, judge.Config{}, rapid.Permutation(inputs).Draw(rt, "order")))
		for id, state := range want {
			if got[id] != state {
				rt.Errorf("%s is %s in order and %s out of it", id, state, got[id])
			}
			if state == event.Pending || state == event.Undetermined {
				rt.Errorf("%s is %s in the end", id, state)
			}
		}
	})
}

// Within the grace nothing depends on what came first, and how often: not only
// the states, whole verdicts are the same.
func TestTheOrderOfArrivalWithinTheGraceDoesNotChangeTheVerdicts(t *testing.T) {
	long := func(inputs []event.Input) []event.Input {
		for i, in := range inputs {
			inputs[i].Time = nine.Add(2 * time.Hour)
			if in.Match != nil && in.Match.Act != nil {
				in.Match.Act.Grace = 4 * time.Hour
			}
		}
		return inputs
	}
	histories(t, func(rt *rapid.T) {
		inputs := long(history(rt))
		again := rapid.SliceOfN(rapid.SampledFrom(inputs), 0, 5).Draw(rt, "again")
		want := wire(t, said(play(t, judge.Config{}, inputs)))
		got := wire(t, said(play(t, judge.Config{}, rapid.Permutation(append(again, inputs...)).Draw(rt, "order"))))
		if !bytes.Equal(want, got) {
			rt.Fatalf("in order\n%s\nout of it\n%s", want, got)
		}
	})
}

// histories checks a law over 10,000 histories.
func histories(t *testing.T, law func(*rapid.T)) {
	t.Helper()
	for i := range 100 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, law)
		})
	}
}

// said is each act's last verdict, by the act, without what tells the story of
// how it came about.
func said(s *stream) []event.Record {
	last := verdicts(s.out)
	out := make([]event.Record, 0, len(last))
	for _, id := range slices.Sorted(maps.Keys(last)) {
		v := last[id]
		v.Revision, v.Alert = 0, ""
		out = append(out, event.VerdictRecord(v, nine))
	}
	return out
}

// states returns the last state of every act that came.
func states(s *stream) map[string]event.State {
	all := map[string]event.State{}
	for _, in := range s.log {
		if in.Match != nil && in.Match.Act != nil {
			all[in.Match.Event.ID] = s.state(in.Match.Event.ID)
		}
	}
	return all
}

func TestWhatComesTwiceChangesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		log := play(t, judge.Config{}, history(rt)).log
		once, twice := judge.New(judge.Config{}), judge.New(judge.Config{})
		for i, in := range log {
			want, _ := once.Apply(in)
			got, _ := twice.Apply(in)
			if !bytes.Equal(wire(t, got), wire(t, want)) {
				rt.Fatalf("input %d: got %s, want %s", i, wire(t, got), wire(t, want))
			}
			again := log[rapid.IntRange(0, i).Draw(rt, "again")]
			again.Time = in.Time
			if again.Policy != nil || again.Timer != nil && i == 0 {
				continue // announced again after another it is in force again
			}
			before := snapshot(rt, twice)
			if records, _ := twice.Apply(again); len(records) > 0 {
				rt.Fatalf("%+v gave %s", again, wire(t, records))
			}
			if after := snapshot(rt, twice); !bytes.Equal(before, after) {
				rt.Fatalf("%+v changed\n%s\nto\n%s", again, before, after)
			}
		}
	})
}

func TestEveryActEndsInOneVerdictAndAlertsCountTheRest(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg := judge.Config{MaxHeld: rapid.SampledFrom([]int{0, 2, 5}).Draw(rt, "max held")}
		cfg.MaxApprovals = cfg.MaxHeld
		s := newStream(t, cfg)
		acts := map[string]bool{}
		for _, in := range history(rt) {
			s.pass(in.Time)
			s.put(in)
			if in.Match != nil && in.Match.Act != nil {
				acts[in.Match.Event.ID] = true
			}
			st := s.judge.Stats()
			if max := cfg.MaxHeld; max > 0 && (st.Pending+st.Open > max || st.Approvals > max) {
				rt.Fatalf("holds %+v, more than %d", st, max)
			}
		}
		s.pass(nine.Add(24 * time.Hour))
		last, revisions, inAlert := verdicts(s.out), map[string]int{}, map[string]bool{}
		alerted, counted := 0, 0
		for _, r := range s.out {
			if v, ok := r.Body.(*event.Verdict); ok {
				if revisions[v.ID]++; v.Revision != revisions[v.ID] {
					rt.Fatalf("revision %d of %s is the %dth", v.Revision, v.Event.ID, revisions[v.ID])
				}
				if v.Alert != "" && !inAlert[v.ID] {
					inAlert[v.ID] = true
					alerted++
				}
			}
		}
		for _, a := range alerts(s.out) {
			counted += a.Occurrences
		}
		if len(last) != len(acts) || s.judge.Stats().Pending != 0 {
			rt.Errorf("%d acts and %d verdicts, %+v", len(acts), len(last), s.judge.Stats())
		}
		if alerted != counted {
			rt.Errorf("%d acts are in alerts, which count %d", alerted, counted)
		}
	})
}

func TestTheWorstStateOfAnAlertIsThatOfItsActs(t *testing.T) {
	rank := []event.State{event.Bypass, event.Undetermined, event.ApprovedLate, event.Approved}
	rapid.Check(t, func(rt *rapid.T) {
		s := play(t, judge.Config{}, history(rt))
		worst := map[string]int{}
		for _, v := range verdicts(s.out) {
			if v.Alert != "" {
				i := slices.Index(rank, v.Verdict)
				if w, ok := worst[v.Alert]; ok {
					i = min(i, w)
				}
				worst[v.Alert] = i
			}
		}
		for _, a := range alerts(s.out) {
			if a.State != rank[worst[a.ID]] {
				rt.Errorf("alert is %s, its worst act %s", a.State, rank[worst[a.ID]])
			}
		}
	})
}

func TestBurstsOfOneGroupDoNotOverlap(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newStream(t, judge.Config{})
		s.mark("approvals", clock("23:00"))
		s.pass(clock("20:00"))
		for i, minute := range rapid.SliceOfN(rapid.IntRange(0, 300), 1, 60).Draw(rt, "minutes") {
			s.match(anAct(withID(fmt.Sprint(i)), at(nine.Add(time.Duration(minute)*time.Minute))))
			s.pass(clock("20:00"))
		}
		all := alerts(s.out)
		slices.SortFunc(all, func(a, b event.Alert) int { return cmp.Or(a.First.Compare(b.First), a.Last.Compare(b.Last)) })
		for i := 1; i < len(all); i++ {
			if !all[i].First.After(all[i-1].Last) {
				rt.Errorf("%s to %s overlaps %s to %s", all[i-1].First, all[i-1].Last, all[i].First, all[i].Last)
			}
		}
	})
}
