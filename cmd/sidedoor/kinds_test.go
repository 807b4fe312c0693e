package main

import (
	"testing"

	"github.com/goccy/go-yaml"
)

func TestEveryKindOfSourceCanBeConfigured(t *testing.T) {
	_, names := (&sourceConfig{}).kind()
	for _, name := range names {
		var s sourceConfig
		if err := yaml.Unmarshal([]byte("name: x\n"+name+": {}\n"), &s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if kind, _ := s.kind(); kind == nil {
			t.Errorf("%s: it is not the kind that is set", name)
		}
	}
	if len(names) < 10 {
		t.Errorf("there are only %d kinds: %q", len(names), names)
	}
}
