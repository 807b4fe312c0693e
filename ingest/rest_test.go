package ingest_test

import (
	"net/http"
	"testing"
	"time"

	"sidedoor/ingest"
)

func TestTheNextPageIsTakenFromItsLink(t *testing.T) {
	for header, want := range map[string]string{
		`<https://api.github.com/orgs/a/hooks/1/deliveries?per_page=100&cursor=v1_42>; rel="next"`:             "cursor=v1_42&per_page=100",
		`<https://h/x?page=1>; rel="prev", <https://h/x?page=3>; rel="next", <https://h/x?page=9>; rel="last"`: "page=3",
		`<https://elsewhere.example.com/x?phrase=created:%3E=2026,b&after=MS4%3D>; rel="next"`:                 "after=MS4%3D&phrase=created%3A%3E%3D2026%2Cb",
		`<https://h/x?page=1>; rel="first"`: "", ``: "", `<`: "", `<https://h/x>; rel="next"`: "", `<:%>; rel="next"`: "",
	} {
		if got := ingest.NextPage(http.Header{"Link": {header}}).Encode(); got != want {
			t.Errorf("%s: got %q, want %q", header, got, want)
		}
	}
}

func TestAnAPICanSendUsAwayForABoundedTime(t *testing.T) {
	now := time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "soon": 0, "90": 90 * time.Second, "-5": time.Second, "0": time.Second, "99999999": 2 * time.Hour, "9223372036854775807": 0,
		"Mon, 16 Nov 2026 09:02:00 GMT": 2 * time.Minute, "Mon, 16 Nov 2126 09:02:00 GMT": 2 * time.Hour,
	} {
		got, said := ingest.RetryAfter(http.Header{"Retry-After": {header}}, now)
		if got != want || said != (want != 0) {
			t.Errorf("%q: %v, %v", header, got, said)
		}
	}
}

func TestACredentialIsNotSentInTheClear(t *testing.T) {
	for text, right := range map[string]bool{
		"https://gitlab.example": true, "https://github.example.com/api/v3": true, "http://localhost:1": true, "http://127.0.0.1:1": true, "http://[::1]": true,
		"": false, "gitlab.example": false, "http://gitlab.example": false, "ftp://localhost": false, "https://a:b@h": false, "https://h/?a=b": false, "https://h/#a": false,
		"http://127.0.0.1.example": false,
	} {
		if err := ingest.ValidateURL("api", text); (err == nil) != right {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzLink(f *testing.F) {
	f.Add(`<https://h/x?page=1>; rel="prev", <https://h/x?page=3>; rel="next"`)
	f.Add(`<<>>; rel="next"`)
	f.Fuzz(func(_ *testing.T, header string) { ingest.NextPage(http.Header{"Link": {header}}) })
}
