package evidence_test

import "testing"

func FuzzAProofFitsItsRecordAlone(f *testing.F) {
	dir := f.TempDir()
	l := open(f, dir, key(f))
	c := grow(f, l, 300, 300)
	f.Add(uint64(0), uint64(300), 0, []byte{})
	f.Add(uint64(299), uint64(300), 3, []byte("x"))
	f.Add(uint64(1<<63), uint64(1<<63+1), 0, []byte{})
	f.Fuzz(func(t *testing.T, index, size uint64, at int, change []byte) {
		p, err := l.Proof(index % 300)
		if err != nil {
			t.Fatal(err)
		}
		honestIndex := p.Index
		honest := index == p.Index && size == p.Size
		p.Index, p.Size = index, size
		if len(p.Hashes) > 0 && len(change) > 0 {
			h := &p.Hashes[uint(at)%uint(len(p.Hashes))]
			was := *h
			copy(h[:], change)
			honest = honest && *h == was
		}
		err = p.Check(record(int(index%300)), c.Root)
		if size != c.Size && index == honestIndex {
			return // trees of many sizes share a path; the verifier compares the size with the checkpoint's
		}
		if (err == nil) != honest {
			t.Errorf("index %d, size %d: %v, honest %v", index, size, err, honest)
		}
	})
}
