package engine

import "fmt"

// Event is an event that has been read whole, to ask it for more than a rule
// reads.
type Event struct{ root tree }

// Parse reads an event, which has to be one valid JSON object.
func Parse(raw []byte) (Event, error) {
	root, err := decode(raw)
	if err != nil {
		return Event{}, fmt.Errorf("event: %w", err)
	}
	return Event{root}, nil
}

// Get returns the values at a dotted path, as text: strings unescaped, numbers
// and booleans as written, objects as JSON; of an array its members. ok is
// false if there is none, or only null.
func (e Event) Get(path string) (values []string, ok bool) {
	for _, v := range e.root.values(path, nil) {
		if v.kind != kindNull && v.kind != kindArray {
			values = append(values, v.text)
		}
	}
	return values, len(values) > 0
}

// Get returns the values at a path of one event; see [Event.Get].
func Get(raw []byte, path string) (values []string, ok bool) {
	e, err := Parse(raw)
	if err != nil {
		return nil, false
	}
	return e.Get(path)
}
