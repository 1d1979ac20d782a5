package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// milliseconds is the unit of every time in the table.
func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

var sleeper = []string{"sleep", "1000000"}

// starts measures how all are started, and with the daemon everything that needs many idle processes.
func (b *bench) starts(round int) error {
	alone := b.wanted("memory", "memory-status", "memory-idle", "threads", "cpu", "status", "status-json", "reload", "touched", "stop")
	for _, name := range b.contestants(round) {
		if !b.wanted("start") && (name != ours || !alone) {
			continue
		}
		b.say(round, "start", name)
		c, err := b.life(name, b.n, sleeper, nil)
		if err != nil {
			return err
		}
		took, err := c.start()
		if err == nil {
			b.add("start", name, milliseconds(took))
			if p, ok := c.(*phorever); ok && alone {
				err = b.idleDaemon(p, round)
			}
		}
		c.end()
		if err != nil {
			return err
		}
	}
	return nil
}

// idleDaemon measures a daemon all of whose processes sleep.
func (b *bench) idleDaemon(p *phorever, round int) error {
	for _, step := range []func(p *phorever, round int) error{b.memory, b.statusCommands, b.idleness, b.reloads} {
		if err := step(p, round); err != nil {
			return err
		}
	}
	took, err := p.stop()
	if err == nil {
		b.add("stop", ours, milliseconds(took))
	}
	return err
}

func (b *bench) memory(p *phorever, _ int) error {
	time.Sleep(min(2*time.Second, b.settle))
	for _, look := range []struct {
		sample string
		before []string
		read   func(int) (float64, error)
	}{
		{"memory", nil, pss},
		{"threads", nil, threads},
		{"memory-status", []string{"status"}, pss},
	} {
		if look.before != nil {
			if _, _, err := p.run(look.before...); err != nil {
				return err
			}
		}
		value, err := sum(look.read, p.pids)
		if err != nil {
			return err
		}
		b.add(look.sample, ours, value)
	}
	return nil
}

// sum adds up what several processes have.
func sum[T float64 | time.Duration](read func(int) (T, error), pids []int) (total T, err error) {
	for _, pid := range pids {
		value, err := read(pid)
		if err != nil {
			return 0, err
		}
		total += value
	}
	return total, nil
}

func (b *bench) statusCommands(p *phorever, _ int) error {
	for range 5 {
		for sample, arguments := range map[string][]string{"status": {"status"}, "status-json": {"status", "--json"}} {
			took, out, err := p.run(arguments...)
			if err != nil {
				return err
			}
			if listed := bytes.Count(out, []byte("RUNNING")); listed < b.n {
				return fmt.Errorf("status lists %d of %d processes as RUNNING", listed, b.n)
			}
			b.add(sample, ours, milliseconds(took))
		}
	}
	return nil
}

// idleness takes its time, and so it is measured in one round only.
func (b *bench) idleness(p *phorever, round int) error {
	if round > 0 || !b.wanted("memory-idle", "cpu") {
		return nil
	}
	time.Sleep(b.settle)
	value, err := sum(pss, p.pids)
	if err != nil {
		return err
	}
	b.add("memory-idle", ours, value)
	before, err := sum(cpu, p.pids)
	if err != nil {
		return err
	}
	time.Sleep(b.idle)
	after, err := sum(cpu, p.pids)
	if err != nil {
		return err
	}
	b.add("cpu", ours, milliseconds(after-before)/b.idle.Seconds())
	return nil
}

// reloads adds one process after the other.
func (b *bench) reloads(p *phorever, _ int) error {
	if !b.wanted("reload", "touched") {
		return nil
	}
	before, err := p.status()
	if err != nil {
		return err
	}
	const added = 5
	for i := range added {
		p.processes = append(p.processes, map[string]any{
			"name": "added" + strconv.Itoa(i), "roles": []string{"work"}, "up": sleeper, "stable_after": 0,
		})
		if err := p.configure(); err != nil {
			return err
		}
		took, _, err := p.run("reload")
		if err != nil {
			return err
		}
		b.add("reload", ours, milliseconds(took))
	}
	after, err := p.status()
	if err != nil {
		return err
	}
	pids := map[string]int{}
	for _, process := range after.Processes {
		pids[process.ID] = process.Pid
	}
	touched := 0
	for _, process := range before.Processes {
		if pids[process.ID] != process.Pid {
			touched++
		}
	}
	if len(after.Processes) != len(before.Processes)+added {
		return fmt.Errorf("reload: %d processes became %d, not %d more", len(before.Processes), len(after.Processes), added)
	}
	b.add("touched", ours, float64(touched))
	return nil
}

// smallCommands measures commands that need no daemon.
func (b *bench) smallCommands(round int) error {
	if !b.wanted("version", "version-rss", "help", "help-rss") {
		return nil
	}
	b.say(round, "small commands", ours)
	if err := sweep(); err != nil {
		return err
	}
	for range 10 {
		for sample, argument := range map[string]string{"version": "version", "help": "--help"} {
			took, rss, err := b.once(argument)
			if err != nil {
				return err
			}
			b.add(sample, ours, milliseconds(took))
			b.add(sample+"-rss", ours, rss)
		}
	}
	return nil
}

// once runs one command, and says how long it took and what its largest resident set was, in MiB. Without native/run.c that
// is never less than this program's own.
func (b *bench) once(argument string) (time.Duration, float64, error) {
	directory := b.directory
	if helper := b.helpers["run"]; helper != "" {
		command := exec.CommandContext(b.ctx, helper, b.phorever, argument)
		command.Env, command.Dir = environment(directory), directory
		out, err := command.Output()
		if err != nil {
			return 0, 0, fmt.Errorf("phorever %s: %w", argument, err)
		}
		var nanoseconds, kib int64
		if _, err := fmt.Sscan(string(out), &nanoseconds, &kib); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", filepath.Base(helper), err)
		}
		return time.Duration(nanoseconds), float64(kib) / 1024, nil
	}
	command := exec.CommandContext(b.ctx, b.phorever, argument)
	command.Env, command.Dir = environment(directory), directory
	begin := time.Now()
	if err := command.Run(); err != nil {
		return 0, 0, fmt.Errorf("phorever %s: %w", argument, err)
	}
	took := time.Since(begin)
	used, _ := command.ProcessState.SysUsage().(*syscall.Rusage)
	return took, float64(used.Maxrss) / 1024, nil
}
