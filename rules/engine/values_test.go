package engine_test

import (
	"testing"

	"sidedoor/rules/engine"
)

func TestValuesOfEveryShapeAreCompared(t *testing.T) {
	for _, c := range []languageCase{
		{
			name:      "integers are equal to the last digit, and to their decimals",
			detection: "s: {a: 12345678901234567890, b: 200}\ncondition: 1 of s",
			yes:       []string{`{"a":12345678901234567890,"b":200}`, `{"a":"12345678901234567890","b":200.0}`, `{"a":12345678901234567890,"b":2e2}`},
			no:        []string{`{"a":12345678901234567891,"b":200}`, `{"a":12345678901234567890,"b":201}`, `{"a":12345678901234567890,"b":"200.0"}`},
		},
		{
			name:      "an array without members is there, and has no value",
			detection: "a: {x|exists: true}\nb: {y: null}\nc: {z: '*'}\ncondition: a and not b and not c",
			yes:       []string{`{"x":[],"y":[],"z":[]}`, `{"x":[[]],"y":[[]],"z":[[]]}`},
			no:        []string{`{"y":[],"z":[]}`, `{"x":[],"z":[]}`, `{"x":[],"y":[null]}`},
		},
		{
			name:      "null is a field that has no other value",
			detection: "s: {a.b: null}\ncondition: s",
			yes:       []string{`{}`, `{"a":null}`, `{"a":"x"}`, `{"a":[]}`, `{"a":{"b":null}}`, `{"a":[{"b":null},{}]}`},
			no:        []string{`{"a":{"b":""}}`, `{"a":{"b":{}}}`, `{"a":[{"b":null},{"b":false}]}`, `{"a.b":0}`},
		},
		{
			name:      "a list below a field holds mappings and values of that field",
			detection: "s: {a: [{b: x}, y]}\ncondition: s",
			yes:       []string{`{"a":{"b":"x"}}`, `{"a":"y"}`, `{"a":[{"b":"x"}]}`},
			no:        []string{`{"c":"y"}`, `{"a":"x"}`, `{"b":"x"}`, `{"a":"-y-"}`},
		},
		{
			name:      "keywords take modifiers",
			detection: "a: {'|startswith': pre}\nb: {'|re': '^x+$'}\nc: {'|all': [one, two]}\ncondition: 1 of them",
			yes:       []string{`{"k":"Prefix"}`, `{"k":["xx"]}`, `{"k":{"l":"-one-two-"}}`},
			no:        []string{`{"k":"a prefix"}`, `{"k":"xxy"}`, `{"k":"-one-"}`, `{"pre":"key"}`},
		},
		{
			name:      "a key that ends with a dot, or is empty, is a step of its own",
			detection: "a: {'x.': 1}\nb: {y..z: 1}\ncondition: a or b",
			yes:       []string{`{"x.":1}`, `{"x":{"":1}}`, `{"y..z":1}`, `{"y.":{"z":1}}`, `{"y":{"":{"z":1}}}`},
			no:        []string{`{"x":1}`, `{"y.z":1}`, `{"y":{"z":1}}`},
		},
		{
			name:      "letters of any alphabet are folded, in rules and in events",
			detection: "s: {a: [straße*, 'ŒUVRE', 'İ?']}\ncondition: s",
			yes:       []string{`{"a":"STRAßE 1"}`, `{"a":"œuvre"}`, `{"a":"\u0152uvre"}`, `{"a":"İx"}`},
			no:        []string{`{"a":"STRASSE"}`, `{"a":"oeuvre"}`},
		},
		{
			name:      "a host name is no address, and a zone does not hide one",
			detection: "s: {ip|cidr: 'fe80::/10'}\ncondition: s",
			yes:       []string{`{"ip":"fe80::1"}`, `{"ip":"FE80::1%eth0"}`, `{"ip":["s3.amazonaws.com","fe80::2"]}`},
			no:        []string{`{"ip":"fe80.example"}`, `{"ip":"face"}`, `{"ip":""}`, `{"ip":"%"}`},
		},
	} {
		t.Run(c.name, c.check)
	}
}

// Capital letters, names of hosts where a network is asked for, words where a
// number is, and the name of the delivery: none of them may cost memory.
func TestARealisticEventThatMatchesNothingAllocatesNothing(t *testing.T) {
	p := program(t, `
a: {eventName: [StopLogging, 'Delete*'], userIdentity.type|contains: Root}
b: {sourceIPAddress|cidr: 10.0.0.0/8, bytes|gt: 5}
c: {userAgent|re: '^curl/[0-9]+', X-GitHub-Event: Push}
d: [needle, 'hay*stack']
e: {x|fieldref: y}
condition: 1 of them`)
	raw := []byte(`{"eventName":"PutObject","userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::1:assumed-role/Admin/Ä"},
		"userAgent":"aws-sdk-Go/1.2","x":"One","y":["Two","Three"],"empty":[],
		"sourceIPAddress":["cloudtrail.amazonaws.com","192.0.2.1","2001:db8::1%eth0","::ffff:192.0.2.1","face"],"bytes":["Many","1.2.3.4","2024-01-02","1e","0.5",1.5],
		"userIdentityAndAllTheRestThatStandsInOneLongKey":1,"userIdentity.andAllTheRestThatStandsInOneLongKey":1}`)
	m := p.NewMatcher()
	if got, err := m.Match(nil, cloudtrail, "Pull_Request", raw); err != nil || len(got) != 0 {
		t.Fatal(got, err)
	}
	if n := testing.AllocsPerRun(100, func() { m.Match(nil, cloudtrail, "Pull_Request", raw) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What a matcher keeps of one event must not leak into the next.
func TestAMatcherForgetsTheEventBefore(t *testing.T) {
	p := program(t, "s: {a: [Secret, '*word']}\nk: [KeyWord]\ncondition: s or k")
	m := p.NewMatcher()
	for i, c := range []struct {
		raw  string
		want int
	}{{`{"a":"SECRET"}`, 1}, {`{}`, 0}, {`{"b":"A KEYWORD"}`, 1}, {`{"a":["x",`, 0}, {`{"a":"x"}`, 0}, {`{"a":["X","PassWord"]}`, 1}, {`{"b":1}`, 0}} {
		if got, _ := m.Match(nil, cloudtrail, "", []byte(c.raw)); len(got) != c.want {
			t.Errorf("event %d, %s: %d matches, want %d", i, c.raw, len(got), c.want)
		}
	}
}

func TestGetSkipsWhatHasNoText(t *testing.T) {
	if got, ok := engine.Get([]byte(`{"a":[]}`), "a"); ok || got != nil {
		t.Errorf("an empty array gives %q", got)
	}
}
