package osproc

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// LookPath finds a program as a shell in the child's directory with the child's environment would: a name with a slash
// is a path from there, any other is looked for in its PATH.
func LookPath(file, dir string, env []string) (string, error) {
	if strings.Contains(file, "/") {
		path := file
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		if err := executable(path); err != nil {
			if absent := noDirectory(dir); absent != nil && path != file {
				return "", fmt.Errorf("%s: directory %s: %w", file, dir, absent)
			}
			return "", fmt.Errorf("%s: %w", file, err)
		}
		return path, nil
	}
	path := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" // where there is no PATH at all
	for _, pair := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(pair, "PATH="); ok {
			path = value
			break
		}
	}
	refused := error(nil)
	for _, directory := range filepath.SplitList(path) {
		if !filepath.IsAbs(directory) {
			directory = filepath.Join(dir, directory)
		}
		candidate := filepath.Join(directory, file)
		switch err := executable(candidate); {
		case err == nil:
			return candidate, nil
		case !errors.Is(err, fs.ErrNotExist):
			refused = fmt.Errorf("%s: %w", candidate, err)
		}
	}
	if refused != nil {
		return "", refused
	}
	return "", fmt.Errorf("%s: not found in PATH", file)
}

// executable tells what keeps a path from being a program. Whether we may really execute it is the kernel's to say.
func executable(path string) error {
	var info unix.Stat_t
	err := interrupted(func() error { return unix.Stat(path, &info) })
	switch {
	case err == unix.ENOENT:
		return errAbsent
	case err != nil:
		return err
	case info.Mode&unix.S_IFMT == unix.S_IFDIR:
		return errors.New("is a directory")
	case info.Mode&0o111 == 0:
		return errors.New("is not executable (chmod +x)")
	}
	return nil
}

var errAbsent = fmt.Errorf("no such file or directory%w", quiet{fs.ErrNotExist})

// quiet is an error that errors.Is finds and nobody reads.
type quiet struct{ error }

func (quiet) Error() string   { return "" }
func (q quiet) Unwrap() error { return q.error }

// unwrapped is the reason without the operation and path that the caller names better.
func unwrapped(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
