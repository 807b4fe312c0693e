package rules

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sidedoor/event"
)

// maxListed bounds the parts of one kind that are announced one by one. Of more
// people than that it is only said whether they changed.
const maxListed = 1000

func (p *Policy) filterVersions() []event.RuleVersion {
	var out []event.RuleVersion
	for _, f := range p.Filters {
		out = append(out, event.RuleVersion{Name: f.Name, Digest: f.Digest})
	}
	return out
}

func (p *Policy) controlVersions() []event.RuleVersion {
	var out []event.RuleVersion
	for _, c := range p.Controls {
		out = append(out, event.RuleVersion{Name: c.ID, Digest: digestOf(c)})
	}
	return out
}

// versions names each part of the estate by its kind and name: lists/known_runners,
// people/alice. It goes by the estate's JSON form, as the policy's digest does, so
// that nothing of an estate can change unseen.
func (e Estate) versions() []event.RuleVersion {
	var kinds map[string]json.RawMessage
	if err := json.Unmarshal(encode(e), &kinds); err != nil {
		panic(err) // a struct is an object
	}
	var out []event.RuleVersion
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		name, parts := strings.ToLower(kind), partsOf(kinds[kind])
		if len(parts) > maxListed {
			out = append(out, event.RuleVersion{Name: name, Digest: event.DigestOf(kinds[kind])})
			continue
		}
		for _, part := range slices.Sorted(maps.Keys(parts)) {
			out = append(out, event.RuleVersion{Name: name + "/" + part, Digest: event.DigestOf(parts[part])})
		}
	}
	return out
}

// partsOf takes a mapping apart by its keys, and a list by the names, or else the
// files, of what is in it.
func partsOf(raw json.RawMessage) map[string]json.RawMessage {
	parts := map[string]json.RawMessage{}
	if json.Unmarshal(raw, &parts) == nil {
		return parts
	}
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		return map[string]json.RawMessage{"": raw}
	}
	for i, item := range items {
		var named struct{ Name, File string }
		if json.Unmarshal(item, &named) != nil {
			named.Name = fmt.Sprint(i)
		}
		name := cmp.Or(named.Name, named.File, fmt.Sprint(i))
		parts[name] = bytes.Join([][]byte{parts[name], item}, nil)
	}
	return parts
}

func digestOf(v any) event.Digest { return event.DigestOf(encode(v)) }

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings, numbers and lists of them
	}
	return b
}
