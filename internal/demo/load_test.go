package demo_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"sidedoor"
	"sidedoor/internal/demo"
)

// edited is the folder of the week with a text replaced in one of its files.
func edited(t *testing.T, file, from, to string) fs.FS {
	t.Helper()
	out := fstest.MapFS{}
	err := fs.WalkDir(sidedoor.Week(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := fs.ReadFile(sidedoor.Week(), name)
		if name == file {
			if !strings.Contains(string(b), from) {
				t.Fatalf("%s holds no %q", name, from)
			}
			b = []byte(strings.Replace(string(b), from, to, 1))
		}
		out[name] = &fstest.MapFile{Data: b}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAFaultInTheStoryIsNamed(t *testing.T) {
	for _, c := range []struct{ name, file, from, to, want string }{
		{"unknown key", "beats.yaml", "telling:", "tale:", "tale"},
		{"no such day", "beats.yaml", "at: Mon 09:41", "at: Mo 09:41", `write "Mon 09:12"`},
		{"no such time", "beats.yaml", "at: Mon 09:41", "at: Mon 9.41", `write "Mon 09:12"`},
		{"stranger", "beats.yaml", "by: lena", "by: mallory", `"mallory"`},
		{"two things at once", "beats.yaml", "- assume: {by: marco, role: ProductionAdmin}",
			"- {assume: {by: marco, role: ProductionAdmin}, push: {by: marco}}", "one thing"},
		{"before its beat", "beats.yaml", "after: 4m", "after: -4m", "after the beat's begin"},
		{"session without a role", "beats.yaml", "in: ProductionAdmin", `in: ""`, "which role"},
		{"build of nothing", "beats.yaml", `build: {repo: payments, of: "Two accounts, one person"}`, "build: {repo: payments}", "brought a commit"},
		{"sync of a beat that is not there", "beats.yaml", `sync: {repo: payments, of: "Two accounts, one person"}`,
			"sync: {repo: payments, of: Two accounts}", `"Two accounts"`},
		{"granted by a stranger", "beats.yaml", "access-grant: {to: marco, by: nora,", "access-grant: {to: marco, by: norma,", `"norma"`},
		{"not a Monday", "cast.yaml", "week: 2026-11-16", "week: 2026-11-17", "Tue, 17 Nov 2026, which is no Monday"},
		{"not a day", "cast.yaml", "week: 2026-11-16", "week: next", "not a day"},
		{"no services", "cast.yaml", "services: [tracking, checkout, payments]", "services: []", "services"},
		{"person without estate", "policy/estate.yaml", "name: lena", "name: helena", `"lena"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := demo.Load(edited(t, c.file, c.from, c.to))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "scenario: ") {
				t.Errorf("got %v, want an error about %q", err, c.want)
			}
		})
	}
}

func TestAnotherBeatLeavesTheRestOfTheWeekAsItWas(t *testing.T) {
	const beat = "beats:\n"
	more := edited(t, "beats.yaml", beat, beat+`  - at: Mon 06:30
    title: One more
    telling: Nothing much.
    events: [{push: {by: lena, repo: tracking, message: typo}}]
`)
	sc, err := demo.Load(more)
	if err != nil {
		t.Fatal(err)
	}
	bodies := map[string]bool{}
	for _, d := range sc.Deliveries() {
		bodies[d.Name+d.GUID+string(d.Body)] = true
	}
	for _, d := range load(t).Deliveries() {
		if !bodies[d.Name+d.GUID+string(d.Body)] {
			t.Errorf("%s of %s changed", d.Source, d.At)
		}
	}
}

func TestTheWeekCanBeAnother(t *testing.T) {
	monday := time.Date(2031, 3, 3, 0, 0, 0, 0, time.UTC)
	sc, err := demo.LoadWeek(sidedoor.Week(), monday)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := sc.Period()
	if begin.Before(monday) || end.After(monday.AddDate(0, 0, 5)) {
		t.Errorf("the week goes from %s to %s", begin, end)
	}
	if a, b := len(sc.Deliveries()), len(load(t).Deliveries()); a != b {
		t.Errorf("%d deliveries, and %d in the week of cast.yaml", a, b)
	}
}
