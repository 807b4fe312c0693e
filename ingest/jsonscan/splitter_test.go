package jsonscan_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"sidedoor/ingest/jsonscan"
)

// pieces lists what a splitter finds: records as they are, faults in angle
// brackets.
func pieces(t testing.TB, in io.Reader, most int) []string {
	t.Helper()
	s := jsonscan.NewSplitter(in, most)
	var all []string
	for {
		p, err := s.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			return append(all, "<"+err.Error()+">")
		}
		if p.Fault != "" {
			all = append(all, "<"+p.Fault+">")
			continue
		}
		all = append(all, string(p.Raw))
	}
}

func TestASplitterFindsTheRecordsOf(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"nothing", " \n", nil},
		{"lines", "{\"a\":1}\n{\"a\":2}\r\n\n{\"a\":3}", []string{`{"a":1}`, `{"a":2}`, `{"a":3}`}},
		{"documents side by side", `{"a":1}{"a":2}`, []string{`{"a":1}`, `{"a":2}`}},
		{"indented documents", "{\n  \"a\": [\n    {\"b\": 1}\n  ]\n}\n{\n\"c\":2\n}", []string{"{\n  \"a\": [\n    {\"b\": 1}\n  ]\n}", "{\n\"c\":2\n}"}},
		{"an array", "[{\"a\":1}, {\"a\":2}\n,{\"a\":3}]", []string{`{"a":1}`, `{"a":2}`, `{"a":3}`}},
		{"an array behind a byte order mark", "\xef\xbb\xbf[{\"a\":1}]", []string{`{"a":1}`}},
		{"a CloudTrail file", `{"Records":[{"a":1},{"a":2}]}`, []string{`{"a":1}`, `{"a":2}`}},
		{"an EventList with members around its items", `{"kind":"EventList","metadata":{},"items":[{"a":1}],"x":{"y":"]}"}}{"b":1}`, []string{`{"a":1}`, `{"b":1}`}},
		{"a list without items", `{"items":[]} {"a":1}`, []string{`{"a":1}`}},
		{"a key Records deeper down", `{"x":{"Records":[{"a":1}]}}`, []string{`{"x":{"Records":[{"a":1}]}}`}},
		{"a value that is called items", `{"kind":"items","x":[{"a":1}]}`, []string{`{"kind":"items","x":[{"a":1}]}`}},
		{"strings full of braces and quotes", `{"a":"}\"{\\"}` + "\n" + `{"b":"]"}`, []string{`{"a":"}\"{\\"}`, `{"b":"]"}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := pieces(t, strings.NewReader(c.in), 1<<20); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			if got := pieces(t, iotest.OneByteReader(strings.NewReader(c.in)), 1<<20); !reflect.DeepEqual(got, c.want) {
				t.Errorf("byte by byte: got %q", got)
			}
		})
	}
}

func TestWhatIsBrokenCostsItselfOnly(t *testing.T) {
	const good = `{"g":1}`
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"a line of text", "hello {\n" + good, []string{"<not a JSON object>", good}},
		{"a line cut in a string", "{\"a\":\"x\n" + good, []string{"<the record does not end on its line>", good}},
		{"a line cut behind a value", "{\"a\":1\n" + good, []string{"<the record does not end on its line>", good}},
		{"a line cut behind a comma", "{\"a\":1,\n" + good, []string{"<the record does not end on its line>", good}},
		{"a line cut behind a colon, among lines", good + "\n{\"a\":\n" + good, []string{good, "<the record does not end on its line>", good}},
		{"a line cut in an array, among lines", good + "\n{\"a\":[\n" + good, []string{good, "<the record does not end on its line>", good}},
		{"null in an array", "[null," + good + "]", []string{"<not a JSON object>", good}},
		{"text in an array", `["a],{b}",` + good + "]", []string{"<not a JSON object>", good}},
		{"an array in an array", "[[1,2,{}]," + good + "]", []string{"<not a JSON object>", good}},
		{"null among Records", `{"Records":[` + good + ",null," + good + "]}", []string{good, "<not a JSON object>", good}},
		{"a document that does not end behind its Records", `{"Records":[` + good + "]\n" + good, []string{good, "<the record does not end on its line>", good}},
		{"Records that do not end", `{"Records":[` + good + "\n{\"Records\":[" + good + "]}\n" + good, []string{good, "<the array before this line does not end>", good, good}},
		{"a file that ends in a record", good + `{"a":`, []string{good, "<the file ends inside a record>"}},
		{"a file that ends in an array", `{"Records":[` + good + ",", []string{good, "<the file ends before its array does>"}},
		{"a file that ends behind its array", `{"Records":[` + good + "]", []string{good, "<the file ends before its array does>"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := pieces(t, strings.NewReader(c.in), 1<<20); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestARecordThatIsTooLargeIsPassedOver(t *testing.T) {
	large := `{"a":"` + strings.Repeat("x", 5000) + `"}`
	// The name of a list before the bound must not make a list of what is behind.
	tricky := `{"kind":"items","a":"` + strings.Repeat("x", 5000) + `","b":[{"a":1}]}`
	for _, in := range []string{
		large + "{\"b\":1}", "[" + large + ",{\"b\":1}]", `{"Records":[` + large + `,{"b":1}]}`, large + "\n{\"b\":1}", tricky + `{"b":1}`,
	} {
		want := []string{"<the record is too large>", `{"b":1}`}
		if got := pieces(t, strings.NewReader(in), 1000); !reflect.DeepEqual(got, want) {
			t.Errorf("%.40s: got %.200q", in, got)
		}
	}
}

func TestAPieceSaysWhereItBegins(t *testing.T) {
	const in = "{\"Records\":[\n  {\"a\":1},\n  oops\n,{\"b\":2}]}\n{"
	s := jsonscan.NewSplitter(strings.NewReader(in), 1<<20)
	for _, want := range []struct {
		line  int
		raw   string
		fault bool
	}{{2, `{"a":1}`, false}, {3, "oops", true}, {4, `{"b":2}`, false}, {5, "{", true}} {
		p, err := s.Next()
		if err != nil || p.Line != want.line || string(p.Raw) != want.raw || (p.Fault != "") != want.fault {
			t.Errorf("got %+v (%s), %v; want %+v", p, p.Raw, err, want)
		}
		if !strings.HasPrefix(in[p.Offset:], want.raw) {
			t.Errorf("at %d there is %q", p.Offset, in[p.Offset:])
		}
	}
}

func TestAnErrorOfTheReaderIsPassedOn(t *testing.T) {
	broken := errors.New("the disk is gone")
	for _, in := range []string{"", `{"a":1}`, `{"a":`, `{"Records":[`, `{"Records":[{"a":1}]`, "text"} {
		s := jsonscan.NewSplitter(io.MultiReader(strings.NewReader(in), iotest.ErrReader(broken)), 100)
		var err error
		for n := 0; err == nil && n < 10; n++ {
			_, err = s.Next()
		}
		if !errors.Is(err, broken) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

// FuzzSplitterFindsTheLineBehindAnyOther holds the promise that a broken line
// costs itself only.
func FuzzSplitterFindsTheLineBehindAnyOther(f *testing.F) {
	for _, seed := range []string{
		`{"a":`, `[`, `{"items":[{"a":`, `{"items":[{"a":1}],"x":`, `{"Records":[[`, `{"a":"\`, `]]}}`, "\xff\x1f", `{"a":[{"b":"`, `{"items":["x`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.Contains(line, "\n") {
			return
		}
		const before, behind = `{"before":1}`, `{"behind":1}`
		in := before + "\n" + line + "\n" + behind + "\n"
		got := pieces(t, strings.NewReader(in), 1<<20)
		if len(got) < 2 || got[0] != before {
			t.Fatalf("%q: %q", in, got)
		}
		for _, p := range got[1:] {
			if p == behind {
				return
			}
		}
		t.Errorf("%q: lost the line behind: %q", in, got)
	})
}

// FuzzSplitterIsBounded holds that pieces come in order, within their bound,
// and that every valid document is found whole.
func FuzzSplitterIsBounded(f *testing.F) {
	f.Add([]byte(`{"Records":[{"a":1},{"b":[{"c":"}"}]}]}`))
	f.Add([]byte("[1,[2,{}],\"x\\\"\"]{}"))
	f.Add([]byte("{\n\"a\": \n{\"b\":1}}"))
	f.Fuzz(func(t *testing.T, in []byte) {
		const most = 64
		s := jsonscan.NewSplitter(bytes.NewReader(in), most)
		at := int64(-1)
		for n := 0; ; n++ {
			p, err := s.Next()
			if err != nil {
				break
			}
			if p.Offset < at || p.Offset > int64(len(in)) || n > len(in)+1 || (p.Fault == "" && len(p.Raw) > most) {
				t.Fatalf("piece %d: %+v", n, p)
			}
			if at = p.Offset; p.Fault == "" && !bytes.HasPrefix(in[at:], p.Raw) {
				t.Fatalf("piece %d is not what stands at %d: %q", n, at, p.Raw)
			}
		}
		var document map[string]json.RawMessage
		if json.Unmarshal(in, &document) != nil || document == nil || bytes.ContainsAny(in, "\n") || bytes.Contains(in, []byte("items")) || bytes.Contains(in, []byte("Records")) {
			return
		}
		if got := pieces(t, bytes.NewReader(in), 1<<20); len(got) != 1 || got[0] != string(bytes.TrimSpace(in)) {
			t.Errorf("%q: %q", in, got)
		}
	})
}

func BenchmarkSplitter(b *testing.B) {
	var in bytes.Buffer
	for i := range 2000 {
		fmt.Fprintf(&in, `{"eventVersion":"1.08","userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/x/%d"},"requestParameters":{"a":["b",{"c":"%s"}]}}`+"\n", i, strings.Repeat("x", 500))
	}
	b.SetBytes(int64(in.Len()))
	for b.Loop() {
		s := jsonscan.NewSplitter(bytes.NewReader(in.Bytes()), 1<<20)
		for {
			if _, err := s.Next(); err != nil {
				break
			}
		}
	}
}
