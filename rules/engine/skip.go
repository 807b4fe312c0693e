package engine

// skip walks a value that nobody reads. It nests in a stack of bits, one a
// level: whether that level is an object.
func (s *scanner) skip(i, depth int) int {
	var objects [maxDepth/64 + 1]uint64
	base := depth
value:
	if i = s.space(i); i >= len(s.raw) {
		return s.fail(i, "a value is missing or not valid")
	}
	switch s.raw[i] {
	case '"':
		i, _ = s.string(i + 1)
	case '{':
		if depth++; depth > maxDepth {
			return s.tooDeep(i)
		}
		objects[depth/64] |= 1 << (depth & 63)
		if i = s.space(i + 1); i < len(s.raw) && s.raw[i] == '}' {
			i++
			depth--
			break
		}
		goto key
	case '[':
		if depth++; depth > maxDepth {
			return s.tooDeep(i)
		}
		objects[depth/64] &^= 1 << (depth & 63)
		if i = s.space(i + 1); i < len(s.raw) && s.raw[i] == ']' {
			i++
			depth--
			break
		}
		goto value
	default:
		i, _ = s.scalar(i)
	}
	if i < 0 {
		return i
	}
end:
	if depth == base {
		return i
	}
	if i = s.space(i); i >= len(s.raw) {
		return s.fail(i, "a comma or a closing bracket is missing")
	}
	switch object := objects[depth/64]>>(depth&63)&1 == 1; {
	case s.raw[i] == ',' && object:
		i = s.space(i + 1)
		goto key
	case s.raw[i] == ',':
		i++
		goto value
	case object && s.raw[i] == '}' || !object && s.raw[i] == ']':
		i++
		depth--
		goto end
	}
	return s.fail(i, "a comma or a closing bracket is missing")
key:
	if i, _ = s.key(i); i < 0 {
		return i
	}
	goto value
}

// key walks a key and its colon.
func (s *scanner) key(i int) (end int, made uint8) {
	if i >= len(s.raw) || s.raw[i] != '"' {
		return s.fail(i, "a key is missing"), 0
	}
	if i, made = s.string(i + 1); i < 0 {
		return i, 0
	}
	if i < len(s.raw) && s.raw[i] == ':' {
		return i + 1, made
	}
	if i = s.space(i); i >= len(s.raw) || s.raw[i] != ':' {
		return s.fail(i, "a colon is missing"), 0
	}
	return i + 1, made
}

func (s *scanner) tooDeep(i int) int {
	return s.fail(i, "the event nests deeper than 200 levels")
}
