package sigma

import "strings"

// suggest names the known word that is nearest to a wrong one.
func suggest(wrong string, known []string) string {
	best, at := "", 3
	for _, k := range known {
		if d := distance(strings.ToLower(wrong), strings.ToLower(k)); d < at {
			best, at = k, d
		}
	}
	if best == "" {
		return ""
	}
	return `; did you mean "` + best + `"?`
}

// distance is the Levenshtein distance.
func distance(a, b string) int {
	if len(a) > 100 || len(b) > 100 {
		return 100
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// Suggest is for other readers of policy files: it returns `; did you mean
// "x"?` for the known word nearest to a wrong one, or nothing.
func Suggest(wrong string, known []string) string { return suggest(wrong, known) }
