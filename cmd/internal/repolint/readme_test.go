package repolint

import (
	"strings"
	"testing"
)

// firstScreen is how many lines a reader sees before scrolling.
const firstScreen = 40

func TestFirstScreenOfTheReadmeHasTwoCommands(t *testing.T) {
	commands := readmeCommands(t)
	if len(commands) != 2 {
		t.Fatalf("the first %d lines of README.md hold %d commands, want two, one to try it and one to test it: %q", firstScreen, len(commands), commands)
	}
	if !strings.Contains(commands[0], "go run") || !strings.Contains(commands[0], " start ") {
		t.Errorf("the first command must run the example with a Go toolchain alone: %q", commands[0])
	}
	for _, name := range []string{".ci/run", "Taskfile.yml"} {
		if !strings.Contains(read(t, name), commands[1]) {
			t.Errorf("%s does not run the README's second command, %q: what is promised and what is checked must be one", name, commands[1])
		}
	}
}

// readmeCommands are the lines of the fenced blocks on the first screen.
func readmeCommands(t *testing.T) []string {
	t.Helper()
	var commands []string
	fenced, number := false, 0
	for line := range strings.Lines(read(t, "README.md")) {
		line = strings.TrimSpace(line)
		number++
		switch {
		case number > firstScreen:
			return commands
		case strings.HasPrefix(line, "```"):
			fenced = !fenced
		case fenced && line != "":
			commands = append(commands, line)
		}
	}
	return commands
}

func TestLinksBetweenDocumentsLead(t *testing.T) {
	all := map[string]bool{}
	for _, name := range files(t) {
		all[name] = true
		for i := range name {
			if name[i] == '/' {
				all[name[:i]] = true
			}
		}
	}
	for name := range all {
		if !strings.HasSuffix(name, ".md") {
			continue
		}
		for _, link := range links(read(t, name)) {
			if target := resolve(name, link); !all[target] {
				t.Errorf("%s links to %s, which does not exist", name, link)
			}
		}
	}
}
