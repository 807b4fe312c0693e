package engine_test

import (
	"encoding/json"
	"strings"
	"testing"

	"sidedoor/rules/engine"
	"sidedoor/rules/sigma"
)

// FuzzMatch: an event is read if and only if it is a JSON object that
// encoding/json accepts, but for its depth.
func FuzzMatch(f *testing.F) {
	for _, seed := range []string{`{"a":{"b":["x",1,null,true]},"c":"\u00e4\ud83d\ude00"}`, `{"a":1`, `[1]`, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}"} {
		f.Add([]byte(seed))
	}
	rules, faults := sigma.ParseRules("f.yml", []byte("title: T\nlogsource: {product: aws}\ndetection:\n  s: {a.b: x*, c|re: '.', d: null, e|exists: true}\n  k: [needle]\n  condition: s or k or not s\n"))
	p, more := engine.Compile(rules, nil)
	if err := append(faults, more...).Err(); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := p.NewMatcher().Match(nil, cloudtrail, "", raw)
		var object map[string]any
		valid := json.Unmarshal(raw, &object) == nil && object != nil
		if valid != (err == nil) && (err == nil || !strings.Contains(err.Error(), "deeper")) {
			t.Errorf("%q: encoding/json says %v, we say %v", raw, valid, err)
		}
		if err == nil && len(got) != 1 {
			t.Errorf("%q: s or not s does not match", raw)
		}
		for _, path := range []string{"a", "a.b", "c"} {
			engine.Get(raw, path)
		}
	})
}
