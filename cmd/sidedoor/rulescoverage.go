package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"sidedoor/rules"
)

// coverageLine is what the tests of one rule show, as rules test prints it.
//
//	{"rule":"k8s-exec","tests":2,"lacks":["one that must not match"]}
type coverageLine struct {
	Rule  string       `json:"rule"`
	Tests int          `json:"tests"`
	Lacks []rules.Lack `json:"lacks"`
}

// coverageSummary counts rules.
type coverageSummary struct {
	Complete int `json:"complete"`
	Lacking  int `json:"lacking"` // something, but not every test
	Untested int `json:"untested"`
}

func countCoverage(all []rules.Tested) *coverageSummary {
	sum := &coverageSummary{}
	for _, t := range all {
		switch {
		case t.Tests == 0:
			sum.Untested++
		case len(t.Lacks) > 0:
			sum.Lacking++
		default:
			sum.Complete++
		}
	}
	return sum
}

// coverageOf keeps one rule's coverage, if one is named.
func coverageOf(policy *rules.Policy, name string) []rules.Tested {
	all := policy.TestCoverage()
	if name == "" {
		return all
	}
	return slices.DeleteFunc(all, func(t rules.Tested) bool { return t.Rule != name })
}

// coverageRow is one rule in at most 120 columns.
const coverageRow = "%-40s %5s  %s\n"

// coverageText lists the rules that lack something. What those with tests lack
// is for people to decide.
func coverageText(w io.Writer, all []rules.Tested, sum *coverageSummary) {
	if sum.Untested+sum.Lacking > 0 {
		fmt.Fprintf(w, coverageRow, "RULE", "TESTS", "LACKS")
	}
	for _, t := range all {
		if len(t.Lacks) > 0 {
			fmt.Fprintf(w, coverageRow, cut(t.Rule, 40), fmt.Sprint(t.Tests), lacksText(t))
		}
	}
	fmt.Fprintf(w, "%d rules: %d tested, %d lack a kind of test, %d have no tests\n", len(all), sum.Complete, sum.Lacking, sum.Untested)
}

func lacksText(t rules.Tested) string {
	if t.Tests == 0 {
		return "all tests"
	}
	texts := make([]string, len(t.Lacks))
	for i, l := range t.Lacks {
		texts[i] = string(l)
	}
	return strings.Join(texts, ", ")
}

func coverageJSON(lines *json.Encoder, all []rules.Tested) error {
	for _, t := range all {
		line := coverageLine{t.Rule, t.Tests, append([]rules.Lack{}, t.Lacks...)} // none is not null
		if err := lines.Encode(line); err != nil {
			return err
		}
	}
	return nil
}
