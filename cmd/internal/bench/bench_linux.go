package main

import (
	"context"
	"embed"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

//go:embed native/*.c
var native embed.FS

// bench is one run: what is measured is collected in samples, by the name of the measure and the contestant.
type bench struct {
	options
	ctx       context.Context
	progress  io.Writer
	directory string
	self      string
	phorever  string            // the binary
	helpers   map[string]string // what could be built of native, by name
	lives     int
	samples   map[string]map[string][]float64
	load      string // when the measuring began
}

func prepare(ctx context.Context, o options, progress io.Writer) (*bench, error) {
	if err := adopt(); err != nil {
		return nil, err
	}
	b := &bench{options: o, ctx: ctx, progress: progress, helpers: map[string]string{}, samples: map[string]map[string][]float64{}}
	var err error
	if b.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if b.directory, err = os.MkdirTemp("", "phorever-bench-"); err != nil {
		return nil, err
	}
	err = b.fitDisk()
	if err == nil {
		err = b.build()
	}
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// build builds the phorever that users run, and where there is a C compiler what is in native.
func (b *bench) build() error {
	b.phorever = b.binary
	if b.binary == "" {
		b.phorever = filepath.Join(b.directory, "phorever")
		fmt.Fprintln(b.progress, "bench: building phorever")
		command := exec.CommandContext(b.ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.phorever,
			"github.com/dcousineau/phorever/cmd/phorever")
		command.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("build phorever: %w: %s", err, out)
		}
	} else if path, err := filepath.Abs(b.binary); err == nil {
		b.phorever = path
	}
	if compiler, err := exec.LookPath("cc"); err == nil {
		return b.compile(compiler)
	}
	return nil
}

func (b *bench) compile(compiler string) error {
	for _, name := range []string{"child", "run", "spawn", "writer"} {
		source, err := native.ReadFile("native/" + name + ".c")
		if err != nil {
			return err
		}
		program := filepath.Join(b.directory, name)
		if err := os.WriteFile(program+".c", source, 0o600); err != nil {
			return err
		}
		for _, linked := range []string{"-static", "-pie"} { // a library to link statically may not be installed
			command := exec.CommandContext(b.ctx, compiler, "-O2", "-pthread", linked, "-o", program, program+".c")
			if command.Run() == nil {
				b.helpers[name] = program
				break
			}
		}
	}
	return nil
}

func (b *bench) close() {
	if err := sweep(); err != nil {
		fmt.Fprintf(b.progress, "bench: error: %v\n", err)
	}
	if err := os.RemoveAll(b.directory); err != nil {
		fmt.Fprintf(b.progress, "bench: error: %v\n", err)
	}
}

func (b *bench) add(name, contestant string, value float64) {
	if b.samples[name] == nil {
		b.samples[name] = map[string][]float64{}
	}
	b.samples[name][contestant] = append(b.samples[name][contestant], value)
}

// wanted tells whether any of the named samples is part of a row that was asked for.
func (b *bench) wanted(samples ...string) bool {
	for _, m := range b.measures() {
		for _, sample := range samples {
			if m.sample == sample && b.only.MatchString(m.name) {
				return true
			}
		}
	}
	return false
}

// measure gives every contestant its turn in every round.
func (b *bench) measure() error {
	b.load = load()
	for round := range b.rounds {
		for _, part := range []func(round int) error{
			b.starts, b.restarts, b.restartsAmongFew, b.smallCommands, b.logBlocks, b.logLines, b.logWriters, b.logNeighbours, b.logQuiet, b.newsRequests, b.newsHangs,
		} {
			if err := b.ctx.Err(); err != nil {
				return err
			}
			if err := part(round); err != nil {
				return fmt.Errorf("round %d: %w", round+1, err)
			}
		}
	}
	return nil
}

// contestants are those that take part, in an order that changes with the round.
func (b *bench) contestants(round int) []string {
	all := []string{ours, inGo}
	if b.helpers["spawn"] != "" {
		all = append(all, inC)
	}
	return inTurns(round, all)
}

// inTurns lets another one begin in each round.
func inTurns[T any](round int, all []T) []T {
	round %= len(all)
	return append(all[round:len(all):len(all)], all[:round]...)
}

// life prepares a contestant with n children, in a directory of its own. What it leaves is swept up before the next one.
func (b *bench) life(name string, n int, argv []string, policy map[string]any) (contestant, error) {
	if name == ours {
		work := map[string]any{"name": "work", "roles": []string{"work"}, "up": argv, "clones": n}
		maps.Copy(work, policy)
		return b.daemon(work)
	}
	if err := sweep(); err != nil {
		return nil, err
	}
	directory, err := b.scratch()
	if err != nil {
		return nil, err
	}
	program := []string{b.self, "bench-loop"}
	if name == inC {
		program = []string{b.helpers["spawn"]}
	}
	return newBare(b.ctx, directory, program, n, argv)
}

// daemon prepares one that knows these processes, as life does.
func (b *bench) daemon(processes ...map[string]any) (*phorever, error) {
	if err := sweep(); err != nil {
		return nil, err
	}
	directory, err := b.scratch()
	if err != nil {
		return nil, err
	}
	return newPhorever(b.ctx, b.phorever, directory, processes...)
}

// scratch is a new directory.
func (b *bench) scratch() (string, error) {
	b.lives++
	directory := filepath.Join(b.directory, "life"+strconv.Itoa(b.lives))
	return directory, os.Mkdir(directory, 0o700)
}

func (b *bench) say(round int, what, who string) {
	fmt.Fprintf(b.progress, "bench: round %d of %d: %s: %s\n", round+1, b.rounds, what, who)
}
