// Package tail follows a file of lines that another program writes: while it
// grows, through its rotation by whatever means, and over restarts of our own.
//
// A place in it is remembered by content, not by name or inode: by the bytes at
// the file's beginning and those before the place. So it is found again when the
// file was renamed, copied and truncated, or compressed, and not found in another
// file that only took its name or its inode. Rotated files that came after the
// place are read first, oldest first, to their ends:
//
//	audit.log                                the file
//	audit.log.1, audit.log.2.gz              logrotate
//	audit.log-20261124, audit-20261124.log   logrotate with dateext
//	audit-2026-11-24T09-00-00.000.log.gz     the API server itself (lumberjack)
//
// Memory is bounded by the longest line that is taken, whatever the file has.
package tail

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Chunk is some lines that stand one behind the other, and where they end.
type Chunk struct {
	File  string // as it is called now
	Lines []Line
	// Lost says what cannot be had any more, if something cannot.
	Lost string
	// CaughtUp says that there was no more when this was read.
	CaughtUp bool

	after Position
}

// Line is a line without its end. Empty ones are left out.
type Line struct {
	Raw []byte
	// TooLong says that Raw is the beginning of a line that is over the bound.
	TooLong bool
	// Unended says that the file ends in the line, and has no more to come.
	Unended bool
}

// Follower follows one file. Its methods are not to be called at once.
type Follower struct {
	path    string
	maxLine int
	names   names

	at      Position // what is done
	known   bool     // that at is known
	ended   bool     // that the file that at is in was read to its end
	current *file
	pending *Chunk
	waiting string // state of the files in which there was nothing to go on with
}

// New returns a follower that goes on at a position that [Follower.Position]
// returned. If there is none (nil), it begins with the file as it is now, and
// leaves out what was rotated before.
func New(path string, maxLine int, position []byte) (*Follower, error) {
	f := &Follower{path: filepath.Clean(path), maxLine: maxLine}
	f.names = namesOf(filepath.Base(f.path))
	if position == nil {
		return f, nil
	}
	f.known = true
	if err := f.at.parse(position); err != nil {
		return nil, fmt.Errorf("%s: position: %w", path, err)
	}
	return f, nil
}

// Next returns what comes behind all that is done, or nil if there is no more
// now. It returns the same until [Follower.Done] is called.
func (f *Follower) Next() (*Chunk, error) {
	for f.pending == nil {
		if f.current == nil {
			if found, err := f.find(); err != nil || !found {
				return nil, err
			}
			continue // something was lost on the way, or there is a file
		}
		chunk, err := f.read()
		if err != nil {
			return nil, err
		}
		if f.pending = chunk; chunk != nil || f.current == nil {
			continue
		}
		if turned, err := f.turn(); err != nil || !turned {
			return nil, err
		}
	}
	return f.pending, nil
}

// Done says that what Next returned is done with.
func (f *Follower) Done() {
	if f.pending != nil {
		f.at, f.known, f.ended, f.pending = f.pending.after, true, false, nil
	}
}

// Position is where Next goes on after what it returned last, as bytes to keep.
// It is nil while nothing is known of the file.
func (f *Follower) Position() []byte {
	switch {
	case f.pending != nil:
		return f.pending.after.bytes()
	case f.known:
		return f.at.bytes()
	}
	return nil
}

// Close closes what is open.
func (f *Follower) Close() { f.leave() }

func (f *Follower) leave() {
	if f.current != nil {
		f.current.close()
		f.current = nil
	}
}

// read returns the next lines of the current file, or nil at its end. A file
// that is no longer what was read of it is left.
func (f *Follower) read() (*Chunk, error) {
	c := f.current
	lines, err := c.lines(f.maxLine)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.path, err)
	}
	fresh := lines.lost != "" || lines.bytes > 0
	// By a place at the very beginning nothing can be told of what comes behind:
	// when the file changes, it is looked whether something was rotated.
	if (c.touched && c.offset == 0) || ((fresh || c.touched) && !c.intact()) {
		f.leave()
		return nil, nil
	}
	if !fresh {
		return nil, nil
	}
	c.took(lines)
	return &Chunk{
		File: c.path, Lines: lines.all, Lost: lines.lost, CaughtUp: lines.caughtUp && f.live(c), after: c.position(),
	}, nil
}

// live says whether c is the file itself, and no rotated one.
func (f *Follower) live(c *file) bool {
	now, err := os.Stat(f.path)
	return err == nil && os.SameFile(now, c.info)
}

// find opens the file that the position is in, or what came after it.
func (f *Follower) find() (found bool, err error) {
	files, err := f.list()
	if err != nil {
		return false, err
	}
	if !f.known {
		// What was rotated before nobody asked for; what is rotated from here on,
		// even while nobody follows, is read.
		f.known, f.at = true, Position{Modified: newest(files, f.path)}
	}
	at, c, err := f.search(files)
	if errors.Is(err, errRenamed) {
		return false, nil // it will be there the next time
	}
	if err != nil {
		return false, err
	}
	if c != nil {
		f.current = c
		return true, nil
	}
	if at < 0 {
		if at = f.firstAfter(files); f.at.Offset > 0 && !f.ended {
			f.lost(files[at:])
			return true, nil
		}
	}
	return f.enter(files, at)
}

// search looks for the position, in the newest file first. It returns the file
// that goes on at the position, or the index of the one that comes after it, or
// neither (-1).
func (f *Follower) search(files []candidate) (at int, c *file, err error) {
	if f.at.Offset == 0 {
		return -1, nil, nil
	}
	for i := len(files) - 1; i >= 0; i-- {
		c, err := open(files[i])
		if err != nil {
			return -1, nil, err
		}
		switch c.seek(f.at) {
		case here:
			return i, c, nil
		case short:
			// A copy that was made before the file was truncated lacks what was
			// written and read in between. The file itself may have anything.
			if c.close(); files[i].path != f.path {
				return i + 1, nil, nil
			}
		default:
			c.close()
		}
	}
	return -1, nil, nil
}

// lost makes a chunk that says so.
func (f *Follower) lost(rest []candidate) {
	next := "nothing is there to go on with"
	if len(rest) > 0 {
		next = "it goes on with the files that changed since"
	}
	f.pending = &Chunk{
		File: f.path, after: Position{Modified: f.at.Modified},
		Lost: fmt.Sprintf("%s was read up to byte %d, and neither it nor a rotated file continues from there: it was truncated, or removed before it was read to its end; %s", f.path, f.at.Offset, next),
	}
}

// turn goes on to the next file if the current one is at its end for good.
func (f *Follower) turn() (turned bool, err error) {
	c := f.current
	if c.final {
		f.ended = true
		f.leave()
		return f.enterAfter(c)
	}
	now, err := os.Stat(f.path)
	if err != nil && !os.IsNotExist(err) {
		return false, err
	}
	if err == nil && os.SameFile(now, c.info) {
		if now.Size() < max(c.offset, c.looked) {
			f.leave() // truncated: what was cut off may have been copied
			return true, nil
		}
		return false, nil
	}
	// Whoever writes may still hold the old file, until there is something in the
	// new one; what was written before that is then in the old one.
	files, err := f.list()
	if err != nil {
		return false, err
	}
	state := stateOf(files)
	if state == f.waiting {
		return false, nil // finding a compressed file costs something
	}
	if next := f.after(files, c); next < len(files) && files[next].info.Size() > 0 {
		c.final = true
		return true, nil
	}
	f.waiting = state
	return false, nil
}

// enterAfter opens the file that comes after one that is read to its end.
func (f *Follower) enterAfter(c *file) (entered bool, err error) {
	files, err := f.list()
	if err != nil {
		return false, err
	}
	return f.enter(files, f.after(files, c))
}

// enter opens a file at its beginning. Those that are gone meanwhile are looked
// for the next time.
func (f *Follower) enter(files []candidate, at int) (entered bool, err error) {
	if at >= len(files) {
		return false, nil
	}
	c, err := open(files[at])
	if errors.Is(err, errRenamed) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	f.current = c
	return true, nil
}
