package main

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// leaveNothingRunning ends the daemons of a script, each by its own pid and politely, and fails the script when anything
// that belongs to it is still there after that. What is left is killed, so that it disturbs no other script.
func leaveNothingRunning(env *testscript.Env) {
	asked := map[int]bool{}
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		daemons := 0
		for _, p := range belongings(env.WorkDir) {
			if p.name == "phorever" {
				daemons++
				// A second TERM would cut its waits short; and one that hits a daemon before it can listen ends that alone.
				if !asked[p.pid] && !strings.Contains(p.commandLine(), " --kept-fd=") {
					asked[p.pid] = true
					_ = syscall.Kill(p.pid, syscall.SIGTERM)
				}
			}
		}
		if daemons == 0 {
			break
		}
	}
	left := belongings(env.WorkDir)
	for end := time.Now().Add(2 * time.Second); len(left) > 0 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		left = belongings(env.WorkDir) // what the script has just killed takes a moment to die
	}
	for _, p := range left {
		env.T().Log("left running: " + strconv.Itoa(p.pid) + " " + p.commandLine())
		_ = syscall.Kill(p.pid, syscall.SIGKILL)
	}
	if len(left) > 0 {
		env.T().Fatal("a script must leave no process behind")
	}
}

// keyed is a pattern of the files of a configuration's daemon: they are named after a hash of its path.
func keyed(configuration string) string {
	sum := sha256.Sum256([]byte(configuration))
	return "*-" + hex.EncodeToString(sum[:6])
}

// leaveNoFiles removes what the daemons of a script leave outside its directory when they run as root: their locks in the
// runtime directory and their state. Both are named after a hash of the configuration's path.
func leaveNoFiles(workDir string) {
	directories := []string{workDir}
	_ = filepath.WalkDir(workDir, func(name string, entry fs.DirEntry, err error) error {
		if info, statErr := os.Stat(name); err == nil && statErr == nil && info.IsDir() {
			directories = append(directories, name) // one behind a symlink, too
		}
		return nil
	})
	for _, directory := range directories {
		configurations, _ := filepath.Glob(filepath.Join(directory, "*.json"))
		for _, configuration := range append(configurations, filepath.Join(directory, "phorever.json")) {
			for _, place := range []string{"/run/phorever", "/var/lib/phorever", "/dev/shm/phorever-" + strconv.Itoa(os.Getuid())} {
				left, _ := filepath.Glob(filepath.Join(place, keyed(configuration)+"*"))
				for _, name := range left {
					os.RemoveAll(name)
				}
			}
		}
	}
}

// belonging is a process that a script's work directory has left its mark on.
type belonging struct {
	pid  int
	name string
}

// belongings are the living processes whose environment or working directory is the script's. Where there is no /proc
// there are none to be seen.
func belongings(workDir string) []belonging {
	entries, _ := os.ReadDir("/proc")
	var found []belonging
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		directory, _ := os.Readlink(proc(pid, "cwd"))
		environment, _ := os.ReadFile(proc(pid, "environ"))
		marked := strings.Contains("\x00"+string(environment), "\x00WORK="+workDir+"\x00")
		if (marked || directory == workDir || strings.HasPrefix(directory, workDir+"/")) && lives(pid) {
			name, _ := os.ReadFile(proc(pid, "comm"))
			found = append(found, belonging{pid, strings.TrimSpace(string(name))})
		}
	}
	return found
}

func (b belonging) commandLine() string {
	line, _ := os.ReadFile(proc(b.pid, "cmdline"))
	return strings.ReplaceAll(strings.TrimRight(string(line), "\x00"), "\x00", " ")
}

// lives tells whether a process exists and is more than an exit code that waits for its parent.
func lives(pid int) bool {
	if syscall.Kill(pid, 0) == syscall.ESRCH {
		return false
	}
	stat, err := os.ReadFile(proc(pid, "stat"))
	if err != nil {
		_, noProc := os.Stat("/proc/self")
		return noProc != nil
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

func proc(pid int, file string) string { return filepath.Join("/proc", strconv.Itoa(pid), file) }
