package main

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"sidedoor/ingest"
	"sidedoor/ingest/ingesttest"
)

// endpoint is one way in which one kind of source is received.
type endpoint struct {
	name   string
	secret string
	source ingest.Source
	open   func(in ingest.Intake) (ingest.Running, error)
}

// endpoints finds every kind that is received, with each choice of the secrets
// by which it can know its senders.
func endpoints(t *testing.T) []endpoint {
	t.Helper()
	secrets := []string{
		ingesttest.Secret(t, "user0123456789abc:0123456789abcdef0123456789abcdef"),
		ingesttest.Secret(t, "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
	}
	var all []endpoint
	config := reflect.TypeFor[sourceConfig]()
	for i := range config.NumField() {
		field := config.Field(i)
		if !field.Type.Implements(reflect.TypeFor[ingest.Kind]()) {
			continue
		}
		name := field.Tag.Get("yaml")
		var opened [][]string
		for _, keys := range subsets(secretKeys(field.Type.Elem())) {
			if slices.ContainsFunc(opened, func(less []string) bool { return contains(keys, less) }) {
				continue // it can be opened with less
			}
			if e := openedBy(field.Type.Elem(), name, keys, secrets); e != nil {
				opened = append(opened, keys)
				all = append(all, *e)
			}
		}
		if len(opened) == 0 {
			t.Logf("%s is not received over HTTP", name)
		}
	}
	return all
}

// openedBy opens a kind with files under some of its keys, or returns nil.
func openedBy(t reflect.Type, name string, keys, files []string) *endpoint {
	for _, file := range files {
		kind, _ := reflect.New(t).Interface().(ingest.Kind)
		set(reflect.ValueOf(kind).Elem(), keys, file)
		if kind.Validate() != nil || kind.URLPath() == "" {
			continue
		}
		source := ingesttest.Source(kind, name, "scope")
		running, err := kind.Open((&ingesttest.Recorder{}).Intake(source, time.Now))
		if err == nil && running.Handler != nil {
			secret, _ := os.ReadFile(file)
			return &endpoint{name + " by " + strings.Join(keys, "+"), strings.TrimSpace(string(secret)), source, kind.Open}
		}
	}
	return nil
}

// secretKeys are the keys of a configuration that name files.
func secretKeys(t reflect.Type) (keys []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			keys = append(keys, secretKeys(f.Type)...)
		}
		if key := f.Tag.Get("yaml"); f.Type.Kind() == reflect.String && strings.HasSuffix(key, "-file") {
			keys = append(keys, key)
		}
	}
	return keys
}

// set sets strings of a configuration by their keys: the path, and the others to
// a file.
func set(v reflect.Value, keys []string, file string) {
	for i := range v.NumField() {
		f, key := v.Type().Field(i), v.Type().Field(i).Tag.Get("yaml")
		switch {
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			set(v.Field(i), keys, file)
		case key == "path" && f.Type.Kind() == reflect.String:
			v.Field(i).SetString("/x")
		case slices.Contains(keys, key) && f.Type.Kind() == reflect.String:
			v.Field(i).SetString(file)
		}
	}
}

// subsets of some keys, the smaller first.
func subsets(keys []string) [][]string {
	all := [][]string{nil}
	for _, key := range keys {
		for _, s := range all {
			all = append(all, append(slices.Clone(s), key))
		}
	}
	slices.SortStableFunc(all, func(a, b []string) int { return len(a) - len(b) })
	return all
}

func contains(keys, less []string) bool {
	return !slices.ContainsFunc(less, func(k string) bool { return !slices.Contains(keys, k) })
}
