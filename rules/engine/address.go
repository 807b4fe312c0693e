package engine

import (
	"bytes"
	"net/netip"
	"unsafe"
)

// parseAddress reads an address, of version 4 or 6. A zone is left out; one of
// version 4 that is written as one of version 6 is one of version 4.
func parseAddress(b []byte) (netip.Addr, bool) {
	b, zone, zoned := bytes.Cut(b, []byte("%"))
	if !looksLikeAddress(b) || zoned && (len(zone) == 0 || bytes.IndexByte(b, ':') < 0) {
		return netip.Addr{}, false
	}
	// A copy would be an allocation for each address of an event. The library
	// keeps nothing of the text but its zone, and an error that is dropped.
	addr, err := netip.ParseAddr(unsafe.String(unsafe.SliceData(b), len(b)))
	return addr.Unmap(), err == nil
}

// looksLikeAddress spares a host's name, and a number, the error that it is no
// address.
func looksLikeAddress(b []byte) bool {
	separated := false
	for _, c := range b {
		switch {
		case c == '.', c == ':':
			separated = true
		case !isHex(c):
			return false
		}
	}
	return separated && len(b) <= 64
}
