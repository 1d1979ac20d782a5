package actors

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
	"unique"

	"github.com/dcousineau/phorever/actors/internal/child"
	"github.com/dcousineau/phorever/spec"
)

// lines counts what a clone has written, over all its runs.
type lines = *child.Lines

// launchSlot is where a clone publishes the plan of its next run for the goroutine that makes the runActor.
type launchSlot = atomic.Pointer[runPlan]

// logNames are the paths of a clone's output as its latest start found them.
type logNames struct{ stdout, stderr string }

// planOf is how to start one clone. What it captures is immutable. Files, users and variables are looked up when the
// start happens, so that a moved symlink, a new env_file or a new group membership is followed.
func planOf(h *house, config *spec.Config, process *spec.Process, number int, role string, names *atomic.Pointer[logNames]) child.Plan {
	return child.Plan{
		Leftover: min(process.Stop.Timeout, max(process.Restart.After, time.Second)),
		Alone:    process.Daemonizes != nil && process.Daemonizes.Pidfile == "",
		Prepare: func(id child.RunID) (child.Launch, error) {
			launch, err := prepare(h, config, process, number, role, id.Run)
			if launch.Stdout != nil {
				names.Store(&logNames{launch.Stdout.Path, launch.Stderr.Path})
			}
			return launch, err
		},
	}
}

func prepare(h *house, config *spec.Config, process *spec.Process, number int, role string, run int) (child.Launch, error) {
	who, err := lookUp(process)
	if err != nil {
		return child.Launch{}, err
	}
	environ, err := environOf(h, config, process, number, role, run, who)
	if err != nil {
		return child.Launch{}, err
	}
	expansion := expansionOf(process, number, role, environ)
	directory, err := expansion.Expand(process.Directory)
	if err != nil {
		return child.Launch{}, fmt.Errorf("directory: %w", err)
	}
	up, err := process.Up.Expand(expansion)
	if err != nil {
		return child.Launch{}, fmt.Errorf("up: %w", err)
	}
	argv, _ := up.Program()
	var daemonizes *child.Daemonizes
	if d := process.Daemonizes; d != nil {
		pidfile, err := expansion.Expand(d.Pidfile)
		if err != nil {
			return child.Launch{}, fmt.Errorf("daemonizes.pidfile: %w", err)
		}
		daemonizes = &child.Daemonizes{Pidfile: pidfile, Within: d.Within}
	}
	environ = lastWins(append(environ, "PWD="+directory)) // the expansion is of no use any more: this is in its place
	path, err := child.LookPath(argv[0], directory, environ)
	if err != nil {
		return child.Launch{}, err
	}
	launch := child.Launch{Command: child.Command{
		Path: path, Argv: argv, Env: environ, Dir: directory, Stdin: -1, Stdout: -1, Stderr: -1,
		Umask: process.Umask, Nice: process.Nice, ShimPath: h.self,
		Shim: child.Shim{OOMScoreAdj: process.OOMScore, NoNewPrivs: process.NoNewPrivs},
	}, Daemonizes: daemonizes}
	if who != nil && !alreadyIs(who) {
		launch.Command.Credential = &who.credential
	}
	for _, limit := range process.Limits {
		launch.Command.Shim.Limits = append(launch.Command.Shim.Limits, child.Limit{Resource: limit.Resource, Value: limit.Value})
	}
	if c := process.Cgroup; c != nil {
		launch.Cgroup = &child.Cgroup{MemoryMax: c.MemoryMax, CPUMax: c.CPUMax}
	}
	if process.Log.Forward {
		stdout, stderr, err := logFiles(config, process, number, role, environ)
		if err != nil {
			return child.Launch{}, err
		}
		launch.Stdout, launch.Stderr = logOptions(stdout, process), logOptions(stderr, process)
	}
	return launch, nil
}

func logOptions(path string, process *spec.Process) *child.LogFile {
	path = unique.Make(path).Value() // clones that share a file share its name
	file := &child.LogFile{Path: path, MaxLine: process.Log.MaxLine, OnFull: child.Drop, Rotate: rotationOf(process.Log.Rotate)}
	file.Form = child.LogForm{JSON: process.Log.Format == spec.FormatJSON, Timestamps: process.Log.Timestamps, Prefix: process.Log.Prefix}
	file.Forward = process.Log.Targets
	if process.Log.OnFull == spec.OnFullBlock {
		file.OnFull = child.Block
	}
	return file
}

func rotationOf(r spec.Rotate) child.Rotation {
	return child.Rotation{Size: r.Size, Age: r.Age, Keep: r.Keep, Compress: child.Compression(r.Compress)}
}

// logFiles are the paths of one clone's output.
func logFiles(config *spec.Config, process *spec.Process, number int, role string, environ []string) (stdout, stderr string, err error) {
	expansion := expansionOf(process, number, role, environ)
	if stdout, err = expansion.Expand(process.Log.Stdout); err != nil {
		return "", "", fmt.Errorf("stdout_file: %w", err)
	}
	if stderr, err = expansion.Expand(process.Log.Stderr); err != nil {
		return "", "", fmt.Errorf("stderr_file: %w", err)
	}
	return inDirectory(config.Logging.Directory, stdout), inDirectory(config.Logging.Directory, stderr), nil
}

// LogFiles are the paths of one clone's output as far as the configuration alone tells, for when nothing runs. They are
// empty for a process whose output is discarded.
func LogFiles(config *spec.Config, process *spec.Process, number int) (stdout, stderr string, err error) {
	if !process.Log.Forward {
		return "", "", nil
	}
	environ := os.Environ()
	for key, value := range config.Env.Values {
		if !slices.Contains(process.Env.Removed, key) {
			environ = append(environ, key+"="+value)
		}
	}
	for key, value := range process.Env.Values {
		environ = append(environ, key+"="+value)
	}
	role := ""
	if len(process.Roles) > 0 {
		role = process.Roles[0]
	}
	return logFiles(config, process, number, role, environ)
}

func inDirectory(directory, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(directory, path)
}

func sortedKeys[V any](values map[string]V) []string {
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// account is the user that a process runs as.
type account struct {
	name, home string
	credential child.Credential
}

// alreadyIs tells whether an ordinary daemon runs as that user: it could not change anything, and need not.
func alreadyIs(who *account) bool {
	return os.Geteuid() != 0 && int(who.credential.Uid) == os.Geteuid() && int(who.credential.Gid) == os.Getegid()
}

// lookUp finds the user and group of a process, nil when it keeps ours.
func lookUp(process *spec.Process) (*account, error) {
	if process.User == "" && process.Group == "" {
		return nil, nil
	}
	name := process.User
	if name == "" {
		name = strconv.Itoa(os.Getuid())
	}
	owner, err := spec.LookupUser(name)
	if err != nil {
		return nil, fmt.Errorf("user %s: %w", name, err)
	}
	gid := owner.Gid
	if process.Group != "" {
		if gid, err = spec.LookupGroup(process.Group); err != nil {
			return nil, fmt.Errorf("group %s: %w", process.Group, err)
		}
	}
	if gid == "" {
		return nil, fmt.Errorf("user %s has no account, and so no group: give the group too", name)
	}
	if owner.Username == "" { // without an account it is in no other groups
		owner.Username, owner.HomeDir = owner.Uid, "/"
		return accountOf(owner, gid, nil)
	}
	groups, err := owner.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("groups of %s: %w", owner.Username, err)
	}
	return accountOf(owner, gid, groups)
}

func accountOf(owner *user.User, gid string, groups []string) (*account, error) {
	who := &account{name: owner.Username, home: owner.HomeDir}
	for _, id := range append([]string{owner.Uid, gid}, groups...) {
		n, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: id %q is no number", owner.Username, id)
		}
		who.credential.Groups = append(who.credential.Groups, uint32(n))
	}
	who.credential.Uid, who.credential.Gid = who.credential.Groups[0], who.credential.Groups[1]
	who.credential.Groups = who.credential.Groups[2:]
	return who, nil
}
