package keeper

import (
	"fmt"
	"strconv"
	"strings"
)

// Order is how a keeper is started: as `phorever keeper OPTIONS -- ARGUMENTS`, the arguments being those of the command that
// becomes the daemon.
type Order struct {
	Name      string   // argv[0], for ps
	Program   string   // absolute path of the binary, as named: an upgrade finds the new one there
	Directory string   // where the daemon is started
	Arguments []string // of the daemon, from its command word on
	Ready     int      // descriptor of the readiness pipe, for the first daemon; -1 for none
	Link      int      // socket of a daemon that has lost its keeper; -1 to start one
	State     int      // descriptor of what an earlier program of this keeper held; -1 for none
}

// Fresh is the order of a keeper that begins.
func Fresh(name, program, directory string, arguments []string) Order {
	return Order{Name: name, Program: program, Directory: directory, Arguments: arguments, Ready: -1, Link: -1, State: -1}
}

// SomebodyRuns is the exit code of a daemon that found another one in its place.
const SomebodyRuns = 117

// HUPIgnored is the text by which a daemon learns that HUP was ignored when its keeper began: here it is handled.
const HUPIgnored = "hup ignored"

// Word is the command by which a keeper is started.
const Word = "keeper"

// Argv is the order as the arguments of a program, argv[0] included.
func (o Order) Argv() []string {
	argv := []string{o.Name, Word, "--program=" + o.Program, "--directory=" + o.Directory}
	for _, option := range o.descriptors() {
		if *option.value >= 0 {
			argv = append(argv, option.name+strconv.Itoa(*option.value))
		}
	}
	return append(append(argv, "--"), o.Arguments...)
}

type descriptorOption struct {
	name  string
	value *int
}

func (o *Order) descriptors() []descriptorOption {
	return []descriptorOption{{"--ready=", &o.Ready}, {"--link=", &o.Link}, {"--state=", &o.State}}
}

// ParseOrder reads the arguments that follow the word keeper.
func ParseOrder(name string, arguments []string) (Order, error) {
	o := Fresh(name, "", "/", nil)
	for i, argument := range arguments {
		if argument == "--" {
			o.Arguments = arguments[i+1:]
			break
		}
		if err := o.set(argument); err != nil {
			return o, err
		}
	}
	if o.Program == "" || len(o.Arguments) == 0 {
		return o, fmt.Errorf("%s is how a daemon starts its keeper; phorever start does that", Word)
	}
	return o, nil
}

func (o *Order) set(argument string) error {
	if program, ok := strings.CutPrefix(argument, "--program="); ok {
		o.Program = program
		return nil
	}
	if directory, ok := strings.CutPrefix(argument, "--directory="); ok {
		o.Directory = directory
		return nil
	}
	for _, option := range o.descriptors() {
		if number, ok := strings.CutPrefix(argument, option.name); ok {
			n, err := strconv.Atoi(number)
			if err != nil || n < 0 {
				return fmt.Errorf("%s: must be a descriptor", argument)
			}
			*option.value = n
			return nil
		}
	}
	return fmt.Errorf("%s: unknown option of %s", argument, Word)
}
