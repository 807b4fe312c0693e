package rules_test

import (
	"encoding/json"
	"testing"
	"testing/fstest"

	"sidedoor/rules"
)

// FuzzLoad checks that no policy file, however hostile, stops the others, and
// that what is loaded of it can be used.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(head+act), []byte("lists: {a: [x]}\npeople: [{name: alice, aliases: {aws: ['*']}}]\n"))
	f.Add([]byte(grants), []byte("people: [{name: a}, {name: a}]\n"))
	f.Add([]byte(head+"tests:\n  - {name: n, event: {a: [1, 2.5, true, null, {b: .inf}]}, verdict: none}\n"), []byte("lists: {a: &x [*x]}\n"))
	f.Add([]byte("---\n---\n"+head+"---\n? a\n: b\n"), []byte("lists:\n  - a\n"))
	f.Add([]byte(head+"---\n"+over("c", "r, g", "  condition: {gte: 1}\n")+"---\n"+over("d", "c, d, r", act)), []byte("lists: {}\n"))
	f.Add([]byte(head+"facts: [{who: identity, is: member, of: g}]\n"), []byte("people: [{name: a, groups: [g]}]\nservices: [{name: s, owner: a}]\n"+
		"groups: [{name: g, members: [a, s, h]}, {name: h, members: [g]}]\nscopes: {a: [b, '*'], b: [a]}\ndirectories: [{format: csv, file: estate.yaml}, {format: scim, file: .}]\n"))
	f.Add([]byte("<<: {title: T}\n!!binary x: y\n"), []byte("people: {a: 1}\n"))
	f.Add([]byte("title: T\nname: g\nlogsource: {service: x}\ndetection: {s: {a: b}, condition: s}\napprovel: {}\n"), []byte("{}\n"))
	f.Add([]byte("action: global\nlevel: low\n---\n"+head+"---\naction: repeat\nname: q\n---\n"+filter), []byte("{}\n"))
	f.Add([]byte(head+"act: {control: CHG-03, actor: identity, resource: '{verb ~ ^(.)}', approved-by: [{access-grant: {scope: ['{a}', b], every: true,\n"+
		"  approvers: 2, group: g, member-for: 1h, independent-of: [identity, 'author of {a}']}, k: {}}]}\nfacts: [{who: identity, is: author, of: '{a}', since: t}]\n"), []byte("{}\n"))
	f.Add([]byte(head+"revocation: {kind: access-grant, covers: '{verb}', approver: [identity, user.username], at: t}\n"), []byte("{}\n"))
	f.Add([]byte(head+"approval: {kind: k, actor: a, covers: '{verb}', requires: [k, {access-grant: {actor: same, every: true}}]}\ntests: [{event: {}, verdict: bypass, why: covers}]\n"), []byte("{}\n"))
	f.Fuzz(func(t *testing.T, rule, estate []byte) {
		p, _ := rules.Load(fstest.MapFS{
			"controls.yaml": &fstest.MapFile{Data: []byte(controls)}, "sound.yml": &fstest.MapFile{Data: []byte(grants)},
			"hostile.yml": &fstest.MapFile{Data: rule}, "estate.yaml": &fstest.MapFile{Data: estate},
		})
		if len(p.Controls) == 0 || len(p.Rules) == 0 {
			t.Fatal("the sound files are not loaded")
		}
		m, _ := p.Compile(rules.Defaults{})
		for _, r := range p.Rules {
			if r.ID == "" || r.Name == "" {
				t.Errorf("a rule without id or name: %+v", r.Ref())
			}
			for _, c := range r.Tests {
				if !json.Valid(c.Raw) {
					t.Errorf("a test's event is no JSON: %q", c.Raw)
				}
			}
		}
		env := kubernetes
		matches, _ := m.Match(batch(env, `{"verb":"delete","user":{"username":"alice"},"objectRef":{"name":"cart"}}`))
		for _, x := range matches {
			if _, err := json.Marshal(x); err != nil {
				t.Error(err)
			}
		}
	})
}
