package records

import "errors"

// Fault is a part of a record that cannot be read, where a record holds several
// events. An Identify returns one, or several by [errors.Join].
type Fault struct {
	Cause  string // of the dead letter: malformed, truncated …
	Reason string
	Raw    []byte
}

// Error implements error.
func (f *Fault) Error() string { return f.Reason }

// faults are what an error says; any other one is about the record as a whole.
func faults(err error, record []byte) []*Fault {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*Fault
		for _, e := range joined.Unwrap() {
			all = append(all, faults(e, record)...)
		}
		return all
	}
	if f, ok := errors.AsType[*Fault](err); ok {
		return []*Fault{f}
	}
	return []*Fault{{Cause: "malformed", Reason: err.Error(), Raw: record}}
}
