package rules

import "sidedoor/event"

// behind returns whoever stands behind an event; nobody if it names nobody.
func (*directory) behind(string, *subject) event.Party { return event.Party{} }

// group returns what the estate calls a group of a product.
func (*directory) group(_, name string) string { return name }

// scopes knows what holds what.
type scopes struct{}

func newScopes(Estate) scopes { return scopes{} }

// within returns the wider scopes that hold a scope.
func (scopes) within(string) []string { return nil }

// groupNames are the names of the estate's groups; nil if it has none.
func (Estate) groupNames() []string { return nil }
