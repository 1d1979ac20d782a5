package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const (
	year = 365 * 24 * time.Hour
	// delay is what every wait of the test is configured to take, but for the short ones.
	delay = 3 * time.Second
	// late is by how much a busy machine may be late.
	late = 20 * time.Second
	// slack is between two looks at two clocks.
	slack = time.Second
)

// jumps are by how much the clock is wrong, one after another.
var jumps = []time.Duration{3 * time.Hour, -20 * year, 10 * year, -time.Hour}

const underAWrongClock = `{
  "defaults": {"resurrect_after": "3s", "stable_after": "50ms", "give_up": false, "stop": {"timeout": "3s"}},
  "processes": [
    {"name": "steady", "up": ["misbehave", "stamp", "steady"]},
    {"name": "delayed", "up": ["misbehave", "stamp", "delayed", "exit", "1"]},
    {"name": "stubborn", "up": ["misbehave", "ignore", "TERM", "stamp", "stubborn"]},
    {"name": "settling", "up": ["misbehave", "stamp", "settling"], "stable_after": "3s"},
    {"name": "hopeless", "up": ["misbehave", "stamp", "hopeless", "exit", "1"], "resurrect_after": "1s", "give_up": {"after": 2, "within": "1m", "retry_every": "3s"}},
    {"name": "forgiven", "up": ["misbehave", "stamp", "forgiven", "exit", "1"], "resurrect_after": "1500ms", "give_up": {"after": 1, "within": "1s", "retry_every": false}},
    {"name": "mute", "up": ["misbehave", "stamp", "mute", "say", "word"], "health": {"silence": "3s", "grace": 0, "then": "notify"}},
    {"name": "busy", "up": "while :; do i=0; while [ $i -lt 10000 ]; do i=$((i+1)); done; echo word; sleep 0.1; done",
      "health": {"silence": "5s", "grace": 0, "then": "notify"}, "runaway": {"cpu": 0.01, "for": "1h"}}
  ]
}`

// TestTheClockMayJump sets the wall clock of daemon and keeper by hours and years, forth and back, while waits of all kinds are under
// way: each takes as long as it is configured to, no failure is forgotten or counted for too long, and nobody is told to be silent or
// to run away who does not. It is so, too, when the daemon is killed at a jump, and another one goes on with what is saved.
func TestTheClockMayJump(t *testing.T) {
	t.Parallel()
	for _, killed := range []bool{false, true} {
		t.Run(map[bool]string{false: "while the daemon runs", true: "and the daemon is killed"}[killed], func(t *testing.T) {
			t.Parallel()
			p := newProject(t)
			p.program, p.env = elsewhen, []string{"GORACE=halt_on_error=1 exitcode=66 atexit_sleep_ms=0"}
			s := &jumpyDay{project: p, clock: newWrongClock(t, p), begun: time.Now(), settled: map[string]time.Time{}}
			p.configure(underAWrongClock)
			defer func() {
				if log, _ := os.ReadFile(s.log()); t.Failed() {
					t.Logf("%s", log)
				}
			}()
			start := p.prepare("start", "-d", "--wait=0s")
			start.Env = append(start.Env, clockVariable+"="+s.clock.file.Name()) // those who ask it later go by the right clock
			if out, err := start.CombinedOutput(); err != nil {
				t.Fatalf("start: %v\n%s", err, out)
			}
			for _, name := range []string{"steady", "delayed", "stubborn", "settling", "hopeless", "forgiven", "mute"} {
				p.eventually(name+" is there", func() bool { return len(s.stamps(name)) > 0 })
			}
			s.stopStubborn()
			s.look()
			for i := 0; !s.over(); i++ {
				if time.Since(s.begun) > patience+4*late {
					t.Fatalf("never: all is over: %v", s.settled)
				}
				s.clock.set(jumps[i%len(jumps)])
				switch {
				case !killed:
					p.command(0, "reload", "--wait=0s") // reckons anew when what waits is due
				case i < 2: // forward and back
					for s.look(); s.starts; s.look() { // a fork that nobody lives to note is made again
						time.Sleep(20 * time.Millisecond)
					}
					p.kill(s.daemon)
				}
				for begin := time.Now(); time.Since(begin) < 600*time.Millisecond; time.Sleep(100 * time.Millisecond) {
					s.look()
				}
			}
			s.wantWaits()
			s.wantLog(killed)
			p.stopWhole()
		})
	}
}

// jumpyDay is what was seen on a day with a clock that jumps.
type jumpyDay struct {
	*project
	clock   *wrongClock
	daemon  int
	begun   time.Time            // as all times by the right clock
	uptime  time.Duration        // of steady, seen last
	settled map[string]time.Time // when it was first seen that it has happened
	ordered time.Time            // stubborn's end
	ended   atomic.Pointer[time.Time]
	jumped  bool // an end was noted at a wrong time
	starts  bool // something is being started, or soon
}

// stamps are the times at which runs of a process have begun, by the right clock.
func (s *jumpyDay) stamps(name string) (all []time.Time) {
	text, _ := os.ReadFile(filepath.Join(s.dir, name))
	for line := range strings.Lines(string(text)) {
		if at, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64); err == nil {
			all = append(all, time.Unix(0, at))
		}
	}
	return all
}

// stopStubborn orders an end that takes a KILL, and notes when it has come.
func (s *jumpyDay) stopStubborn() {
	pid := s.pidIn("stubborn:1")
	order := s.prepare("stop", "stubborn")
	s.ordered = time.Now()
	if err := order.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.eventually("stubborn is being stopped", func() bool { return s.stateOf("stubborn:1") == "STOPPING" })
	go func() {
		for lives(pid) {
			time.Sleep(5 * time.Millisecond)
		}
		now := time.Now()
		s.ended.Store(&now)
		_ = order.Wait() // of a daemon that was killed it has heard nothing
	}()
}

// seen is what status tells of a process.
type seen struct {
	ID, State, Reason, Health string
	Pid                       *int
	Uptime                    float64    `json:"uptime_seconds"`
	Failures                  int        `json:"failures_in_window"`
	NextStartAt               *time.Time `json:"next_start_at"`
	Exit                      *struct{ At time.Time }
}

// soon is a wait that is under way, as it is told.
var soon = regexp.MustCompile(`(next start|next try|KILL) in [1-3]s$|; KILL was sent`)

// look checks what status says now, which it must not say at any other time either.
func (s *jumpyDay) look() {
	begin := time.Now()
	out, _ := s.prepare("status", "--all", "--json").Output()
	end := time.Now()
	var reply struct {
		Daemon    struct{ Pid int }
		Processes []seen
	}
	if err := json.Unmarshal(out, &reply); err != nil {
		s.t.Fatalf("status: %v: %q", err, out)
	}
	s.daemon, s.starts = reply.Daemon.Pid, false
	for _, p := range reply.Processes {
		name := strings.TrimSuffix(p.ID, ":1")
		if p.Uptime < 0 || p.Uptime > end.Sub(s.begun).Seconds()+slack.Seconds() {
			s.t.Errorf("%s is up for %v s", name, p.Uptime)
		}
		if waits := p.State == "BACKOFF" || p.State == "FATAL" || p.State == "STOPPING"; waits && !soon.MatchString(p.Reason) {
			s.t.Errorf("%s is %s: %s", name, p.State, p.Reason)
		}
		if next := p.NextStartAt; next != nil && (next.Before(begin.Add(s.clock.by-late)) || next.After(end.Add(s.clock.by+delay+time.Second))) {
			s.t.Errorf("%s is started next at %s, and it is %s there", name, next, end.Add(s.clock.by))
		}
		s.starts = s.starts || p.State == "STARTING" && p.Pid == nil || p.NextStartAt != nil && p.NextStartAt.Before(end.Add(s.clock.by+slack/2))
		if p.Exit != nil && p.Exit.At.Sub(begin).Abs() > 30*time.Minute {
			s.jumped = true
		}
		switch name {
		case "steady":
			if p.Pid == nil { // a new daemon has not come to it
				continue
			}
			s.note(name, true, end)
			up, least, most := time.Duration(p.Uptime*float64(time.Second)), max(s.uptime, begin.Sub(s.settled[name])), end.Sub(s.begun)
			if up < least-slack || up > most+slack {
				s.t.Errorf("%s is up for %v, want %v to %v", name, up, least, most)
			}
			s.uptime = up
		case "settling":
			s.note(name, p.State == "RUNNING", end)
		case "mute":
			s.note(name, p.Health == "unhealthy", end)
		case "hopeless":
			if s.note(name, p.State == "FATAL", end); p.State == "FATAL" && p.Failures < 3 {
				s.t.Errorf("%s is given up, and %d failures are known", name, p.Failures)
			}
		case "forgiven":
			if p.State == "FATAL" {
				s.t.Errorf("%s is given up: %s", name, p.Reason)
			}
		}
	}
	if s.t.Failed() {
		s.t.FailNow() // the same would be said ten times a second
	}
}

func (s *jumpyDay) note(name string, happened bool, at time.Time) {
	if happened && s.settled[name].IsZero() {
		s.settled[name] = at
	}
}

// over says whether everything has happened that is to be seen.
func (s *jumpyDay) over() bool {
	for name, n := range map[string]int{"delayed": 3, "hopeless": 4, "forgiven": 4} {
		if len(s.stamps(name)) < n {
			return false
		}
	}
	return s.ended.Load() != nil && len(s.settled) == 4
}

// wantWaits checks how long everything has taken.
func (s *jumpyDay) wantWaits() {
	want := func(what string, from, to time.Time, wait time.Duration) {
		if took := to.Sub(from); took < wait || took > wait+late {
			s.t.Errorf("%s took %v, want %v", what, took, wait)
		}
	}
	for name, waits := range map[string][]time.Duration{
		"delayed": {delay, delay}, "hopeless": {time.Second, time.Second, delay}, "forgiven": {1500 * time.Millisecond, 1500 * time.Millisecond},
	} {
		stamps := s.stamps(name)
		for i, wait := range waits {
			want(fmt.Sprintf("wait %d of %s", i+1, name), stamps[i], stamps[i+1], wait)
		}
	}
	want("KILL", s.ordered, *s.ended.Load(), delay)
	for _, name := range []string{"settling", "mute"} { // that it is not too late is what was waited for
		if took := s.settled[name].Sub(s.begun); took < delay {
			s.t.Errorf("%s has taken %v, want %v", name, took, delay)
		}
	}
	if !s.jumped {
		s.t.Error("every end is at the right time: the clock of the daemon has not jumped")
	}
}

func (s *jumpyDay) log() string { return filepath.Join(s.dir, "logs", "phorever.log") }

// wantLog checks what was told.
func (s *jumpyDay) wantLog(killed bool) {
	log, err := os.ReadFile(s.log())
	if err != nil {
		s.t.Fatal(err)
	}
	gaveUp := 0
	for line := range bytes.Lines(log) {
		text := string(line)
		if strings.Contains(text, "process.gave_up") {
			gaveUp++
			if !strings.Contains(text, "gave up on hopeless:1: 3 failures within 1m") {
				s.t.Errorf("told: %s", text)
			}
		}
		if strings.Contains(text, "process.runaway") || strings.Contains(text, "process.unhealthy") && !strings.Contains(text, "mute") {
			s.t.Errorf("told: %s", text)
		}
	}
	if gaveUp != 1 && !killed { // with the daemon the line may go, or it dies between telling and noting
		s.t.Errorf("%d times told that hopeless was given up", gaveUp)
	}
}
