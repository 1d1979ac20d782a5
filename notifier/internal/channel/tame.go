package channel

import (
	"regexp"
	"strings"
	"sync"

	"github.com/dcousineau/phorever/notifier/internal/news"
)

var (
	// everybody are the mentions that wake a whole channel, in one chat or another.
	everybody = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)@(?:everyone|here|channel|all|room|team)`) })
	// markup opens a mention or a link where a chat is not told what is markup and what is text.
	markup = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`<|\]\(`) })
)

// tame is a line of output that calls nobody: a zero width space parts what only acts in one piece.
func tame(line string) string { return everybody().ReplaceAllStringFunc(news.Printable(line), parted) }

// plain is a tame line without links, for a service that may read its text as Markdown or worse.
func plain(line string) string { return markup().ReplaceAllStringFunc(tame(line), parted) }

func parted(found string) string { return found[:1] + "\u200b" + found[1:] }

// fence is a line that does not end the block of code around it.
func fence(line string) string {
	for strings.Contains(line, "``") {
		line = strings.ReplaceAll(line, "``", "`\u200b`")
	}
	return line
}
