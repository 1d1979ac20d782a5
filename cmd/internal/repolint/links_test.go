package repolint

import (
	"path"
	"regexp"
	"strings"
)

var markdownLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// links are the targets of a document's links into this repository, without their fragments.
func links(text string) []string {
	var found []string
	for _, match := range markdownLink.FindAllStringSubmatch(text, -1) {
		target, _, _ := strings.Cut(match[1], "#")
		if target != "" && !strings.Contains(target, "://") && !strings.HasPrefix(target, "mailto:") {
			found = append(found, target)
		}
	}
	return found
}

// resolve is where a link of a document leads, from the root.
func resolve(document, link string) string {
	return strings.TrimSuffix(path.Join(path.Dir(document), link), "/")
}
