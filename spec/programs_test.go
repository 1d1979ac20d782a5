package spec

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestPlainCommandsAreWhatTheParserSays: the short cut past the shell parser never changes an answer.
func TestPlainCommandsAreWhatTheParserSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.StringMatching(`( |if|then|\{|exec|cd|A=b|[a-z./]{1,4}|-[a-z=]|[@:,+%$'"#&]){1,6}`).Draw(t, "line")
		c := Command{Shell: line}
		words := plainWords(c)
		if words == nil {
			return
		}
		if err := c.Check(); err != nil {
			t.Fatalf("plain, but refused: %v", err)
		}
		if argv, direct := c.Program(); !direct || !slices.Equal(argv, words) {
			t.Fatalf("plain, but runs as %q", argv)
		}
	})
}

func TestSuggestedNames(t *testing.T) {
	for line, want := range map[string]string{
		"./bin/worker --queue":              "worker",
		"php bin/import.php":                "import",
		"php artisan queue:work":            "artisan",
		"exec ./srv":                        "…",
		"sh -c 'x | y'":                     "…",
		"/usr/bin/redis-server 2>/dev/null": "redis-server",
		"":                                  "…",
	} {
		if got := suggestedName(Command{Shell: line}); got != want {
			t.Errorf("%s: want %s, got %s", line, want, got)
		}
	}
}
