package tail_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestEveryLineIsReadOnceWhateverHappensToTheFile lets a writer and a reader do
// what they do in any order: each line has to come once, in order, and nothing is
// said to be lost.
func TestEveryLineIsReadOnceWhateverHappensToTheFile(t *testing.T) {
	parent := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(parent, "")
		if err != nil {
			t.Fatal(err)
		}
		l := newLog(t, dir)
		r := newReader(t, l)
		r.drain()
		rotate := rotations[rapid.SampledFrom([]string{
			"renamed with the time", "renamed with a number", "renamed with the date", "copied and truncated",
		}).Draw(t, "rotation")]
		var want []string
		partial := false
		write := func(size int) {
			line := fmt.Sprintf("%d%s", len(want), strings.Repeat("x", size))
			want = append(want, line)
			l.write(line + "\n")
		}
		end := func() {
			if partial {
				partial = false
				l.write("\n")
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"write": func(t *rapid.T) {
				end()
				write(rapid.SampledFrom([]int{0, 10, 3000, 9000}).Draw(t, "size"))
			},
			"write many": func(t *rapid.T) {
				end()
				for range rapid.IntRange(1, 800).Draw(t, "lines") {
					write(3)
				}
			},
			"write half": func(*rapid.T) {
				if !partial {
					partial = true
					want = append(want, fmt.Sprintf("%dhalf", len(want)))
					l.write(want[len(want)-1])
				}
			},
			"rotate": func(t *rapid.T) {
				end()
				if info, err := os.Stat(l.path); err == nil && info.Size() > 0 {
					rotated := rotate(l)
					if rapid.Bool().Draw(t, "compressed") {
						l.compress(rotated)
					}
				}
			},
			"create": func(*rapid.T) { l.write("") },
			"compress": func(t *rapid.T) {
				for _, pattern := range []string{"audit-*", "audit.log?*"} {
					files, _ := filepath.Glob(filepath.Join(dir, pattern))
					for _, f := range files {
						if !strings.HasSuffix(f, ".gz") && rapid.Bool().Draw(t, "file") {
							l.compress(f)
						}
					}
				}
			},
			"read":    func(*rapid.T) { r.step() },
			"drain":   func(*rapid.T) { r.drain() },
			"restart": func(*rapid.T) { r.restart() },
		})
		end()
		r.expect(want...)
		r.follower.Close()
	})
}
