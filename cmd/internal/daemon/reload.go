package daemon

import (
	"context"
	"errors"
	"time"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/cmd/internal/control"
	"github.com/dcousineau/phorever/spec"
)

// mostTold is how many problems of a refused configuration the log holds.
const mostTold = 20

// Reload reads the configuration again and has the tree follow it. A refused one is a *control.Refusal, and everything
// goes on as it was.
func (d *Daemon) Reload(ctx context.Context, wait time.Duration) (actors.Report, error) {
	d.reloading.Lock()
	release := d.reloading.Unlock
	taken := func() { release(); release = func() {} } // nobody waits for what this reload waits for
	defer func() { release() }()
	d.manager.reloading()
	defer d.manager.ready()
	config, err := d.acceptable()
	if err != nil {
		return actors.Report{}, err
	}
	d.complain(nil)
	d.journal.follow(config)
	return d.system.Apply(ctx, actors.ApplyOrder{Config: config, Wait: wait}, func() {
		d.saveConfig(config)
		d.follow(config)
		taken()
	})
}

// Plan is what a reload would do.
func (d *Daemon) Plan() (control.PlanReply, error) {
	config, problems := d.read()
	if config == nil {
		return control.PlanReply{}, refusal(problems)
	}
	reply := control.PlanReply{Changes: d.system.Plan(config)}
	if reply.Changes == nil {
		reply.Changes = []spec.Change{}
	}
	return reply, nil
}

// read is the configuration as the file has it now, nil when the running daemon cannot follow it.
func (d *Daemon) read() (*spec.Config, spec.Problems) {
	config, problems := spec.Load(d.options.Config, d.loadOptions())
	if config != nil && !problems.HasErrors() {
		current, _ := d.system.Config()
		problems = append(problems, spec.Refused(current, config)...)
	}
	if problems.HasErrors() {
		config = nil
	}
	return config, problems
}

// acceptable is read for a reload: a refusal is remembered, and everybody is told.
func (d *Daemon) acceptable() (*spec.Config, error) {
	config, problems := d.read()
	if config == nil {
		d.complain(problems)
		errs := problems.Errors()
		d.system.Announce(event.ConfigRejected{First: errs[0].String(), More: len(errs) - 1})
		for _, p := range errs[1:min(len(errs), mostTold)] {
			d.log.Error(p.String())
		}
		return nil, refusal(problems)
	}
	for _, p := range problems {
		d.log.Warn(p.String())
	}
	return config, nil
}

func refusal(problems spec.Problems) error {
	return &control.Refusal{Usage: true, Message: "the configuration has problems; everything runs on as it was", Problems: problems}
}

func (d *Daemon) complain(problems spec.Problems) {
	d.complaint.Lock()
	defer d.complaint.Unlock()
	d.complaint.problems = problems
}

func (d *Daemon) problems() spec.Problems {
	d.complaint.Lock()
	defer d.complaint.Unlock()
	return d.complaint.problems
}

// reloadBySignal carries out what HUP asked for, one after another.
func (d *Daemon) reloadBySignal(done chan<- struct{}) {
	defer close(done)
	for range d.reloads {
		if d.stopping.Load() {
			continue
		}
		report, err := d.Reload(context.Background(), 0)
		var refused *control.Refusal
		if err != nil && !errors.As(err, &refused) && !d.stopping.Load() { // a refusal is an event, and told as such
			d.log.Errorf("reload: %v", err)
		}
		for _, note := range report.Notes {
			d.log.Warn(note)
		}
	}
}
