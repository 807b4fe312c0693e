package gitlab

import (
	"time"

	"sidedoor/ingest/jsonscan"
)

// timePaths are where GitLab's own clock stands in a payload, by its kind.
// Times of commits are not among them, nor released_at: their authors choose
// those. A push says no time at all, so it is dated by its arrival.
var timePaths = map[string][][]string{
	"push":          {},
	"tag_push":      {},
	"merge_request": {{"object_attributes", "updated_at"}, {"object_attributes", "created_at"}},
	"note":          {{"object_attributes", "updated_at"}, {"object_attributes", "created_at"}},
	"pipeline":      {{"object_attributes", "finished_at"}, {"object_attributes", "created_at"}},
	"build":         {{"build_finished_at"}, {"build_started_at"}, {"build_created_at"}},
	"deployment":    {{"status_changed_at"}},
	"release":       {{"created_at"}},
}

// occurred is when the event happened by GitLab's clock, or zero if the
// payload does not say.
func occurred(kind string, raw []byte) time.Time {
	paths, known := timePaths[kind]
	if !known {
		// System hooks hold it at the top, the others in the object they are about.
		paths = [][]string{{"object_attributes", "updated_at"}, {"updated_at"}, {"created_at"}}
	}
	if kind == "release" && jsonscan.GetText(raw, "action") != "create" {
		return time.Time{} // created_at stays at its making
	}
	for _, path := range paths {
		if t := parseTime(jsonscan.GetText(raw, path...)); !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// parseTime reads the ways in which GitLab writes a time.
func parseTime(s string) time.Time {
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 -0700"} {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		if name, offset := t.Zone(); layout == "2006-01-02 15:04:05 MST" && name != "UTC" && offset == 0 {
			return time.Time{} // a zone of which only the name is known
		}
		return t.UTC().Truncate(time.Microsecond)
	}
	return time.Time{}
}
