package gitops

import (
	"bytes"
	"fmt"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/jsonscan"
)

// reading is what an object says of its syncs.
type reading struct {
	uid, place string // its place is namespace/name
	created    time.Time
	generation string
	raw        []byte
	// outcome is how the last operation ended, as one text that differs from that
	// of any other; empty while it goes on, or if there was none.
	outcome string
	// history is what the object keeps of past syncs, oldest first.
	history []past
	// current is the key of the entry that belongs to the last operation, whether that
	// is at its end or not.
	current string
	// settings are the members of its spec that say what it syncs and whether, for
	// objects whose spec is watched.
	settings []byte
	// silent says that it synced and keeps no history of that, and forgets, that it
	// is to keep none.
	silent, forgets bool
}

// past is one entry of a history.
type past struct {
	key      string // what it is told by
	number   int64  // counted up by one, from the kind's first; -1 if it has none
	at       time.Time
	revision string
	content  string // what must not change
	raw      []byte
}

// pastID is the identity of an event of an entry.
func pastID(uid string, p past) string {
	if uid == "" || p.key == "" {
		return ""
	}
	return uid + "/history/" + p.key
}

// kind is how one kind of object is read.
type kind struct {
	name     string // plural
	one      string // as objects call it
	group    string
	version  string
	product  string
	optional bool // its controller need not be installed
	numbers  bool // its history is counted
	first    int64
	// restarts says that counting may begin anew by itself: a release that is
	// installed again.
	restarts bool
	// keeps is how many entries a history has that is not counted.
	keeps    int
	kept     []string // members of the spec that an excerpt has
	read     func(raw []byte, r *reading)
	identify func(raw []byte) (event.Event, error)
}

func (k *kind) String() string { return k.name + "." + k.group }

// reading reads an object of the kind.
func (k *kind) reading(raw []byte) (reading, error) {
	metadata := jsonscan.Get(raw, "metadata")
	r := reading{
		uid: jsonscan.GetText(metadata, "uid"), created: jsonscan.GetTime(metadata, "creationTimestamp"), raw: raw,
		place:      jsonscan.GetText(metadata, "namespace") + "/" + jsonscan.GetText(metadata, "name"),
		generation: jsonscan.GetText(metadata, "generation"),
	}
	if r.uid == "" || jsonscan.GetText(metadata, "name") == "" {
		return r, fmt.Errorf("%s: the object has no name or no uid", k)
	}
	k.read(raw, &r)
	return r, nil
}

// excerpt is the object with one entry of its history. Of metadata and spec it
// has what says which object it is and where it syncs to, now.
func (k *kind) excerpt(raw []byte, p past) []byte {
	metadata, spec := jsonscan.Get(raw, "metadata"), jsonscan.Get(raw, "spec")
	return object(
		member{"apiVersion", jsonscan.Get(raw, "apiVersion")}, member{"kind", jsonscan.Get(raw, "kind")},
		member{"metadata", members(metadata, "name", "namespace", "uid", "creationTimestamp")},
		member{"spec", members(spec, k.kept...)},
		member{"status", object(member{"history", append(append([]byte("["), p.raw...), ']')})},
	)
}

// member is one of an object; without a value it is left out.
type member struct {
	name  string
	value []byte
}

// object writes an object of values that are JSON already.
func object(all ...member) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for _, m := range all {
		if m.value == nil {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:", m.name)
		b.Write(m.value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// members returns an object that has some of another's members.
func members(raw []byte, names ...string) []byte {
	var all []member
	for _, name := range names {
		all = append(all, member{name, jsonscan.Get(raw, name)})
	}
	return object(all...)
}

// change is an event of the form of a watch.
func change(what string, was, now []byte) []byte {
	return object(member{"type", fmt.Appendf(nil, "%q", what)}, member{"was", was}, member{"object", now})
}
