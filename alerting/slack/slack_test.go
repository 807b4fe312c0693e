package slack

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf16"

	"sidedoor/alerting"
	"sidedoor/alerting/alertingtest"
	"sidedoor/event"
)

func channel(t *testing.T, url string) alerting.Channel {
	t.Helper()
	c, err := New(Config{URLFile: file(t, url+"\n")}, alertingtest.Now)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSlackIsAChannel(t *testing.T) {
	alertingtest.Suite{New: channel, Check: checkRequest}.Run(t)
}

// shape is Block Kit as Slack reads it.
type shape struct {
	Text   string  `json:"text"`
	Parse  string  `json:"parse"`
	Unfurl *bool   `json:"unfurl_links"`
	Blocks []block `json:"blocks"`
}

type block struct {
	Type     string `json:"type"`
	Text     *text  `json:"text"`
	Fields   []text `json:"fields"`
	Elements []text `json:"elements"`
}

type text struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Verbatim bool   `json:"verbatim"`
	Emoji    bool   `json:"emoji"`
}

func checkRequest(t *testing.T, r alertingtest.Request, m alerting.Message) {
	t.Helper()
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s of %s", r.Method, r.Header.Get("Content-Type"))
	}
	var s shape
	if err := json.Unmarshal(r.Body, &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Blocks) == 0 || s.Blocks[0].Type != "header" || s.Unfurl == nil || *s.Unfurl || s.Parse != "none" {
		t.Fatalf("not what Slack is to get: %s", r.Body)
	}
	checkText(t, s.Text, 3000)
	checkBounded(t, s.Blocks)
	if !strings.Contains(string(r.Body), "sidedoor review decide "+m.Alert.ID) {
		t.Errorf("does not say how to review: %s", r.Body)
	}
}

// checkBounded holds every block against the bounds of Block Kit.
func checkBounded(t *testing.T, blocks []block) {
	t.Helper()
	if len(blocks) > 50 {
		t.Errorf("%d blocks", len(blocks))
	}
	for _, b := range blocks {
		limits := map[string]int{"header": 150, "section": 3000}
		if b.Text != nil {
			checkObject(t, *b.Text, limits[b.Type])
		}
		if len(b.Fields) > 10 || len(b.Elements) > 10 || (b.Text == nil && len(b.Fields)+len(b.Elements) == 0) {
			t.Errorf("block %+v", b)
		}
		for _, o := range append(b.Fields, b.Elements...) {
			checkObject(t, o, 2000)
		}
	}
}

func checkObject(t *testing.T, o text, limit int) {
	t.Helper()
	checkText(t, o.Text, limit)
	if o.Type == "mrkdwn" && !o.Verbatim {
		t.Errorf("Slack makes links of %q", o.Text)
	}
	if o.Type == "plain_text" && o.Emoji {
		t.Errorf("Slack makes emoji of %q", o.Text)
	}
	if o.Type == "mrkdwn" && strings.Count(o.Text, "`") != 2 {
		t.Errorf("what others wrote leaves its code span: %q", o.Text)
	}
}

func checkText(t *testing.T, s string, limit int) {
	t.Helper()
	if n := len(utf16.Encode([]rune(s))); n == 0 || n > limit {
		t.Errorf("a text has %d characters, the bound is %d: %.60q", n, limit, s)
	}
	if strings.ContainsAny(s, "<>") {
		t.Errorf("Slack reads a control sequence in %.200q", s)
	}
	rest := strings.NewReplacer("&amp;", "", "&lt;", "", "&gt;", "").Replace(s)
	if strings.Contains(rest, "&") {
		t.Errorf("an ampersand is not escaped, or cut in two, in %.200q", s)
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
		t.Errorf("characters without print in %.200q", s)
	}
}

func TestAMessageSaysWhoDidWhatAndWhatWasMissing(t *testing.T) {
	m := alertingtest.Message()
	m.Alert.Occurrences, m.Alert.Last = 3, m.Alert.Last.Add(time.Minute)
	raw, err := json.Marshal(render(m))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"HIGH: bypass, CHG-03", m.Alert.Sentence, "`alice (alice@acme.example)`", "`prod/eu/deployments/web`", "`k8s-direct-change`",
		"`3`", "`2026-11-16 08:59:00 UTC to 2026-11-16 09:00:00 UTC`", "`bob`", "New alert.", "`sidedoor review decide 9f2c0c1d2e3f4a5b`",
	} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("the message does not say %q: %s", want, raw)
		}
	}
}

func TestAnAmendmentSaysWhatItWas(t *testing.T) {
	m := alertingtest.Message()
	before := m.Alert
	m.Before, m.Alert.Revision, m.Alert.State = &before, 2, event.ApprovedLate
	raw, err := json.Marshal(render(m))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"HIGH: approved only afterwards, CHG-03", "Was bypass, is now approved-late."} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("the message does not say %q: %s", want, raw)
		}
	}
}

func TestAReasonOfSlackIsToldAndNothingElseOfItsAnswer(t *testing.T) {
	for body, want := range map[string]string{
		"no_service\n": ", no_service", "channel_is_archived": ", channel_is_archived",
		"<html>/services/T0/B0/x": "", "XyZ_secret": "", "": "", strings.Repeat("a_", 200) + "a": "",
	} {
		if got := (&answer{body: []byte(body)}).reason(); got != want {
			t.Errorf("of %q it tells %q, want %q", body, got, want)
		}
	}
}

func TestAURLThatWouldTravelInTheClearIsRefusedWithoutBeingTold(t *testing.T) {
	for _, url := range []string{"http://hooks.slack.example/" + alertingtest.Secret, "not a url " + alertingtest.Secret, "ftp://127.0.0.1/" + alertingtest.Secret, ""} {
		_, err := New(Config{URLFile: file(t, url)}, alertingtest.Now)
		if err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := New(Config{}, alertingtest.Now); err == nil || !strings.Contains(err.Error(), "url-file") {
		t.Errorf("no file: %v", err)
	}
	if _, err := New(Config{URLFile: filepath.Join(t.TempDir(), "none")}, alertingtest.Now); err == nil {
		t.Error("a file that does not exist is taken")
	}
}

func FuzzEscapeKeepsItsBounds(f *testing.F) {
	f.Add(alertingtest.Hostile, 20)
	f.Add("&&&&&", 7)
	f.Add("😀😀", 3)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		if limit < 1 || limit > 5000 {
			t.Skip()
		}
		if got := escape(s, limit); got != "" {
			checkText(t, got, limit)
		}
	})
}
