package actors

import (
	"context"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/spec"
)

// BenchmarkResurrection is the time from the death of a process to its next run, with 100 siblings.
func BenchmarkResurrection(b *testing.B) {
	config := &spec.Config{Timezone: time.UTC, Directory: b.TempDir(), Roles: []spec.Role{{Name: "r", Supervision: spec.OneForOne}}}
	config.Logging.Directory = config.Directory
	p := shell("web", "", nil)
	p.Up = spec.Command{Argv: []string{"/bin/sleep", "1000"}}
	p.Directory, p.Clones.Count, p.Restart.After, p.Restart.StableAfter, p.Restart.GiveUp = config.Directory, 100, 0, 0, nil
	p.Log.Forward = false
	config.Processes = []spec.Process{p}
	log := logrus.New()
	log.SetOutput(io.Discard)
	s, err := Start(config, Options{Log: log})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		s.Shutdown("done")
		<-s.Done()
	}()
	started := make(chan event.Record, 1024)
	defer s.Subscribe(func(r event.Record, _ int) {
		if r.Event == "process.started" {
			started <- r
		}
	})()
	begin := time.Now()
	if _, err := s.StartProcesses(context.Background(), StartOrder{Wait: time.Minute}); err != nil {
		b.Fatal(err)
	}
	b.Logf("100 started in %s", time.Since(begin))
	var pid int
	for range 100 {
		if r := <-started; r.Process == "web:1" {
			pid = r.Pid
		}
	}
	for b.Loop() {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			b.Fatal(err)
		}
		pid = (<-started).Pid
	}
}
