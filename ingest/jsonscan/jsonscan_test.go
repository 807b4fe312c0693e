package jsonscan

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestGetFindsWhatEncodingJSONFinds(t *testing.T) {
	raw := []byte(` { "a" : {"b\u0063": [1, {"d":"x\ny"}]}, "n":-1.5e3 , "a":{"bc":"last"}} `)
	for _, c := range []struct {
		path []string
		want string
	}{
		{[]string{"a", "bc"}, "last"}, {[]string{"n"}, "-1.5e3"}, {[]string{"x"}, ""}, {[]string{"n", "x"}, ""},
	} {
		if got := GetText(raw, c.path...); got != c.want {
			t.Errorf("%v: %q, want %q", c.path, got, c.want)
		}
	}
}

func TestReplaceTouchesNothingElse(t *testing.T) {
	raw := []byte("{ \"keep\" : [ {\"secret\":\"s1\", \"x\": 1.50 } ],\n \"sec\\u0072et\": {\"deep\":true}, \"secret\":2}")
	got, changed := Replace(raw, func(path []string, _ []byte) []byte {
		if path[len(path)-1] == "secret" {
			return []byte(`"-"`)
		}
		return nil
	})
	want := "{ \"keep\" : [ {\"secret\":\"-\", \"x\": 1.50 } ],\n \"sec\\u0072et\": \"-\", \"secret\":\"-\"}"
	if !changed || string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if same, changed := Replace(raw, func([]string, []byte) []byte { return nil }); changed || &same[0] != &raw[0] {
		t.Error("a document in which nothing is replaced was copied")
	}
}

func FuzzMembersAgreeWithEncodingJSON(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":[true,{"c":null}],"d":"\ud83d\ude00\\"}`))
	f.Add([]byte(`{"a":`))
	f.Add([]byte(`{"a":1}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := map[string]string{}
		Members(raw, func(k string, v []byte) bool { got[k] = strings.TrimSpace(string(v)); return true })
		Replace(raw, func([]string, []byte) []byte { return nil })
		Elements(raw, func([]byte) bool { return true })
		var want map[string]json.RawMessage
		if json.Unmarshal(raw, &want) != nil || want == nil {
			return
		}
		w := map[string]string{}
		for k, v := range want {
			w[k] = string(v)
		}
		if !reflect.DeepEqual(got, w) {
			t.Errorf("%s: got %v, want %v", raw, got, w)
		}
	})
}

func TestReplaceShowsAnObjectOrArrayByItsBracket(t *testing.T) {
	var seen []string
	got, _ := Replace([]byte(`{"a":{"b":[{"c":1},"x"]},"d":["y"],"e":"z"}`), func(path []string, value []byte) []byte {
		seen = append(seen, strings.Join(path, ".")+"="+string(value))
		if path[len(path)-1] == "d" {
			return []byte("0")
		}
		return nil
	})
	if want := []string{"a={", "a.b=[", "a.b.c=1", "d=[", `e="z"`}; !reflect.DeepEqual(seen, want) {
		t.Errorf("got %q, want %q", seen, want)
	}
	if want := `{"a":{"b":[{"c":1},"x"]},"d":0,"e":"z"}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestReplaceFindsAMemberAsDeepAsADocumentMayBe(t *testing.T) {
	const depth = 9_990
	raw := []byte(strings.Repeat(`{"a":[`, depth/2) + `{"secret":"s"}` + strings.Repeat("]}", depth/2))
	if !json.Valid(raw) {
		t.Fatal("the document is not valid")
	}
	got, changed := Replace(raw, func(path []string, _ []byte) []byte {
		if path[len(path)-1] == "secret" {
			return []byte(`"-"`)
		}
		return nil
	})
	if !changed || strings.Contains(string(got), `"s"`) || !json.Valid(got) {
		t.Error("a member deep down was not found")
	}
}

func TestNoDocumentIsTooDeepToBeLookedAt(t *testing.T) {
	for _, open := range []string{"[", `{"a":`} {
		raw := []byte(strings.Repeat(open, 1<<20))
		if _, changed := Replace(raw, func([]string, []byte) []byte { return nil }); changed {
			t.Error("nothing was to be replaced")
		}
	}
}

func TestReplaceMembersReplacesEveryOccurrenceAtTheTop(t *testing.T) {
	raw := []byte(`{"a":{"a":1},"b":2,"\u0061":[3]}`)
	got := ReplaceMembers(raw, func(key string, _ []byte) []byte {
		if key == "a" {
			return []byte("0")
		}
		return nil
	})
	if want := `{"a":0,"b":2,"\u0061":0}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
