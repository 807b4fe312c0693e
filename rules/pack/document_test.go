package pack_test

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"sidedoor/rules"
)

// document is what people read about the pack. It is written from the pack, and
// from what we say where we and others do not agree.
const document = "../../docs/pack.md"

func TestTheDocumentOfThePackIsTrue(t *testing.T) {
	want := written(load(t))
	if os.Getenv("SIDEDOOR_UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(document, []byte(want), 0o644); err != nil { //nolint:gosec // a document for everybody
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/pack.md does not say what is in the pack; write it anew with make golden, and read the diff")
	}
}

func written(p *rules.Policy) string {
	var b strings.Builder
	b.WriteString("# The built-in pack\n\nWritten by `make golden` from the rules themselves; `sidedoor rules list` shows the same of any policy.\n" +
		"An act is approved by any entry of the last column; those joined by + are needed together.\n")
	for _, c := range p.Controls {
		fmt.Fprintf(&b, "\n## %s: %s\n\n%s\n\n| rule | level | finds | approved by |\n| --- | --- | --- | --- |\n", c.ID, c.Title, c.Objective)
		var rows []string
		for _, r := range p.Rules {
			if r.Act != nil && r.Act.Control == c.ID {
				rows = append(rows, row(r.Name, r.Level, r.Title, r.Act))
			}
		}
		for _, r := range p.Correlations {
			if r.Act.Control == c.ID {
				rows = append(rows, row(r.Name, r.Level, r.Title, r.Act))
			}
		}
		slices.Sort(rows)
		b.WriteString(strings.Join(rows, ""))
	}
	differences(&b)
	return b.String()
}

func row(name, level, title string, a *rules.Act) string {
	var ways []string
	for _, q := range a.ApprovedBy {
		kinds := []string{q.Kind}
		for _, also := range q.Also {
			kinds = append(kinds, also.Kind)
		}
		ways = append(ways, strings.Join(kinds, " + "))
	}
	slices.Sort(ways)
	return fmt.Sprintf("| `%s` | %s | %s | %s |\n", name, level, title, cmp.Or(strings.Join(slices.Compact(ways), ", "), "nothing"))
}

// differences writes down the published events of which the pack says something
// else than their origin.
func differences(b *strings.Builder) {
	techniques := map[string]bool{}
	for unit := range units {
		techniques[unit] = true
	}
	fmt.Fprintf(b, "\n## Compared with the events of others\n\n"+
		"The pack is compared with events that other projects publish with what their own rules say of them, in %d techniques.\n"+
		"It agrees with all of them but for the following, named by project, file and line; each is argued here.\n\n"+
		"| event | why we say something else |\n| --- | --- |\n", len(techniques))
	places := slices.SortedFunc(maps.Keys(argued), func(x, y string) int {
		fx, lx, _ := strings.Cut(x, ":")
		fy, ly, _ := strings.Cut(y, ":")
		return cmp.Or(strings.Compare(fx, fy), cmp.Compare(len(lx), len(ly)), strings.Compare(lx, ly))
	})
	for _, place := range places {
		fmt.Fprintf(b, "| %s | %s |\n", place, argued[place])
	}
}
