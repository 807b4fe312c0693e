// Package evidence keeps the ledger, the Merkle log over all records, and
// verifies it. It knows records as bytes, and is built from the standard
// library and golang.org/x/mod/sumdb alone, so that a verifier made from it
// shares no code with what it audits.
//
// A ledger is a folder in the layout of C2SP tlog-tiles, which other people's
// tools read, too:
//
//	checkpoint              signed note: origin, number of records, root, time
//	key.pub                 the key that verifies it
//	tile/<L>/<N>[.p/<W>]    hashes, 256 a tile
//	tile/entries/<N>[.p/<W>] the records, each behind its length
//
// Leaf i is the exact bytes of record i; hashes are those of RFC 6962. Only
// checkpoints are signed: a signature over the root covers every record under
// it.
//
// Specifications: c2sp.org/tlog-tiles, c2sp.org/tlog-checkpoint,
// c2sp.org/signed-note, RFC 6962 section 2.
package evidence
