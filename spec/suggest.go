package spec

import (
	"cmp"
	"slices"
	"strings"
)

// maxSuggestions is how many words a person reads before going to the manual.
const maxSuggestions = 3

// Nearest is what was probably meant by the word: at most three of the others, the most likely first. Case does not
// count, a common beginning does. It is empty when nothing is near.
func Nearest(word string, among []string) []string {
	lower := strings.ToLower(word)
	type candidate struct {
		word string
		cost int
	}
	var candidates []candidate
	for _, other := range among {
		if other == "" || slices.ContainsFunc(candidates, func(c candidate) bool { return c.word == other }) {
			continue
		}
		if cost, near := likeness(lower, strings.ToLower(other)); near {
			candidates = append(candidates, candidate{other, cost})
		}
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int { return cmp.Compare(a.cost, b.cost) })
	var words []string
	for _, c := range candidates[:min(len(candidates), maxSuggestions)] {
		words = append(words, c.word)
	}
	return words
}

// likeness is how far two words are from each other, less where they begin alike, and whether that is near.
func likeness(word, other string) (cost int, near bool) {
	a, b := []rune(word), []rune(other)
	shorter, longer := min(len(a), len(b)), max(len(a), len(b))
	if shorter == 0 {
		return 0, false
	}
	common := 0
	for common < shorter && a[common] == b[common] {
		common++
	}
	// One half of a word is the other's beginning: "resurrect" and "resurrect_after", "long" and "long_lived".
	if common == shorter && common >= 3 {
		return 2 + longer - shorter, true
	}
	// One mistake in three letters; with more of them, "db" and "web" would be the same.
	limit := max(1, longer/3)
	if longer-shorter > limit {
		return 0, false
	}
	distance := edits(a, b)
	return 4*distance - min(common, 3), distance <= limit && distance < longer
}

// edits is the Damerau-Levenshtein distance: insertions, deletions, replacements, and swaps of neighbours, which are the
// most common slip of the fingers.
func edits(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, before
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := last[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(replaced, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
