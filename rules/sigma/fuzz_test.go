package sigma_test

import (
	"testing"

	"sidedoor/rules/sigma"
)

// FuzzParseRules: whatever a file holds, parsing and resolving it ends in rules
// or faults, and each fault has a place.
func FuzzParseRules(f *testing.F) {
	f.Add("title: T\nid: x\nlevel: high\nlogsource: {product: aws}\ndetection:\n  a: {b|contains|all: [x, 'y*']}\n  k: [one, two]\n  condition: 1 of a* and not k\n")
	f.Add("---\n--- \ntitle: [\n---\n- 1\n")
	f.Add("title: &a x\nlogsource: *a\ndetection: {s: {x|re|i: '('}, condition: s}\n")
	f.Add("action: global\nlogsource: {product: aws}\ndetection: {condition: s}\n---\ntitle: T\ndetection: {s: {x|re|i: 'a'}}\n---\naction: repeat\ntitle: U\n---\naction: reset\n")
	f.Add("title: T\nid: x\nlogsource: {product: aws}\ndetection: {s: {x|windash|base64offset|contains|all: [-a /b, c], y|hour|gte: 22, z|expand: 'a%l%b%l%'}, condition: s}\n---\ntitle: F\nlogsource: {product: aws}\nfilter: {rules: [x], s: {y|neq: 1}, condition: not s}\n")
	f.Fuzz(func(t *testing.T, src string) {
		rules, faults := sigma.ParseRules("f.yml", []byte(src))
		for _, r := range rules {
			_, more := r.Detection(sigma.Lists{"l": {"x"}})
			faults = append(faults, more...)
		}
		for _, fault := range faults {
			if fault.File != "f.yml" || fault.Line < 1 || fault.Column < 1 || fault.Message == "" {
				t.Errorf("a fault without a place: %+v", fault)
			}
			_ = fault.Error()
		}
	})
}
