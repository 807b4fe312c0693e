package engine

// Reader reads fields of events for others than rules: who did what, to what.
// It learns which fields it is asked for, and from then on finds all of them in
// one walk over an event. It belongs to one goroutine.
type Reader struct {
	m      Matcher
	walked bool // the event at hand, for all the paths that are known
	sound  bool // what was walked is an event
}

// NewReader returns a reader that knows no field yet.
func NewReader() *Reader {
	r := newRoute(nil, nil)
	return &Reader{m: Matcher{run: newRun(r)}}
}

// Reset hands the reader an event.
func (r *Reader) Reset(raw []byte) { r.m.raw, r.walked = raw, false }

// Values returns the values at a dotted path, as text: strings unescaped,
// numbers and booleans as written, objects as JSON; of an array its members,
// and of a key that stands twice both. ok is false if there is none, or only
// null, or the event is no valid JSON object; and of [sigma.KindField], which no
// event holds.
func (r *Reader) Values(path string) (values []string, ok bool) {
	field, known := r.m.run.route.fields[path]
	if !known {
		field = r.learn(path)
	}
	if !r.walked {
		r.m.begin("")
		r.walked, r.sound = true, r.m.event()
	}
	if !r.sound {
		return nil, false
	}
	for _, v := range r.m.run.values(field) {
		if v.hasText() {
			values = append(values, string(v.text))
		}
	}
	return values, len(values) > 0
}

// learn adds a path to those that are walked.
func (r *Reader) learn(path string) int32 {
	route := newRoute(nil, nil)
	for known := range r.m.run.route.fields {
		route.field(known)
	}
	field := route.field(path)
	route.index = make([]fieldIndex, len(route.fields))
	route.paths.freeze()
	r.m.run, r.walked = newRun(route), false
	return field
}

// Get returns the values at a path of one event; see [Reader.Values].
func Get(raw []byte, path string) (values []string, ok bool) {
	r := NewReader()
	r.Reset(raw)
	return r.Values(path)
}
