package spec

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// effectiveUser is a variable so that tests can be anyone.
var effectiveUser = os.Geteuid

// permissions refuses, as root, files that others could have written: whoever writes the configuration runs commands
// as root.
func (l *loader) permissions(processes []written) {
	for _, f := range l.files {
		if f.tree == nil {
			continue
		}
		at := f.tree.opening()
		chain, owner, problem := inspect(f.path)
		if problem != "" {
			l.report.error(at, "", "not safe to run as root: "+strings.Join(append(chain, problem), ": "),
				"take the right to write away (chmod go-w, chown root), or start with --allow-unsafe")
			continue
		}
		if owner == 0 {
			continue
		}
		for _, p := range processes {
			// The main file decides about every process, an included one about its own.
			if f.order != 0 && p.file.source != f.source {
				continue
			}
			if problem := foreign(p, owner); problem != "" {
				l.report.error(at, "", fmt.Sprintf("not safe to run as root: %s belongs to %s, and %s", f.shown, userName(owner), problem),
					fmt.Sprintf("chown root, or give its processes \"user\": %q, or start with --allow-unsafe", userName(owner)))
				break
			}
		}
	}
}

// foreign says why a process is more than the owner of its file may start; "" when it is not.
func foreign(p written, owner int) string {
	name := p.Name
	if name == "" {
		name = p.own.path()
	}
	found, err := LookupUser(p.User)
	if p.User == "" || err != nil || found.Uid != strconv.Itoa(owner) {
		return fmt.Sprintf("%q would run as %s", name, orElse(p.User, "root"))
	}
	if p.Group == "" {
		return ""
	}
	gid, err := LookupGroup(p.Group)
	if err != nil {
		return ""
	}
	groups, _ := found.GroupIds()
	if gid != found.Gid && !slices.Contains(groups, gid) {
		return fmt.Sprintf("%q would run in the group %s, to which that user does not belong", name, p.Group)
	}
	return ""
}

func userName(id int) string {
	if found, err := user.LookupId(strconv.Itoa(id)); err == nil {
		return found.Username
	}
	return strconv.Itoa(id)
}

// inspect walks from the root to a file as named, through symlinks, and finds whether anyone but root and the file's
// owner could put another file there. chain is how it came to what the problem is about.
func inspect(path string) (chain []string, owner int, problem string) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, path + ": " + reason(err)
	}
	owner = int(info.Sys().(*syscall.Stat_t).Uid)
	w := &walk{owner: owner}
	problem = w.to(path)
	return w.chain, owner, problem
}

type walk struct {
	owner int
	chain []string // the symlinks that were followed
}

var errTooManyLinks = errors.New("too many symlinks")

// to checks each directory on the way to path, and path itself.
func (w *walk) to(path string) string {
	if len(w.chain) > 40 {
		return errTooManyLinks.Error()
	}
	directory := "/"
	rest := strings.Split(strings.Trim(filepath.Clean(path), "/"), "/")
	for i, name := range rest {
		entry := filepath.Join(directory, name)
		info, err := os.Lstat(entry)
		if err != nil {
			return entry + ": " + reason(err)
		}
		if problem := w.directory(directory, info); problem != "" {
			return problem
		}
		if info.Mode()&os.ModeSymlink != 0 {
			target, err := os.Readlink(entry)
			if err != nil {
				return entry + ": " + reason(err)
			}
			w.chain = append(w.chain, entry+" -> "+target)
			if !filepath.IsAbs(target) {
				target = filepath.Join(directory, target)
			}
			return w.to(filepath.Join(append([]string{target}, rest[i+1:]...)...))
		}
		directory = entry
	}
	info, err := os.Lstat(directory)
	if err != nil {
		return directory + ": " + reason(err)
	}
	if info.Mode().Perm()&0o022 != 0 && !info.IsDir() {
		return directory + " can be written by others (mode " + modeText(info) + ")"
	}
	return ""
}

// directory says who could replace the entry in it; "" when only root and the owner of the file could.
func (w *walk) directory(path string, entry os.FileInfo) string {
	info, err := os.Stat(path)
	if err != nil {
		return path + ": " + reason(err)
	}
	if id := int(info.Sys().(*syscall.Stat_t).Uid); !w.trusts(id) {
		return fmt.Sprintf("the directory %s belongs to %s", path, userName(id))
	}
	if info.Mode().Perm()&0o022 == 0 {
		return ""
	}
	// In a sticky directory only the owners of the directory and of the entry can replace it.
	if info.Mode()&os.ModeSticky != 0 {
		id := int(entry.Sys().(*syscall.Stat_t).Uid)
		if w.trusts(id) {
			return ""
		}
		return fmt.Sprintf("%s belongs to %s, in a directory that others can write (mode %s)", filepath.Join(path, entry.Name()), userName(id), modeText(info))
	}
	return fmt.Sprintf("the directory %s can be written by others (mode %s)", path, modeText(info))
}

func (w *walk) trusts(id int) bool { return id == 0 || id == w.owner }

// modeText is a mode as chmod takes it.
func modeText(info os.FileInfo) string {
	mode := uint32(info.Mode().Perm())
	if info.Mode()&os.ModeSticky != 0 {
		mode |= 0o1000
	}
	return fmt.Sprintf("%04o", mode)
}
