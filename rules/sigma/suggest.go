package sigma

import "strings"

// suggest names the known word that is nearest to a wrong one.
func suggest(wrong string, known []string) string {
	if near := nearest(wrong, known); near != "" {
		return `; did you mean "` + near + `"?`
	}
	return ""
}

// orAny names the nearest of the known words, or if none is near all of them.
func orAny(wrong string, known []string) string {
	if near := suggest(wrong, known); near != "" {
		return near
	}
	return "; there are " + strings.Join(known, ", ")
}

// nearest returns the known word that is nearest to a wrong one, or nothing if
// none is near: at most two letters are wrong, and half of them are right.
func nearest(wrong string, known []string) string {
	best, at := "", min(3, (len(wrong)+1)/2+1)
	for _, k := range known {
		if d := distance(strings.ToLower(wrong), strings.ToLower(k)); d < at {
			best, at = k, d
		}
	}
	return best
}

// distance counts the letters that have to be added, left out or replaced, and
// the neighbours that have changed places.
func distance(a, b string) int {
	if len(a) > 100 || len(b) > 100 {
		return 100
	}
	var before, last []int // the rows for less of a
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			replaced := last[j]
			if a[i] != b[j] {
				replaced++
			}
			row[j+1] = min(replaced, row[j]+1, last[j+1]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}

// Suggest is for other readers of policy files: it returns `; did you mean
// "x"?` for the known word nearest to a wrong one, or nothing.
func Suggest(wrong string, known []string) string { return suggest(wrong, known) }

// Nearest returns the known word that [Suggest] would name, or nothing.
func Nearest(wrong string, known []string) string { return nearest(wrong, known) }
