package control

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/spec"
)

// FileName is what a configuration is called when nobody names it.
const FileName = "phorever.json"

// Place is where the daemon of one configuration is found, without reading the configuration.
type Place struct {
	Config    string // absolute, as named
	Key       string // of the configuration: readable, and unique by a hash
	Directory string // the runtime directory
	Lock      string // held by the daemon, with its pid in it
	Socket    string
}

// Locate is the place of the daemon of a configuration, by the absolute path as named: symlinks are not followed, so that
// a daemon is found wherever `current` points. One that was started with another environment (by cron, say, without
// XDG_RUNTIME_DIR) is found where it is.
func Locate(config string) Place {
	directories := runtimeDirectories()
	for _, directory := range directories[1:] {
		if p := placeUnder(directory, config); ours(directory) {
			if _, held := holder(p.Lock); held {
				return p
			}
		}
	}
	return placeUnder(directories[0], config)
}

func placeUnder(directory, config string) Place {
	sum := sha256.Sum256([]byte(config))
	slug := spec.MachineName(filepath.Base(filepath.Dir(config)))
	key := strings.Trim(slug[:min(len(slug), 24)], "_.") + "-" + hex.EncodeToString(sum[:6])
	return Place{
		Config: config, Key: key, Directory: directory,
		Lock: filepath.Join(directory, key+".lock"), Socket: filepath.Join(directory, key+".sock"),
	}
}

// runtimeDirectories are where a daemon of ours may be: first the one that belongs to our environment.
func runtimeDirectories() []string {
	uid := os.Getuid()
	if uid == 0 {
		return []string{"/run/phorever"}
	}
	login, temporary := filepath.Join("/run/user", strconv.Itoa(uid), "phorever"), filepath.Join("/tmp", "phorever-"+strconv.Itoa(uid))
	// su keeps the variable: it may still be the directory of another user.
	if xdg := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(xdg) && ours(xdg) {
		return []string{filepath.Join(xdg, "phorever"), login, temporary}
	}
	return []string{temporary, login}
}

// ours tells whether a directory is there and belongs to us.
func ours(directory string) bool {
	info, err := os.Lstat(directory)
	return err == nil && info.IsDir() && ownedBy(info, os.Getuid())
}

func ownedBy(info fs.FileInfo, uid int) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(owner.Uid) == uid
}

// Prepare makes the runtime directory, 0700, and refuses one that is not ours.
func (p Place) Prepare() error {
	if err := os.MkdirAll(filepath.Dir(p.Directory), 0o755); err != nil {
		return err
	}
	return OwnDirectory(p.Directory)
}

// OwnDirectory makes a directory for us alone, 0700, or sees to it that the one that is there is; it refuses one that is not
// ours. Its parent must be there.
func OwnDirectory(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s: is not a directory", path)
	case !ownedBy(info, os.Getuid()):
		return fmt.Errorf("%s: belongs to another user: somebody else has put it there", path)
	case info.Mode().Perm() != 0o700:
		return os.Chmod(path, 0o700)
	}
	return nil
}

// ErrNoConfig is returned by FindConfig when there is none to be found.
var ErrNoConfig = errors.New("no " + FileName + " here or in a parent directory")

// FindConfig is the absolute path of the configuration as the user means it: the one named, else $PHOREVER_CONFIG, else
// the nearest phorever.json in the working directory or a parent of it, else the nearest that a daemon was started with and
// that is gone since. Symlinks stay as they are.
func FindConfig(named string) (string, error) {
	if named == "" {
		named = os.Getenv("PHOREVER_CONFIG")
	}
	if filepath.IsAbs(named) { // wherever we are, be it in a directory that is gone
		return filepath.Clean(named), nil
	}
	here, err := workingDirectory()
	if err != nil {
		return "", err
	}
	if named != "" {
		return filepath.Join(here, named), nil
	}
	exists := func(path string) bool {
		info, err := os.Stat(path)
		return err == nil && !info.IsDir()
	}
	served := func(path string) bool { // the file is gone, its daemon is not
		_, held := holder(Locate(path).Lock)
		return held
	}
	for _, meant := range []func(string) bool{exists, served} {
		for directory := here; ; directory = filepath.Dir(directory) {
			if path := filepath.Join(directory, FileName); meant(path) {
				return path, nil
			}
			if directory == filepath.Dir(directory) {
				break
			}
		}
	}
	return "", ErrNoConfig
}

// workingDirectory is the logical one: $PWD, when that is where we are.
func workingDirectory() (string, error) {
	real, err := os.Stat(".")
	if err != nil {
		return "", fmt.Errorf("the working directory is gone: %w", err)
	}
	if logical := os.Getenv("PWD"); filepath.IsAbs(logical) {
		if info, err := os.Stat(logical); err == nil && os.SameFile(info, real) {
			return filepath.Clean(logical), nil
		}
	}
	here, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("the working directory is gone: %w", err)
	}
	return here, nil
}

// holder is the pid that stands in a lock file, when somebody holds it.
func holder(lock string) (pid int, held bool) {
	file, err := os.OpenFile(lock, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return 0, false
	}
	defer file.Close()
	for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	}
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return 0, false
	}
	content, _ := io.ReadAll(io.LimitReader(file, 32))
	pid, _ = strconv.Atoi(strings.TrimSpace(string(content)))
	return pid, true
}
