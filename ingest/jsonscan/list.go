package jsonscan

// List reads a document that is an object with a list in it, in a single pass: it
// calls element with each element of the array under key, and member with each
// other member; both until they return false, which ends the reading. It reports
// whether the document is valid JSON, and false if the reading was ended. What the
// functions were given is valid in any case. They may be called, and the document
// turn out to be invalid, behind that.
//
// Where key stands twice, both arrays count.
func List(raw []byte, key string, element func(value []byte) bool, member func(key, value []byte) bool) (valid bool) {
	v := validator{raw: raw}
	v.open = v.few[:0]
	v.at = space(raw, 0)
	if v.at >= len(raw) || raw[v.at] != '{' {
		return v.document()
	}
	for more, ok := v.value(); ; more, ok = v.behind() {
		if !ok {
			return false
		}
		if !more {
			break
		}
		name := v.lastKey()
		v.at = space(raw, v.at)
		if string(name) == key && v.at < len(raw) && raw[v.at] == '[' {
			if !v.list(element) {
				return false
			}
			continue
		}
		start := v.at
		if !v.whole() || !member(name, raw[start:v.at]) {
			return false
		}
	}
	return space(raw, v.at) == len(raw)
}

// list takes an array, and calls f with each element.
func (v *validator) list(f func(value []byte) bool) bool {
	for more, ok := v.value(); ; more, ok = v.behind() {
		if !ok || !more {
			return ok
		}
		v.at = space(v.raw, v.at)
		start := v.at
		if !v.whole() || !f(v.raw[start:v.at]) {
			return false
		}
	}
}
