package tail_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sidedoor/ingest/tail"
)

func TestAFileThatGrowsIsReadLineByLine(t *testing.T) {
	l := newLog(t, t.TempDir())
	r := newReader(t, l)
	r.expect() // it is not there yet
	l.write("a\nb\r\n\n")
	r.expect("a", "b")
	l.write("half")
	r.expect("a", "b")
	l.write(" and half\n")
	r.expect("a", "b", "half and half")
	r.restart()
	l.write("c\n")
	r.expect("a", "b", "half and half", "c")
}

func TestWhatWasRotatedBeforeTheFirstStartIsLeftOut(t *testing.T) {
	l := newLog(t, t.TempDir())
	l.write("old\n")
	l.rotate()
	r := newReader(t, l)
	r.expect()
	r.restart() // and what is rotated from now on is not
	l.write("a\n")
	l.rotate()
	l.write("b\n")
	r.expect("a", "b")
}

func TestNothingIsLostWhenTheFileIsRotated(t *testing.T) {
	for name, rotate := range rotations {
		for _, how := range []string{"plain", "compressed", "compressed at once", "removed"} {
			for _, down := range []bool{false, true} {
				if how == "removed" && (down || name == "copied and truncated") {
					continue // nobody can know what was in it
				}
				t.Run(fmt.Sprintf("%s, %s, down %v", name, how, down), func(t *testing.T) {
					l := newLog(t, t.TempDir())
					r := newReader(t, l)
					l.write("a\nb\n")
					r.expect("a", "b")
					if down {
						r.follower.Close()
					}
					l.write("c\n")
					if how == "removed" {
						r.drain() // or nobody could know of it
					}
					var before string
					for _, text := range []string{"d\n", "e\n", "f"} {
						rotated := rotate(l)
						switch {
						case how == "removed":
							l.must(os.Remove(rotated))
						case how == "compressed at once":
							l.compress(rotated)
						case how == "compressed" && before != "":
							if strings.HasSuffix(before, ".1") {
								before = l.path + ".2"
							}
							l.compress(before)
						}
						before = rotated
						if l.write(text); how == "removed" {
							r.drain()
						}
					}
					if down {
						r.start()
					}
					r.expect("a", "b", "c", "d", "e")
					l.write("\n")
					r.expect("a", "b", "c", "d", "e", "f")
					r.restart()
					r.expect("a", "b", "c", "d", "e", "f")
				})
			}
		}
	}
}

func TestAWriterMayGoOnInTheRenamedFileUntilItOpensTheNewOne(t *testing.T) {
	l := newLog(t, t.TempDir())
	r := newReader(t, l)
	l.write("a\n")
	r.expect("a")
	writer, err := os.OpenFile(l.path, os.O_APPEND|os.O_WRONLY, 0)
	l.must(err)
	l.rotate()
	l.must(os.WriteFile(l.path, nil, 0o600))
	r.expect("a")
	_, err = writer.WriteString("b\nlast")
	l.must(err)
	l.must(writer.Close())
	r.expect("a", "b")
	l.write("c\n")
	r.expect("a", "b", "last<unended>", "c")
}

func TestAFileThatWasTruncatedUnderAWriterBeginsWithZeros(t *testing.T) {
	l := newLog(t, t.TempDir())
	r := newReader(t, l)
	writer, err := os.Create(l.path) // does not append
	l.must(err)
	fmt.Fprint(writer, strings.Repeat("x", 9000)+"\n")
	r.expect(strings.Repeat("x", 9000))
	l.copytruncate()
	fmt.Fprint(writer, "a\n")
	l.must(writer.Close())
	r.expect(strings.Repeat("x", 9000), "a")
	l.write("b\n")
	r.expect(strings.Repeat("x", 9000), "a", "b")
}

func TestALineOverTheBoundIsCutAndTheNextIsRead(t *testing.T) {
	l := newLog(t, t.TempDir())
	r := newReader(t, l)
	just := strings.Repeat("x", maxLine)
	l.write("a\n" + just + "\n" + just + "y\n" + strings.Repeat(just, 30) + "\nb\n")
	r.expect("a", just, "<too long: 10000>", "<too long: 10000>", "b")
	r.restart()
	l.write("c\n")
	r.expect("a", just, "<too long: 10000>", "<too long: 10000>", "b", "c")
}

func TestALineOfNothingButItsEndIsBoundedToo(t *testing.T) {
	l := newLog(t, t.TempDir())
	r := newReader(t, l)
	l.write("a\n" + strings.Repeat("\r", 40*maxLine) + "x\nb\n")
	r.expect("a", "<too long: 9999>", "b")
}

func TestWhatCannotBeHadAnyMoreIsSaid(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(l *log)
		want []string
		lost string
	}{
		{"truncated", func(l *log) { l.must(os.Truncate(l.path, 0)); l.write("c\n") }, []string{"a", "b", "c"}, "was read up to byte 4"},
		{"truncated, and as long as it was", func(l *log) { l.must(os.Truncate(l.path, 0)); l.write("c\nd\n") }, []string{"a", "b", "c", "d"}, "was read up to byte 4"},
		{"truncated, and longer than it was", func(l *log) { l.must(os.Truncate(l.path, 0)); l.write("c\nd\ne\n") }, []string{"a", "b", "c", "d", "e"}, "was read up to byte 4"},
		{"removed with its successor", func(l *log) {
			l.must(os.Remove(l.rotate()))
			l.write("gone\n")
			l.must(os.Remove(l.rotate()))
			l.write("c\n")
			l.rotate()
			l.write("d\n")
		}, []string{"a", "b", "c", "d"}, "was read up to byte 4"},
		{"removed", func(l *log) { l.must(os.Remove(l.path)) }, []string{"a", "b"}, "nothing is there to go on with"},
		{"packed badly", func(l *log) {
			l.write("c\n")
			path := l.rotate()
			l.compress(path)
			b, err := os.ReadFile(path + ".gz")
			l.must(err)
			l.must(os.WriteFile(path+".gz", b[:len(b)-8], 0o600)) // without its checksum
			l.write("d\n")
		}, []string{"a", "b", "c", "d"}, "cannot be unpacked beyond byte 6"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLog(t, t.TempDir())
			r := newReader(t, l)
			l.write("a\nb\n")
			r.expect("a", "b")
			r.follower.Close()
			c.do(l)
			r.start()
			r.drain()
			if !slices.Equal(r.got, c.want) || len(r.lost) != 1 || !strings.Contains(r.lost[0], c.lost) {
				t.Errorf("got %q, lost %q", r.got, r.lost)
			}
			r.restart()
			if r.drain(); len(r.lost) != 1 {
				t.Errorf("said again: %q", r.lost)
			}
		})
	}
}

func TestAFileOfTheSameBeginningIsNotTakenForTheOtherOne(t *testing.T) {
	l := newLog(t, t.TempDir())
	same := strings.Repeat("x", 5000)
	r := newReader(t, l)
	l.write(same + "\n" + "a\n")
	r.expect(same, "a")
	r.follower.Close()
	l.rotate()
	l.write(same + "\n" + "b\nc\n")
	r.start()
	r.expect(same, "a", same, "b", "c")
}

func TestOtherFilesBesideItAreNotRead(t *testing.T) {
	l := newLog(t, t.TempDir())
	r := newReader(t, l)
	l.write("a\n")
	r.expect("a")
	for _, name := range []string{"audit.log.bak", "audit-policy.log", "other.log.1", "audit.log.1.xz", "xaudit.log.1", "audit.logs-20261124"} {
		l.must(os.WriteFile(filepath.Join(l.dir, name), []byte(name+"\n"), 0o600))
	}
	l.must(os.Mkdir(l.path+".7", 0o700))
	l.rotate()
	l.write("b\n")
	r.expect("a", "b")
}

func TestWhatIsNoFileIsAFault(t *testing.T) {
	f, err := tail.New(t.TempDir(), maxLine, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Next(); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("got %v", err)
	}
	if _, err := tail.New("x", maxLine, []byte("?")); err == nil {
		t.Error("a position that is none: no error")
	}
}

func TestTheSameComesUntilItIsDone(t *testing.T) {
	l := newLog(t, t.TempDir())
	l.write("a\n")
	r := newReader(t, l)
	one, err := r.follower.Next()
	l.must(err)
	l.write("b\n")
	two, err := r.follower.Next()
	l.must(err)
	if one != two {
		t.Errorf("got %v and %v", one, two)
	}
	r.expect("a", "b")
}

// FuzzEveryLineOfAFileIsFound reads any content, in two parts.
func FuzzEveryLineOfAFileIsFound(f *testing.F) {
	f.Add([]byte("a\nb\r\n\n\x00\x00c"), 3)
	f.Add([]byte("\x1f\x8bno gzip\n"), 1)
	f.Add([]byte(strings.Repeat("x", 70_000)+"\ny\n"), 5000)
	f.Fuzz(func(t *testing.T, content []byte, cut int) {
		if bytes.HasPrefix(content, []byte("\x1f\x8b")) || cut < 0 || cut > len(content) || (cut < 2 && len(content) > 1) {
			return // the beginning says whether it is gzip
		}
		l := newLog(t, t.TempDir())
		r := newReader(t, l)
		l.write(string(content[:cut]))
		r.drain()
		l.write(string(content[cut:]) + "\n")
		var want []string
		for line := range bytes.SplitSeq(content, []byte("\n")) {
			line = bytes.TrimLeft(line, "\x00")
			switch line = bytes.TrimSuffix(line, []byte("\r")); {
			case len(line) > maxLine:
				want = append(want, fmt.Sprintf("<too long: %d>", maxLine))
			case len(line) > 0:
				want = append(want, string(line))
			}
		}
		r.expect(want...)
	})
}
