package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/cmd/internal/control"
	"github.com/dcousineau/phorever/spec"
)

// TryWord is the word by which a binary is asked whether it could go on with our state.
const TryWord = "try-state"

// tryWithin is how long it may take to answer.
const tryWithin = 10 * time.Second

// breath is how long after the answer to whoever asked for an upgrade it begins.
const breath = 20 * time.Millisecond

// heldUpgrade is the text that the daemon before an upgrade leaves to the one after it: its version.
const heldUpgrade = "upgrading"

// Upgrade has the binary on disk take our place, after it has shown that it runs and can read our state. Until then nothing
// is given up.
func (d *Daemon) Upgrade() (control.UpgradeReply, error) {
	reply := control.UpgradeReply{Pid: os.Getpid(), From: d.options.Version, Program: d.options.Program}
	if d.kept == nil {
		return reply, &control.Refusal{Message: "an upgrade needs a keeper, which this system does not allow"}
	}
	if d.stopping.Load() {
		return reply, &control.Refusal{Message: "the daemon is stopping"}
	}
	version, err := d.try(reply.Program)
	if err != nil {
		return reply, &control.Refusal{
			Message: fmt.Sprintf("%s: %v", reply.Program, err), Hint: "nothing was changed: the daemon goes on as it was",
		}
	}
	reply.To = version
	time.AfterFunc(breath, func() {
		d.kept.link.Remember(heldUpgrade, d.options.Version)
		select {
		case d.handover <- handover{program: reply.Program}:
		default: // one is under way
		}
	})
	return reply, nil
}

func (d *Daemon) upgradeBySignal() {
	reply, err := d.Upgrade()
	if err != nil {
		d.log.Errorf("upgrade: %v", err)
		return
	}
	d.log.Infof("upgrade: %s becomes %s", reply.From, reply.To)
}

// tried is the answer of a binary to TryWord.
type tried struct {
	Version string `json:"version"`
	Problem string `json:"problem,omitempty"`
}

// try has a binary read a copy of our state.
func (d *Daemon) try(program string) (version string, err error) {
	directory, err := os.MkdirTemp("", "phorever-try-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(directory) }()
	if err := d.state.CopyTo(directory); err != nil {
		return "", fmt.Errorf("copy of the state: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), tryWithin)
	defer cancel()
	command := exec.CommandContext(ctx, program, TryWord, directory, d.options.Config)
	var out, complaint bytes.Buffer
	command.Stdout, command.Stderr, command.Dir = &out, &complaint, "/"
	command.WaitDelay = time.Second
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return "", fmt.Errorf("it did not answer within %s", tryWithin)
		}
		said, _, _ := strings.Cut(strings.TrimSpace(complaint.String()), "\n")
		if said != "" {
			said = ": " + said
		}
		return "", fmt.Errorf("it cannot take over (%w)%s", err, said)
	}
	var answer tried
	if json.Unmarshal(out.Bytes(), &answer) != nil || answer.Version == "" {
		return "", errors.New("it does not know how to take over: it is no phorever, or one of another kind")
	}
	if answer.Problem != "" {
		return "", errors.New(answer.Problem)
	}
	return answer.Version, nil
}

// Try answers whether this binary could go on with a copy of a daemon's state.
func Try(arguments []string, version string) (answer []byte, code int) {
	reply := tried{Version: version}
	if len(arguments) != 2 {
		return nil, 2
	}
	if err := tryState(arguments[0], arguments[1]); err != nil {
		reply.Problem = err.Error()
	}
	answer, err := json.Marshal(reply)
	if err != nil {
		return nil, 1
	}
	return append(answer, '\n'), 0
}

func tryState(directory, config string) error {
	state, err := actors.OpenState([]string{directory})
	if err != nil {
		return err
	}
	defer state.Flush()
	if len(state.Found.Ignored) > 0 {
		return fmt.Errorf("it cannot read the state: %s", state.Found.Ignored[0])
	}
	var saved savedConfig
	if err := json.Unmarshal(state.Found.Values[keyConfig], &saved); err != nil || len(saved.Sources) == 0 {
		return errors.New("it finds no configuration in the state")
	}
	options := spec.LoadOptions{AllowUnsafe: true, WorkingDirectory: filepath.Dir(config), Sources: saved.Sources}
	if loaded, problems := spec.Load(config, options); loaded == nil || problems.HasErrors() {
		first := "no configuration"
		if errs := problems.Errors(); len(errs) > 0 {
			first = errs[0].String()
		}
		return fmt.Errorf("it does not accept the configuration that is in force: %s", first)
	}
	return nil
}

// upgrade is how the upgrade goes that the daemon before us has begun; nil if it has not.
func (k *kept) upgrade() *control.UpgradeOutcome {
	if k == nil {
		return nil
	}
	from, ok := k.inheritance.Texts[heldUpgrade]
	if !ok {
		return nil
	}
	return &control.UpgradeOutcome{From: from, Problem: k.inheritance.Why} // there is one when the keeper has gone back to the binary before
}

// outcome is how it went until now.
func (d *Daemon) outcome() *control.UpgradeOutcome {
	if d.upgrade == nil {
		return nil
	}
	now := *d.upgrade
	d.kept.mu.Lock()
	defer d.kept.mu.Unlock()
	now.Followed = d.kept.renewed
	return &now
}

// upgraded finishes an upgrade that the daemon before us has begun: the keeper follows.
func (d *Daemon) upgraded() {
	d.kept.link.Drop(heldUpgrade)
	delete(d.kept.inheritance.Texts, heldUpgrade) // another keeper is told what is left of them
	if d.upgrade.Problem != "" {
		d.log.Errorf("the upgrade failed: the new daemon %s", d.upgrade.Problem)
		return
	}
	d.system.Announce(event.DaemonUpgraded{From: d.upgrade.From, To: d.options.Version, Pid: os.Getpid()})
	d.kept.link.Renew(d.options.Program)
}
