package rules

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestAScopeIsWithinAllThatHoldItTheNearestFirst(t *testing.T) {
	s := newScopes(Estate{Scopes: scopes{
		"acme":         {"production", "staging"},
		"production":   {"111122223333", "prod-*"},
		"111122223333": {"arn:aws:iam::111122223333:*"},
		"everything":   {"*"},
		"admins":       {"arn:aws:iam::*:role/Admin"},
	}})
	for _, c := range []struct {
		scope string
		want  []string
	}{
		{"arn:aws:iam::111122223333:role/Admin", []string{"111122223333", "admins", "everything", "production", "acme"}},
		{"prod-eu", []string{"everything", "production", "acme"}},
		{"acme", []string{"everything"}},
		{"everything", nil},
		{"arn:aws:iam::999988887777:role/x", []string{"everything"}},
	} {
		if got := s.within(c.scope); !slices.Equal(got, c.want) {
			t.Errorf("%s is within %v, want %v", c.scope, got, c.want)
		}
	}
	if got := scopes(nil).within("x"); got != nil {
		t.Errorf("without scopes nothing is within %v", got)
	}
}

func TestWhatHoldsAScopeIsBounded(t *testing.T) {
	s := scopes{}
	for i := range 200 {
		s[fmt.Sprintf("w%03d", i)] = []string{"x"}
	}
	if got := s.within("x"); len(got) != maxWithin || got[0] != "w000" {
		t.Errorf("%d scopes, %v", len(got), got)
	}
}

func TestWithinEndsWhateverHoldsWhat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SampledFrom([]string{"a", "b", "c", "*", "a*", "ab"})
		s := scopes(rapid.MapOf(names, rapid.SliceOfN(names, 0, 4)).Draw(t, "scopes"))
		got := s.within(names.Draw(t, "scope"))
		slices.Sort(got)
		if len(slices.Compact(got)) != len(got) {
			t.Fatalf("twice in %v", got)
		}
	})
}
