package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"sidedoor/rules"
)

type peopleListCmd struct {
	estateFlags
	Format string `help:"How to print: ${enum}." enum:"table,json" default:"table"`
}

// Help says what the one-line help cannot.
func (peopleListCmd) Help() string {
	return `Lists the people, services and groups of the estate, completed from the directories that it
names. An e-mail is a name in every product; '*' in an alias stands for any run of characters.

  sidedoor people list --policy ./policy
  sidedoor people list --format json | jq -r 'select(.kind == "service") | .name + " " + .owner'`
}

// listedName is one person, service or group as people list prints it.
//
//	{"kind":"person","name":"alice","emails":["alice@acme.example"],"aliases":{"github":["alice-acme"]},
//	 "groups":["release-approvers"],"from":["policy/estate.yaml","people/users.json"]}
type listedName struct {
	Kind     string              `json:"kind"` // person, service, group
	Name     string              `json:"name"`
	Owner    string              `json:"owner,omitempty"` // of a service
	Emails   []string            `json:"emails,omitempty"`
	Aliases  map[string][]string `json:"aliases,omitempty"`
	Groups   []string            `json:"groups,omitempty"`  // that they belong to, at once or through others
	Members  []string            `json:"members,omitempty"` // of a group
	Inactive bool                `json:"inactive,omitempty"`
	From     []string            `json:"from,omitempty"` // the files that tell of them
}

func (c *peopleListCmd) Run(_ context.Context, e *edges) error {
	policy, err := c.load(e.err)
	if err != nil {
		return err
	}
	listed := listNames(policy.Estate)
	if c.Format == "json" {
		enc := json.NewEncoder(e.out)
		enc.SetEscapeHTML(false)
		for _, n := range listed {
			if err := enc.Encode(n); err != nil {
				return err
			}
		}
		return nil
	}
	kind, counts := "", map[string]int{}
	for _, n := range listed {
		if n.Kind != kind {
			if kind != "" {
				fmt.Fprintln(e.out)
			}
			kind = n.Kind
			fmt.Fprintln(e.out, strings.ToUpper(plural(kind)))
		}
		counts[kind]++
		n.print(e.out)
	}
	fmt.Fprintf(e.err, "%d people, %d services, %d groups\n", counts["person"], counts["service"], counts["group"])
	return nil
}

func plural(kind string) string {
	if kind == "person" {
		return "people"
	}
	return kind + "s"
}

// listNames returns people, services and groups, each by name.
func listNames(e rules.Estate) []listedName {
	var out []listedName
	names := e.Names()
	for _, p := range e.People {
		out = append(out, listedName{
			Kind: "person", Name: p.Name, Emails: without("", append([]string{p.Email}, p.Emails...)), Aliases: p.Aliases,
			Groups: names.Groups(p.Name), Inactive: p.Inactive, From: p.From,
		})
	}
	for _, s := range e.Services {
		out = append(out, listedName{
			Kind: "service", Name: s.Name, Owner: s.Owner, Emails: without("", append([]string{s.Email}, s.Emails...)), Aliases: s.Aliases,
			Groups: names.Groups(s.Name), From: s.From,
		})
	}
	for _, g := range e.Groups {
		out = append(out, listedName{Kind: "group", Name: g.Name, Aliases: g.Aliases, Members: append(slices.Clone(g.Members), g.Groups...), From: g.From})
	}
	order := []string{"person", "service", "group"}
	slices.SortStableFunc(out, func(a, b listedName) int {
		return cmp.Or(slices.Index(order, a.Kind)-slices.Index(order, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return out
}

func without(s string, list []string) []string {
	return slices.DeleteFunc(list, func(x string) bool { return x == s })
}

// print writes one name and, below it, all that belongs to it.
func (n listedName) print(w io.Writer) {
	head := n.Name
	if n.Owner != "" {
		head += ", of " + n.Owner
	}
	if n.Inactive {
		head += ", inactive"
	}
	fmt.Fprintf(w, "  %s\n", printable(head))
	n.details(w)
}

func (n listedName) details(w io.Writer) {
	line := func(what string, values []string) {
		if len(values) > 0 {
			fmt.Fprintf(w, "    %-11s %s\n", printable(what), printable(strings.Join(values, ", ")))
		}
	}
	line("e-mail", n.Emails)
	for _, product := range slices.Sorted(maps.Keys(n.Aliases)) {
		line(product, n.Aliases[product])
	}
	line("members", n.Members)
	line("groups", n.Groups)
	line("from", n.From)
}
