package spec

import (
	"bytes"
	"fmt"
	"strings"
)

// Reference is the page docs/reference/configuration.md: every key with its type, default, meaning and an example.
func Reference() []byte {
	var b bytes.Buffer
	b.WriteString(referenceHead)
	b.WriteString("\n## The file\n\n")
	table(&b, documentKeys, func(k key) bool {
		return !strings.HasPrefix(k.path, "roles.") && !strings.HasPrefix(k.path, "logging.")
	})
	b.WriteString("\n## logging\n\n")
	table(&b, documentKeys, func(k key) bool { return strings.HasPrefix(k.path, "logging.") })
	b.WriteString("\n## roles\n\n")
	table(&b, documentKeys, func(k key) bool { return strings.HasPrefix(k.path, "roles.") })
	b.WriteString("\n## A process\n\nThese keys stand in each element of `processes`, and all but `name` in `defaults`.\n\n")
	table(&b, processKeys, func(key) bool { return true })
	b.WriteString(referencePaths)
	referencePresets(&b)
	b.WriteString(referenceNews)
	table(&b, newsKeys, func(k key) bool { return strings.HasPrefix(k.path, "notify") })
	b.WriteString("\n## listeners\n\n")
	table(&b, newsKeys, func(k key) bool { return strings.HasPrefix(k.path, "listeners") })
	b.WriteString("\n## hooks\n\n")
	table(&b, newsKeys, func(k key) bool { return strings.HasPrefix(k.path, "hooks") })
	referencePending(&b)
	return b.Bytes()
}

const referenceHead = `# Configuration: phorever.json

<!-- Generated from the table of keys in package spec: go test ./spec -update -->

JSON with comments (` + "`// …`, `/* … */`" + `) and trailing commas, in UTF-8. Keys are case-sensitive; an unknown or repeated one is an
error. ` + "`phorever check`" + ` tells every problem with its place, ` + "`phorever export schema`" + ` prints a JSON Schema for editors.

| type | is |
|---|---|
| duration | a number of seconds, or a text: ` + "`\"1m30s\"`" + `; units ms, s, m, h, d |
| size | a number of bytes, or a text: ` + "`\"50MB\"`" + ` is 50,000,000, ` + "`\"64MiB\"`" + ` is 67,108,864 |
| signal | a name, with or without SIG, in any case: ` + "`\"TERM\"`" + ` |
| path with %…% | ` + "`%name%`" + ` is the machine name, ` + "`%clone%`" + ` the clone's number, ` + "`%role%`" + ` the role, ` + "`%env.X%`" + ` an environment variable |

**Order.** What a process does not say, its ` + "`preset`" + ` does, then ` + "`defaults`" + `, then the defaults on this page. Objects merge key by key;
lists and everything else replace. ` + "`null`" + ` is as if the key were absent everywhere: it brings the default of this page back.

**Time zones** are known without the machine's help: the program carries the database (450 KB) for machines that have none.
`

const referenceNews = `
## notify

These keys stand in each element of ` + "`notify`" + `.

`

const referencePaths = `
## Paths

Log files are relative to ` + "`logging.directory`" + `; commands and the paths inside them to ` + "`directory`" + `; every other path, in included files
too, to the directory of the main file as it was named: a symlink on the way stays one, and is followed anew at each start.

## Included files

Each element of ` + "`include`" + ` is a path, which must exist, or a pattern (` + "`*`, `?`, `[a-z]`" + `), whose matches are read in sorted order without
hidden files. An included file holds ` + "`processes`, `roles` and `defaults`" + ` (and ` + "`$schema`" + `), nothing else; its ` + "`defaults`" + ` lie over those of
the main file and are those of its own processes alone. Included files include nothing, and none may be read twice. Names of processes
and roles are unique across all files.

## env_file

Lines of ` + "`NAME=value`" + `, with quotes, comments and ` + "`export`" + ` as in a ` + "`.env`" + ` file. It must exist and be readable when the configuration is
loaded, and is read again at each start of a process. It is a regular file (or ` + "`/dev/null`" + `) of 1 MiB at most.

## As root

Whoever can write the configuration can run commands as root. So a file, or a directory on the way to it, that anyone but root and the
file's owner can write is refused (a sticky directory such as /tmp is fine when the entry in it belongs to one of them). A file
of another owner is refused unless its processes run as that ` + "`user`" + `, in one of that user's groups. ` + "`--allow-unsafe`" + ` overrides.
`

func table(b *bytes.Buffer, keys []key, belongs func(key) bool) {
	b.WriteString("| key | type | default | meaning | example |\n|---|---|---|---|---|\n")
	for _, k := range keys {
		if !belongs(k) || pendingPath(keys, k.path) {
			continue
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", k.path, cell(k.kind.name), code(k.initial), cell(k.means), code(k.example))
	}
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + cell(text) + "`"
}

func cell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }

// pendingPath tells a key that is pending, or lies below one that is.
func pendingPath(keys []key, path string) bool {
	for _, k := range keys {
		if k.pending && (k.path == path || strings.HasPrefix(path, k.path+".")) {
			return true
		}
	}
	return false
}

func referencePresets(b *bytes.Buffer) {
	b.WriteString("\n## Presets\n\nA preset sets what is right for a known program; whatever the process says itself wins.\n")
	for _, name := range presetNames() {
		p := presetTable[name]
		fmt.Fprintf(b, "\n### %s\n\n%s\n\n| key | value | because |\n|---|---|---|\n", name, p.means)
		for _, k := range p.keys {
			fmt.Fprintf(b, "| `%s` | %s | %s |\n", k.key, code(k.value), cell(k.why))
		}
	}
}

func referencePending(b *bytes.Buffer) {
	b.WriteString("\n## Known, not supported yet\n\nThese are refused, never silently ignored; `null`, `false` and empty ones are accepted.\n\n")
	for _, keys := range [][]key{documentKeys, newsKeys, processKeys} {
		for _, k := range keys {
			prefix := ""
			if &keys[0] == &processKeys[0] {
				prefix = "processes[]."
			}
			if k.pending {
				fmt.Fprintf(b, "- `%s%s`: %s\n", prefix, k.path, k.means)
			}
			for _, word := range k.pendingValues {
				fmt.Fprintf(b, "- `%s%s` `%q`\n", prefix, k.path, word)
			}
		}
	}
}
