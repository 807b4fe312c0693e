package engine

import (
	"bytes"
	"net/netip"
)

// parseAddress reads an address as [netip.ParseAddr] does, but allocates
// neither for one nor for a text that is none. It leaves a zone out; one of
// version 4 that is written as one of version 6 is one of version 4.
func parseAddress(b []byte) (netip.Addr, bool) {
	if bytes.IndexByte(b, ':') < 0 {
		a, ok := parseV4(b)
		return netip.AddrFrom4(a), ok
	}
	if plain, zone, zoned := bytes.Cut(b, []byte("%")); zoned {
		if b = plain; len(zone) == 0 {
			return netip.Addr{}, false
		}
	}
	a, ok := parseV6(b)
	return netip.AddrFrom16(a).Unmap(), ok
}

// parseV4 reads four decimal numbers, none of which begins with a zero.
func parseV4(b []byte) (a [4]byte, ok bool) {
	for i := range a {
		n, digits := 0, 0
		for digits < len(b) && b[digits] >= '0' && b[digits] <= '9' {
			if n = n*10 + int(b[digits]-'0'); n > 255 {
				return a, false
			}
			digits++
		}
		if digits == 0 || (digits > 1 && b[0] == '0') {
			return a, false
		}
		a[i] = byte(n)
		if b = b[digits:]; i < len(a)-1 {
			if len(b) == 0 || b[0] != '.' {
				return a, false
			}
			b = b[1:]
		}
	}
	return a, len(b) == 0
}

// parseV6 reads eight groups of hexadecimal digits, of which one run of zeros
// may be left out, and the last two may be an address of version 4.
func parseV6(b []byte) (a [16]byte, ok bool) {
	n, gap := 0, -1 // bytes read; where the run was left out
	if bytes.HasPrefix(b, []byte("::")) {
		b, gap = b[2:], 0
	}
	for len(b) > 0 && n < len(a) {
		digits, group := hexGroup(b)
		if digits == 0 {
			return a, false
		}
		if digits < len(b) && b[digits] == '.' {
			v4, ok := parseV4(b)
			if !ok || n > len(a)-len(v4) || (gap < 0 && n != len(a)-len(v4)) {
				return a, false
			}
			n, b = n+copy(a[n:], v4[:]), nil
			break
		}
		a[n], a[n+1] = byte(group>>8), byte(group)
		n += 2
		if b = b[digits:]; len(b) == 0 {
			break
		}
		if b[0] != ':' || len(b) == 1 {
			return a, false
		}
		if b = b[1:]; b[0] == ':' {
			if gap >= 0 {
				return a, false
			}
			b, gap = b[1:], n
		}
	}
	if len(b) > 0 || (n == len(a)) == (gap >= 0) {
		return a, false
	}
	if gap >= 0 {
		behind := a
		clear(a[gap:])
		copy(a[len(a)-(n-gap):], behind[gap:n])
	}
	return a, true
}

// hexGroup reads at most four hexadecimal digits; of more it returns none.
func hexGroup(b []byte) (digits int, group uint16) {
	for digits < len(b) && isHex(b[digits]) {
		if digits == 4 {
			return 0, 0
		}
		group = group<<4 | uint16(hexDigit(b[digits]))
		digits++
	}
	return digits, group
}
