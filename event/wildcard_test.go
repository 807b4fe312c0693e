package event_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sidedoor/event"
)

func TestAWildcardMatchesWhatARegularExpressionWould(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringOfN(rapid.RuneFrom([]rune("ab*")), 0, 8, -1).Draw(t, "pattern")
		s := rapid.StringOfN(rapid.RuneFrom([]rune("ab")), 0, 10, -1).Draw(t, "s")
		if got, want := event.Wildcard(pattern, s), slowWildcard(pattern, s); got != want {
			t.Fatalf("%q on %q: %v, want %v", pattern, s, got, want)
		}
	})
}

// slowWildcard is the definition: '*' is nothing, or one character and '*'.
func slowWildcard(pattern, s string) bool {
	if pattern == "" {
		return s == ""
	}
	if pattern[0] == '*' {
		return slowWildcard(pattern[1:], s) || (s != "" && slowWildcard(pattern, s[1:]))
	}
	return s != "" && s[0] == pattern[0] && slowWildcard(pattern[1:], s[1:])
}

func TestAWildcardIsNotSlowOnWhatIsMadeToBe(t *testing.T) {
	// With backtracking this would take longer than the universe.
	if event.Wildcard(strings.Repeat("*a", 50)+"b", strings.Repeat("a", 10_000)) {
		t.Error("it matches")
	}
}
