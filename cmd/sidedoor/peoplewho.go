package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"sidedoor/rules"
)

type peopleWhoCmd struct {
	estateFlags
	Name    string `arg:"" help:"A name as a source has it: a login, an ARN, an e-mail, a service account."`
	Product string `help:"The product that calls them so; without it, every product that the estate has names in." placeholder:"PRODUCT"`
	Format  string `help:"How to print: ${enum}." enum:"table,json" default:"table"`
}

// Help says what the one-line help cannot.
func (peopleWhoCmd) Help() string {
	return `Says whom a name leads to, as the rules see it. Of several aliases that fit, an exact one counts
before an e-mail, and that before a pattern. Exits with 1 if nobody is known by the name.

  sidedoor people who --policy ./policy alice-acme
  sidedoor people who --product aws arn:aws:sts::111122223333:assumed-role/Engineer/alice`
}

// whoLine is what one product makes of a name.
//
//	{"name":"alice-acme","product":"github","kind":"person","person":"alice","alias":"alice-acme",
//	 "groups":["release-approvers"],"from":["policy/estate.yaml"]}
type whoLine struct {
	Name    string   `json:"name"`
	Product string   `json:"product,omitempty"` // none: every product
	Kind    string   `json:"kind"`
	Person  string   `json:"person"` // or the service
	Owner   string   `json:"owner,omitempty"`
	Alias   string   `json:"alias"`
	Groups  []string `json:"groups,omitempty"`
	From    []string `json:"from,omitempty"`
}

func (c *peopleWhoCmd) Run(_ context.Context, e *edges) error {
	policy, err := c.load(e.err)
	if err != nil {
		return err
	}
	found := c.find(policy.Estate)
	for _, w := range found {
		if c.Format == "json" {
			enc := json.NewEncoder(e.out)
			enc.SetEscapeHTML(false)
			if err := enc.Encode(w); err != nil {
				return err
			}
			continue
		}
		w.print(e.out)
	}
	if len(found) > 0 {
		return nil
	}
	return c.nobody(policy.Estate)
}

// find asks each product, and says it once if they all say the same.
func (c *peopleWhoCmd) find(e rules.Estate) []whoLine {
	products := []string{c.Product}
	if c.Product == "" {
		products = append(products, e.Products()...)
	}
	names := e.Names()
	var out []whoLine
	for _, product := range products {
		f, ok := names.Who(product, c.Name)
		if !ok {
			continue
		}
		w := whoLine{Name: c.Name, Product: f.Product, Kind: "person", Person: f.Person, Owner: f.Owner, Alias: f.Alias, Groups: f.Groups, From: f.From}
		if f.Service {
			w.Kind = "service"
		}
		if !slices.ContainsFunc(out, func(o whoLine) bool { return o.Product == w.Product && o.Alias == w.Alias }) {
			out = append(out, w)
		}
	}
	return out
}

// nobody is the error for a name that is nobody's, with what may help.
func (c *peopleWhoCmd) nobody(e rules.Estate) error {
	hint := ""
	isCalled := func(name string) bool { return strings.EqualFold(name, c.Name) }
	switch near := e.Names().Near(c.Name); {
	case slices.ContainsFunc(e.Groups, func(g rules.Group) bool { return isCalled(g.Name) }):
		hint = "; it is a group"
	case isCalled(near):
		hint = fmt.Sprintf("; it is what the estate calls %s, and nobody's name in a product", near)
	case near != "":
		hint = fmt.Sprintf("; did you mean %s?", near)
	}
	where := ""
	if c.Product != "" {
		where = " in " + c.Product
	}
	return fmt.Errorf("the estate knows nobody by the name %q%s%s", c.Name, where, hint)
}

func (w whoLine) print(out io.Writer) {
	kind := ""
	if w.Kind == "service" {
		kind = ", a service of " + w.Owner
	}
	where := "every product"
	if w.Product != "" {
		where = w.Product
	}
	fmt.Fprintf(out, "%s%s\n    by %s in %s\n", printable(w.Person), printable(kind), printable(w.Alias), printable(where))
	listedName{Groups: w.Groups, From: w.From}.details(out)
}
