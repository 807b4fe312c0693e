package engine_test

import (
	"encoding/json"
	"os"
	"path/filepath"
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

// The public rules load, but for features that are refused by name.
func TestThePublicRulesLoadUnchanged(t *testing.T) {
	root := filepath.Join("..", "..", "..", "shared", "sigma")
	if _, err := os.Stat(root); err != nil {
		t.Skipf("SKIPPED: the public Sigma rules are not here: %v", err)
	}
	loaded, refused, other := 0, 0, []string{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".yml") {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rules, faults := sigma.ParseRules(path, src)
		_, more := engine.Compile(rules, nil)
		for _, f := range append(faults, more...) {
			if strings.Contains(f.Message, "not supported by this version") || strings.Contains(f.Message, "regular expression") ||
				strings.Contains(f.Message, "has no list") || strings.Contains(f.Message, "does not run") {
				refused++
			} else {
				other = append(other, f.Error())
			}
		}
		if len(faults)+len(more) == 0 {
			loaded += len(rules)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rules load, %d faults name a feature of a later version, %d are others", loaded, refused, len(other))
	for _, o := range other[:min(len(other), 20)] {
		t.Error(o)
	}
	if loaded < 1000 {
		t.Errorf("only %d rules load", loaded)
	}
}
