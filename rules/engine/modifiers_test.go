package engine_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"testing"

	"sidedoor/rules/engine"
	"sidedoor/rules/sigma"
)

// What follows each modifier of the specification, with exactly what it finds.
var modifierCases = []languageCase{
	{
		name:      "base64 is the whole value, encoded",
		detection: `s: {a|base64: 'foo\*ä'}` + "\ncondition: s",
		yes:       []string{`{"a":"Zm9vKsOk"}`, `{"a":"zM9VKsoK"}`},
		no:        []string{`{"a":"xZm9vKsOk"}`, `{"a":"foo*ä"}`},
	},
	{
		name:      "base64 with cased keeps to its letters",
		detection: "s: {a|base64|contains|cased: foo}\ncondition: s",
		yes:       []string{`{"a":"xZm9vx"}`},
		no:        []string{`{"a":"xZM9vx"}`},
	},
	{
		name:      "base64offset finds a text wherever it stands in what is encoded",
		detection: "s: {a|base64offset|contains|cased: /bin/bash}\ncondition: s",
		yes:       []string{`{"a":"` + in64("/bin/bash") + `"}`, `{"a":"` + in64("x/bin/bashx") + `"}`, `{"a":"` + in64("xx/bin/bash") + `"}`, `{"a":"` + in64("xxx/bin/bashxx") + `"}`},
		no:        []string{`{"a":"` + in64("/bin/dash") + `"}`, `{"a":"/bin/bash"}`},
	},
	{
		name:      "base64offset has three variants, each the middle that is always the same",
		detection: "s: {a|base64offset: foo}\ncondition: s",
		yes:       []string{`{"a":"Zm9v"}`, `{"a":"Zvb"}`, `{"a":"mb2"}`},
		no:        []string{`{"a":"Zm9vYg"}`, `{"a":"Z"}`, `{"a":"mb"}`, `{"a":""}`},
	},
	{
		name:      "utf16le and wide put a zero behind each letter, utf16be before it, utf16 a mark before all",
		detection: "s: {a|utf16le: cmd, b|wide: cmd, c|utf16be: cmd, d|utf16: cmd}\ncondition: s",
		yes:       []string{`{"a":"c\u0000m\u0000d\u0000","b":"C\u0000M\u0000D\u0000","c":"\u0000c\u0000m\u0000d","d":"\ufffd\ufffdc\u0000m\u0000d\u0000"}`},
		no:        []string{`{"a":"cmd","b":"cmd","c":"cmd","d":"cmd"}`},
	},
	{
		name:      "bytes that are no text are what a reader of JSON makes of them",
		detection: "s: {a|utf16le: ä}\ncondition: s",
		yes:       []string{`{"a":"\ufffd\u0000"}`, "{\"a\":\"\xe4\\u0000\"}"},
		no:        []string{`{"a":"ä"}`, `{"a":"ä\u0000"}`},
	},
	{
		name:      "encodings follow each other in the order in which they stand, on the bytes",
		detection: "s: {a|wide|base64offset|contains|cased: 'äx'}\ncondition: s",
		yes:       []string{`{"a":"` + in64("\xe4\x00x\x00") + `"}`, `{"a":"` + in64("yy\xe4\x00x\x00") + `"}`},
		no:        []string{`{"a":"` + in64("äx") + `"}`},
	},
	{
		name:      "windash takes each dash of a flag for any of five, in every combination",
		detection: "s: {a|windash|contains: ' -enc /x-y'}\ncondition: s",
		yes:       []string{`{"a":"p -enc /x-y"}`, `{"a":"p /ENC -x-y"}`, `{"a":"p –enc —x-y"}`, `{"a":"p ―enc ―x-y"}`},
		no:        []string{`{"a":"p enc /x-y"}`, `{"a":"p -enc /x/y"}`, `{"a":"p _enc -x-y"}`},
	},
	{
		name:      "windash knows a flag at a wildcard and behind another dash",
		detection: "s: {a|contains|windash: '-x', b|windash: '--help*-y'}\ncondition: s",
		yes:       []string{`{"a":"p /x","b":"-/help –y"}`, `{"a":"a―xb","b":"--help-y"}`},
		no:        []string{`{"a":"p /x","b":"//help -y"}`, `{"a":"p x","b":"--help-y"}`},
	},
	{
		name:      "neq is the opposite, so that it holds of what is absent",
		detection: "s: {a|neq: [x, 'y*'], b|neq: 200, c|neq|contains: z}\ncondition: s",
		yes:       []string{`{}`, `{"a":"z","b":201,"c":"y"}`, `{"a":null}`},
		no:        []string{`{"a":"X"}`, `{"a":"yes"}`, `{"a":["z","x"]}`, `{"b":200.0}`, `{"c":"xyz"}`},
	},
	{
		name:      "neq compares fields, networks and dates, too",
		detection: "s: {a|fieldref|neq: b, ip|cidr|neq: 10.0.0.0/8, t|hour|neq: 3}\ncondition: s",
		yes:       []string{`{}`, `{"a":"x","b":"y","ip":"11.0.0.1","t":"2024-01-01T04:00:00Z"}`, `{"a":"x"}`},
		no:        []string{`{"a":"x","b":"X"}`, `{"ip":"10.0.0.1"}`, `{"t":"2024-01-01T03:59:59Z"}`},
	},
	{
		name:      "parts of a date are read as they are written, whatever the zone",
		detection: "s: {t|minute: 5, t|hour: 23, t|day: 30, t|week: 1, t|month: 12, t|year: 2024}\ncondition: s",
		yes:       []string{`{"t":"2024-12-30T23:05:00Z"}`, `{"t":"2024-12-30 23:05"}`, `{"t":"2024-12-30t23:05:59.123456789-07:00"}`, `{"t":"2024-12-30T23:05:60+0200"}`, `{"t":1735599900}`, `{"t":1735599900123}`, `{"t":"1735599900.5"}`},
		no:        []string{`{"t":"2024-12-30T22:05:00Z"}`, `{"t":"2024-12-30"}`, `{"t":"30.12.2024 23:05"}`, `{"t":true}`, `{"t":null}`, `{}`, `{"t":"2024-12-30T23:05:61Z"}`},
	},
	{
		name:      "parts of a date are compared, and a day without a clock has no hour",
		detection: "s: {t|hour|gte: 22}\nd: {t|day|lt: 3}\nw: {t|week|gt: 52}\ncondition: 1 of them",
		yes:       []string{`{"t":"2024-06-15T22:00:00Z"}`, `{"t":["x","2024-06-15T23:30:00+09:00"]}`, `{"t":"2024-06-02"}`, `{"t":"2021-01-03T00:00:00Z"}`},
		no:        []string{`{"t":"2024-06-15T21:59:59Z"}`, `{"t":"2024-06-15"}`, `{"t":"2023-02-29"}`, `{"t":-5}`, `{"t":1e300}`},
	},
	{
		name:      "re takes flags, and an end to stand at",
		detection: "s: {a|re|startswith: 'x|y', b|re|i|m|s: '^b.c$', c|re|endswith: '[0-9]', d|re|contains: z}\ncondition: s",
		yes:       []string{`{"a":"yes","b":"a\nB\nC\nd","c":"n1","d":"-z-"}`},
		no:        []string{`{"a":"-y","b":"b\nc","c":"1","d":"z"}`, `{"a":"y","b":"b\nc","c":"1n","d":"z"}`},
	},
	{
		name:      "expand puts entries into a value, in every combination",
		detection: `s: {a|expand: 'x-%admins%-%teams%\%%teams%'}` + "\ncondition: s",
		yes:       []string{`{"a":"x-alice-red%blue"}`, `{"a":"X-bob-blue%blue"}`},
		no:        []string{`{"a":"x-alice-%teams%red"}`, `{"a":"x-carol-red%red"}`, `{"a":"x-alice-red%green"}`},
	},
	{
		name:      "expand with all needs every entry, and stands before or behind contains",
		detection: "s: {a|expand|contains|all: 'u:%teams%'}\nt: {a|contains|expand|all: 'u:%teams%'}\ncondition: s and t",
		yes:       []string{`{"a":"u:red u:blue"}`},
		no:        []string{`{"a":"u:red"}`, `{"a":"red blue"}`},
	},
	{
		name:      "expand writes networks, numbers and expressions",
		detection: "s: {ip|expand|cidr: '%networks%', n|gte|expand: '%limits%', r|re|expand: '^(%admins%)$'}\ncondition: s",
		yes:       []string{`{"ip":"192.0.2.1","n":10,"r":"alice"}`},
		no:        []string{`{"ip":"192.0.3.1","n":10,"r":"alice"}`, `{"ip":"192.0.2.1","n":9,"r":"alice"}`, `{"ip":"192.0.2.1","n":10,"r":"malice"}`},
	},
	{
		name:      "all with a single value is that value",
		detection: "s: {a|contains|all: x}\ncondition: s",
		yes:       []string{`{"a":"-x-"}`},
		no:        []string{`{"a":"y"}`},
	},
	{
		name:      "keywords take encodings and dashes",
		detection: "a: {'|base64offset': attack}\nb: {'|all|windash': [' -x', ' -y']}\ncondition: a or b",
		yes:       []string{`{"z":["` + in64("xattackx") + `"]}`, `{"z":"p /x –y"}`},
		no:        []string{`{"z":"attack"}`, `{"z":"p /x"}`},
	},
}

func in64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// What base64offset looks for has to be there however the encoded text goes on.
func TestBase64OffsetFindsATextAmongAnyBytes(t *testing.T) {
	rules, faults := sigma.ParseRules("r.yml", []byte("title: T\nlogsource: {product: aws}\ndetection: {s: {a|base64offset|contains|cased: 'né\U0001f600'}, condition: s}\n"))
	p, more := engine.Compile(rules, nil)
	if err := append(faults, more...).Err(); err != nil {
		t.Fatal(err)
	}
	m := p.NewMatcher()
	for before := range 7 {
		for _, b := range []byte{0, 0x55, 0xff} {
			raw := append(append(slices.Repeat([]byte{b}, before), "né\U0001f600"...), b, b)
			event, _ := json.Marshal(map[string]string{"a": base64.StdEncoding.EncodeToString(raw)})
			if got, err := m.Match(nil, sigma.LogSource{Product: "aws"}, "", event); err != nil || len(got) != 1 {
				t.Errorf("behind %d bytes %#x: %v, %v", before, b, got, err)
			}
		}
	}
}
