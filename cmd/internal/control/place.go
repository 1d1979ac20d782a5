package control

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

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
// a daemon is found wherever `current` points.
func Locate(config string) Place {
	directory := runtimeDirectory()
	sum := sha256.Sum256([]byte(config))
	slug := spec.MachineName(filepath.Base(filepath.Dir(config)))
	key := strings.Trim(slug[:min(len(slug), 24)], "_.") + "-" + hex.EncodeToString(sum[:6])
	return Place{
		Config: config, Key: key, Directory: directory,
		Lock: filepath.Join(directory, key+".lock"), Socket: filepath.Join(directory, key+".sock"),
	}
}

func runtimeDirectory() string {
	uid := os.Getuid()
	if uid == 0 {
		return "/run/phorever"
	}
	if xdg := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(xdg) {
		// su keeps the variable: it may still be the directory of another user.
		if info, err := os.Stat(xdg); err == nil && info.IsDir() && ownedBy(info, uid) {
			return filepath.Join(xdg, "phorever")
		}
	}
	return filepath.Join("/tmp", "phorever-"+strconv.Itoa(uid))
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
	if err := os.Mkdir(p.Directory, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(p.Directory)
	if err != nil {
		return err
	}
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s: is not a directory", p.Directory)
	case !ownedBy(info, os.Getuid()):
		return fmt.Errorf("%s: belongs to another user: somebody else has put it there", p.Directory)
	case info.Mode().Perm() != 0o700:
		return os.Chmod(p.Directory, 0o700)
	}
	return nil
}

// ErrNoConfig is returned by FindConfig when there is none to be found.
var ErrNoConfig = errors.New("no " + FileName + " here or in a parent directory")

// FindConfig is the absolute path of the configuration as the user means it: the one named, else $PHOREVER_CONFIG, else
// the nearest phorever.json in the working directory or a parent of it. Symlinks stay as they are.
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
	for directory := here; ; directory = filepath.Dir(directory) {
		path := filepath.Join(directory, FileName)
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return path, nil
		}
		if directory == filepath.Dir(directory) {
			return "", ErrNoConfig
		}
	}
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
