package gitlab_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/gitlab"
)

func TestAWebhookSaysWhatItIsAndWhenItWas(t *testing.T) {
	for name, c := range map[string]struct{ raw, kind, at string }{
		"a merge request":                  {`{"object_kind":"merge_request","object_attributes":{"created_at":"2026-11-01T09:00:00Z","updated_at":"2026-11-16 09:00:00 UTC"}}`, "merge_request", "2026-11-16T09:00:00Z"},
		"a deployment with an offset":      {`{"object_kind":"deployment","status_changed_at":"2026-11-16 10:00:00 +0100"}`, "deployment", "2026-11-16T09:00:00Z"},
		"a job that still runs":            {`{"object_kind":"build","build_finished_at":null,"build_started_at":"2026-11-16T09:00:00.5Z"}`, "build", "2026-11-16T09:00:00.5Z"},
		"a pipeline":                       {`{"object_kind":"pipeline","object_attributes":{"created_at":"2026-11-16 08:00:00 UTC","finished_at":"2026-11-16 09:00:00 UTC"}}`, "pipeline", "2026-11-16T09:00:00Z"},
		"a push, whose commits say a time": {`{"object_kind":"push","event_name":"push","commits":[{"timestamp":"2020-01-01T00:00:00Z"}],"created_at":"2020-01-01T00:00:00Z"}`, "push", ""},
		"a release, dated by its author":   {`{"object_kind":"release","action":"create","created_at":"2026-11-16 09:00:00 UTC","released_at":"2020-01-01 00:00:00 UTC"}`, "release", "2026-11-16T09:00:00Z"},
		"a release changed later":          {`{"object_kind":"release","action":"update","created_at":"2026-11-16 09:00:00 UTC"}`, "release", ""},
		"a system hook":                    {`{"event_name":"user_add_to_group","created_at":"2026-11-01T09:00:00Z","updated_at":"2026-11-16T09:00:00Z"}`, "user_add_to_group", "2026-11-16T09:00:00Z"},
		"a zone of which we know nothing":  {`{"object_kind":"deployment","status_changed_at":"2026-11-16 10:00:00 XYZ"}`, "deployment", ""},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := gitlab.IdentifyWebhook("key", []byte(c.raw))
			want := time.Time{}
			if c.at != "" {
				want, _ = time.Parse(time.RFC3339, c.at)
			}
			if err != nil || e.Kind != c.kind || e.ID != "key" || !e.Occurred.Equal(want) || e.Original != event.DigestOf([]byte(c.raw)) {
				t.Errorf("%+v, %v", e, err)
			}
		})
	}
}

func TestWhatIsNoEventOfGitLabIsRefused(t *testing.T) {
	for _, raw := range []string{``, `7`, `[]`, `{"object_kind":`, `{}`, `{"object_kind":"Not A Name"}`, `{"object_kind":7}`} {
		if e, err := gitlab.IdentifyWebhook("", []byte(raw)); err == nil || !strings.HasPrefix(err.Error(), "gitlab: ") {
			t.Errorf("%s: %+v, %v", raw, e, err)
		}
	}
	for _, raw := range []string{`{}`, `{"author_id":1,"entity_type":"Project"}`, `[1]`, `{"details":`} {
		if e, err := gitlab.IdentifyAudit([]byte(raw)); err == nil || !strings.HasPrefix(err.Error(), "gitlab: ") {
			t.Errorf("%s: %+v, %v", raw, e, err)
		}
	}
}

func TestAnAuditEventHasItsIdInEitherForm(t *testing.T) {
	for _, id := range []string{`7`, `"7"`} {
		raw := `{"id":` + id + `,"author_id":-2,"entity_id":1,"entity_type":"Group","details":{"custom_message":{"protocol":"ssh"}},"created_at":"2026-11-16T09:00:00.123Z"}`
		e, err := gitlab.IdentifyAudit([]byte(raw))
		if err != nil || e.ID != "7" || !e.Occurred.Equal(time.Date(2026, 11, 16, 9, 0, 0, 123e6, time.UTC)) {
			t.Errorf("%+v, %v", e, err)
		}
	}
}

func TestSecretsOfAPipelineDoNotGoOn(t *testing.T) {
	raw := `{"object_kind":"pipeline","object_attributes":{"variables":[{"key":"PASS","value":"hunter2"}]},"project":{"runners_token":"hunter2","ci_config_path":""}}`
	e, err := gitlab.IdentifyWebhook("", []byte(raw))
	if err != nil || strings.Contains(string(e.Raw), "hunter2") || !strings.Contains(string(e.Raw), `"key":"PASS"`) || !json.Valid(e.Raw) {
		t.Errorf("%s, %v", e.Raw, err)
	}
}

func FuzzIdentify(f *testing.F) {
	f.Add([]byte(`{"object_kind":"push","commits":[]}`))
	f.Add([]byte(`{"event_name":"project_create","created_at":"2026-11-16T09:00:00Z"}`))
	f.Add([]byte(`{"id":1,"author_id":1,"entity_type":"Project","details":{},"created_at":"x"}`))
	f.Add([]byte(`{"object_kind":"pipeline","object_attributes":{"variables":[{"value":"x"}]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if e, err := gitlab.IdentifyWebhook("", raw); err == nil && (!json.Valid(e.Raw) || e.Kind == "") {
			t.Errorf("webhook %+v", e)
		}
		if e, err := gitlab.IdentifyAudit(raw); err == nil && !json.Valid(e.Raw) {
			t.Errorf("audit %+v", e)
		}
	})
}
