package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// stable is how long a process of the daemon must have lived to be started again at once, where restarts are measured.
const stable = 100 * time.Millisecond

// phorever is the daemon during one lifetime, and the command line beside it.
type phorever struct {
	ctx       context.Context
	binary    string
	directory string
	processes []map[string]any
	notify    []map[string]any
	pids      []int // of the daemon and of its keeper, if it has one; first the one that was started
}

// status is what is read of `status --json`.
type status struct {
	Daemon struct {
		Pid       int  `json:"pid"`
		KeeperPid *int `json:"keeper_pid"`
	} `json:"daemon"`
	Processes []struct {
		ID        string    `json:"id"`
		State     string    `json:"state"`
		Pid       int       `json:"pid"`
		StartedAt time.Time `json:"started_at"`
		Stdout    string    `json:"stdout_file"`
		Logged    int64     `json:"logged_lines"`
		Dropped   int64     `json:"dropped_lines"`
	} `json:"processes"`
}

// newPhorever runs a daemon that knows the processes and has started none of them.
func newPhorever(ctx context.Context, binary, directory string, processes ...map[string]any) (*phorever, error) {
	parked := map[string]any{"name": "parked", "roles": []string{"parked"}, "up": []string{"sleep", "1"}, "clones": 0}
	p := &phorever{ctx: ctx, binary: binary, directory: directory, processes: append(processes, parked)}
	if err := p.configure(); err != nil {
		return nil, err
	}
	if _, _, err := p.run("start", "--daemon", "parked"); err != nil {
		return nil, err
	}
	s, err := p.status()
	if err != nil {
		return nil, err
	}
	p.pids = []int{s.Daemon.Pid}
	if keeper := s.Daemon.KeeperPid; keeper != nil {
		p.pids = []int{*keeper, s.Daemon.Pid}
	}
	return p, nil
}

func (p *phorever) configure() error {
	text, err := json.Marshal(map[string]any{"processes": p.processes, "notify": p.notify})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(p.directory, "phorever.json"), text, 0o600)
}

// tell has it tell its news to somebody.
func (p *phorever) tell(subscribers ...map[string]any) error {
	p.notify = subscribers
	if err := p.configure(); err != nil {
		return err
	}
	_, _, err := p.run("reload")
	return err
}

// run executes one command and says how long that took, and what it printed.
func (p *phorever) run(arguments ...string) (time.Duration, []byte, error) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	command := exec.CommandContext(ctx, p.binary, arguments...)
	var out, problem bytes.Buffer
	command.Dir, command.Env, command.Stdout, command.Stderr = p.directory, environment(p.directory), &out, &problem
	begin := time.Now()
	err := command.Run()
	took := time.Since(begin)
	if err != nil {
		said := problem.Bytes()
		return took, out.Bytes(), fmt.Errorf("phorever %s: %w: %.300s", arguments[0], err, bytes.TrimSpace(said))
	}
	return took, out.Bytes(), nil
}

// environment is that of every phorever: nothing of the user's own is read or written.
func environment(directory string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "NO_COLOR=1", "HOME=" + directory, "TMPDIR=" + directory,
		"XDG_RUNTIME_DIR=" + directory, "XDG_STATE_HOME=" + directory, "XDG_CONFIG_HOME=" + directory,
	}
}

func (p *phorever) status() (status, error) {
	var s status
	_, text, err := p.run("status", "--json")
	if err != nil && len(text) == 0 { // exit code 4 only says that not everything is well
		return s, err
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("phorever status --json: %w", err)
	}
	return s, nil
}

// start orders the role "work". What is timed begins before the command that orders it is executed, and ends with the last
// started_at of the status.
func (p *phorever) start() (time.Duration, error) {
	begin := time.Now()
	if _, _, err := p.run("start", "work"); err != nil {
		return 0, err
	}
	s, err := p.status()
	if err != nil {
		return 0, err
	}
	last := begin
	for _, process := range s.Processes {
		if process.Pid == 0 {
			return 0, fmt.Errorf("%s has no pid after a start, it is %s", process.ID, process.State)
		}
		if process.StartedAt.After(last) {
			last = process.StartedAt
		}
	}
	return last.Sub(begin), nil
}

// stop ends everything, and says how long it took until the daemon was gone. What was started is a child of this program.
func (p *phorever) stop() (time.Duration, error) {
	begin := time.Now()
	gone := make(chan time.Time, 1)
	go func() {
		reap(p.pids[0])
		gone <- time.Now()
	}()
	_, _, err := p.run("stop")
	returned := time.Now()
	if err != nil {
		return 0, err // the daemon is reaped when it has been swept up
	}
	select {
	case at := <-gone:
		if at.Before(returned) {
			at = returned
		}
		p.pids = nil
		return at.Sub(begin), nil
	case <-time.After(patience):
		return 0, fmt.Errorf("the daemon is still there %s after a stop", patience)
	}
}

func (p *phorever) end() {
	if p.pids != nil {
		_, _ = p.stop()
	}
}
