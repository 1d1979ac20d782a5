package spec

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"time"

	// 450 KB in the program, for machines and containers without zoneinfo: a time zone that is known on one machine
	// must not be an error on the next.
	_ "time/tzdata"
)

// location is the named zone, UTC where there is none.
func location(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return zone
}

func checkTimezone(k *kind, r *report, n *node) {
	if !n.is(kindString) || n.text == "" {
		k.refuse(r, n, "")
		return
	}
	if _, err := time.LoadLocation(n.text); err != nil {
		r.errorAt(n, fmt.Sprintf("unknown time zone %q", n.text), orElse(didYouMean(n.text, zoneNames()), `names look like "Europe/Berlin"`))
	}
}

// zoneNames are the zones of this machine; none where it has no zoneinfo.
var zoneNames = sync.OnceValue(func() []string {
	for _, root := range []string{"/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo"} {
		var names []string
		tree := os.DirFS(root)
		_ = fs.WalkDir(tree, ".", func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return nil
			case entry.IsDir() && (path == "posix" || path == "right"):
				return fs.SkipDir
			case !entry.IsDir() && path[0] >= 'A' && path[0] <= 'Z':
				names = append(names, path)
			}
			return nil
		})
		if len(names) > 0 {
			return names
		}
	}
	return []string{"UTC", "Europe/London", "Europe/Berlin", "Europe/Paris", "America/New_York", "America/Chicago",
		"America/Denver", "America/Los_Angeles", "America/Sao_Paulo", "Asia/Tokyo", "Asia/Shanghai", "Asia/Kolkata", "Australia/Sydney"}
})

func checkUser(k *kind, r *report, n *node) {
	checkText(k, r, n)
	if !n.is(kindString) || n.text == "" || strings.ContainsRune(n.text, 0) {
		return
	}
	if _, err := LookupUser(n.text); err != nil {
		r.errorAt(n, fmt.Sprintf("unknown user %q", n.text), didYouMean(n.text, accounts("/etc/passwd")))
	}
}

func checkGroup(k *kind, r *report, n *node) {
	checkText(k, r, n)
	if !n.is(kindString) || n.text == "" || strings.ContainsRune(n.text, 0) {
		return
	}
	if _, err := LookupGroup(n.text); err != nil {
		r.errorAt(n, fmt.Sprintf("unknown group %q", n.text), didYouMean(n.text, accounts("/etc/group")))
	}
}

// LookupUser is a user by name, or by number where the text is nothing but digits. Containers have users without an
// account: such a number is a user whose name, home and group are empty.
func LookupUser(text string) (*user.User, error) {
	found, err := user.Lookup(text)
	if err == nil || !digits(text) {
		return found, err
	}
	number, problem := strconv.ParseUint(text, 10, 31)
	if problem != nil {
		return nil, err
	}
	if found, err := user.LookupId(strconv.FormatUint(number, 10)); err == nil {
		return found, nil
	}
	return &user.User{Uid: strconv.FormatUint(number, 10)}, nil
}

// LookupGroup is a group's id, by name or by number, which no entry need have.
func LookupGroup(text string) (string, error) {
	found, err := user.LookupGroup(text)
	if err == nil {
		return found.Gid, nil
	}
	if digits(text) {
		if number, err := strconv.ParseUint(text, 10, 31); err == nil {
			return strconv.FormatUint(number, 10), nil
		}
	}
	return "", err
}

func digits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// accounts are the names of a file such as /etc/passwd.
func accounts(file string) []string {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	var names []string
	for line := range strings.Lines(string(data)) {
		if name, _, ok := strings.Cut(line, ":"); ok && name != "" && name[0] != '#' && name[0] != '+' && name[0] != '-' {
			names = append(names, name)
		}
	}
	return names
}
