package daemon

import (
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"github.com/dcousineau/phorever/cmd/internal/control"
	"github.com/dcousineau/phorever/spec"
)

// stateDirectory is where what outlives the daemon is kept.
func stateDirectory(config *spec.Config, place control.Place) string {
	if config.StateDirectory != "" {
		return config.StateDirectory
	}
	if os.Getuid() == 0 {
		return filepath.Join("/var/lib/phorever", place.Key)
	}
	if state := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "phorever", place.Key)
	}
	if home, err := os.UserHomeDir(); err == nil && filepath.IsAbs(home) {
		if info, err := os.Stat(home); err == nil && info.IsDir() {
			return filepath.Join(home, ".local", "state", "phorever", place.Key)
		}
	}
	return filepath.Join(config.Directory, ".phorever")
}

// keepCrashes has the runtime write what it says at a crash of ours into a file, beside the terminal.
func (d *Daemon) keepCrashes(config *spec.Config) error {
	directory := stateDirectory(config, d.place)
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(directory, "crash.log"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer file.Close() // the runtime keeps a descriptor of its own
	return debug.SetCrashOutput(file, debug.CrashOptions{})
}

// self is the path by which we can be executed, also when the file was replaced or removed since.
func self() string {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe"
	}
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}
