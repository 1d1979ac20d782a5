package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/actors/event"
	"github.com/dcousineau/phorever/spec"
)

// TestOrdersArriveAsGiven: each order of the client reaches its own method of the system, whole, and the report comes back.
func TestOrdersArriveAsGiven(t *testing.T) {
	targets := []actors.Target{"web:2", "@role", "all"}
	for name, test := range map[string]struct {
		order any
		send  func(c *Client, ctx context.Context) (actors.Report, error)
	}{
		"start": {actors.StartOrder{Targets: targets, Wait: 3 * time.Second}, func(c *Client, ctx context.Context) (actors.Report, error) {
			return c.Start(ctx, actors.StartOrder{Targets: targets, Wait: 3 * time.Second})
		}},
		"stop": {actors.StopOrder{Targets: targets}, func(c *Client, ctx context.Context) (actors.Report, error) {
			return c.Stop(ctx, actors.StopOrder{Targets: targets})
		}},
		"restart": {actors.RestartOrder{Rolling: true, Wait: time.Minute}, func(c *Client, ctx context.Context) (actors.Report, error) {
			return c.Restart(ctx, actors.RestartOrder{Rolling: true, Wait: time.Minute})
		}},
		"scale": {actors.ScaleOrder{Clones: map[string]int{"Short Lived": 3, "web": 0}}, func(c *Client, ctx context.Context) (actors.Report, error) {
			return c.Scale(ctx, actors.ScaleOrder{Clones: map[string]int{"Short Lived": 3, "web": 0}})
		}},
		"signal": {actors.SignalOrder{Signal: "USR1", Targets: targets}, func(c *Client, ctx context.Context) (actors.Report, error) {
			return c.Signal(ctx, actors.SignalOrder{Signal: "USR1", Targets: targets})
		}},
		"pause": {actors.PauseOrder{Targets: targets}, func(c *Client, ctx context.Context) (actors.Report, error) {
			return c.Pause(ctx, actors.PauseOrder{Targets: targets})
		}},
		"resume": {actors.ResumeOrder{Targets: targets}, func(c *Client, ctx context.Context) (actors.Report, error) {
			return c.Resume(ctx, actors.ResumeOrder{Targets: targets})
		}},
		"reset": {actors.ResetOrder{Targets: targets}, func(c *Client, ctx context.Context) (actors.Report, error) {
			return c.Reset(ctx, actors.ResetOrder{Targets: targets})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			want := actors.Report{
				Outcomes: []actors.Outcome{{ID: "web:2", Did: name, OK: false, State: event.Fatal, Problem: "it did not"}},
				Notes:    []string{"web:1 runs on"}, Changes: []spec.Change{{Process: "web", Why: []string{"env: A changed"}, From: 1, To: 2}},
			}
			system := &fakeSystem{do: func(context.Context, any) (actors.Report, error) { return want, nil }}
			place := newPlace(t)
			serve(t, place, system, &fakeDaemon{})
			got, err := test.send(NewClient(place), t.Context())
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("the report: %v (-want +got)\n%s", err, diff)
			}
			if diff := cmp.Diff([]any{test.order}, system.received()); diff != "" {
				t.Errorf("the order (-want +got)\n%s", diff)
			}
		})
	}
}

func TestTheDaemonsOwnRoutes(t *testing.T) {
	var waited time.Duration
	var reason string
	plan := PlanReply{Changes: []spec.Change{{Process: "web", Why: []string{"up changed"}}}}
	system := &fakeSystem{roles: []actors.RoleStatus{{Name: "r", Active: true, Processes: []string{"web"}}}}
	place := newPlace(t)
	server := serve(t, place, system, &fakeDaemon{
		reload: func(_ context.Context, wait time.Duration) (actors.Report, error) {
			waited = wait
			return actors.Report{Notes: []string{"nothing changed"}}, nil
		},
		plan:     func() (PlanReply, error) { return plan, nil },
		shutdown: func(why string) { reason = why },
	})
	client, ctx := NewClient(place), t.Context()
	if report, err := client.Reload(ctx, 7*time.Second); err != nil || waited != 7*time.Second || len(report.Notes) != 1 {
		t.Errorf("Reload: %+v, %v, after a wait of %s", report, err, waited)
	}
	if got, err := client.Plan(ctx); err != nil || !cmp.Equal(plan, got) {
		t.Errorf("Plan: %+v, %v", got, err)
	}
	if got, err := client.Roles(ctx); err != nil || !cmp.Equal(system.roles, got) {
		t.Errorf("Roles: %+v, %v", got, err)
	}
	if err := client.ReopenLogs(ctx); err != nil || system.reopened != 1 {
		t.Errorf("ReopenLogs: %v, %d times", err, system.reopened)
	}
	_, err := ask[struct{}](ctx, client, "/shutdown", targetsOrder{})
	server.Close()
	if err != nil || reason == "" {
		t.Errorf("Shutdown: %v, reason %q", err, reason)
	}
}

// TestErrorsBecomeRefusals, which tell a question that was asked wrongly from an order that failed.
func TestErrorsBecomeRefusals(t *testing.T) {
	problems := spec.Problems{{File: "phorever.json", Line: 14, Column: 13, Message: "must be 0 or more", Hint: "write 0"}}
	for name, test := range map[string]struct {
		err  error
		want Refusal
	}{
		"a failure":      {errors.New("web:1: no such user"), Refusal{Message: "web:1: no such user"}},
		"unknown target": {&actors.UnknownTarget{Message: "no process is called wbe", Hint: "did you mean web?"}, Refusal{Usage: true, Message: "no process is called wbe", Hint: "did you mean web?"}},
		"bad file":       {&Refusal{Usage: true, Message: "refused", Problems: problems}, Refusal{Usage: true, Message: "refused", Problems: problems}},
	} {
		t.Run(name, func(t *testing.T) {
			fail := func() (actors.Report, error) { return actors.Report{}, test.err }
			place := newPlace(t)
			serve(t, place, &fakeSystem{
				do:      func(context.Context, any) (actors.Report, error) { return fail() },
				resolve: func([]actors.Target) ([]spec.CloneID, error) { return nil, test.err },
			}, &fakeDaemon{
				reload: func(context.Context, time.Duration) (actors.Report, error) { return fail() },
				plan:   func() (PlanReply, error) { return PlanReply{}, test.err },
			})
			client, ctx := NewClient(place), t.Context()
			_, start := client.Start(ctx, actors.StartOrder{})
			_, status := client.Status(ctx, []string{"wbe"}, false)
			_, raw := client.StatusJSON(ctx, []string{"wbe"}, false)
			_, why := client.Why(ctx, []string{"wbe"})
			_, reload := client.Reload(ctx, 0)
			_, plan := client.Plan(ctx)
			for route, err := range map[string]error{"start": start, "status": status, "status --json": raw, "why": why, "reload": reload, "plan": plan} {
				var refusal *Refusal
				if !errors.As(err, &refusal) {
					t.Errorf("%s: %v, want a *Refusal", route, err)
				} else if diff := cmp.Diff(test.want, *refusal); diff != "" {
					t.Errorf("%s (-want +got)\n%s", route, diff)
				}
			}
		})
	}
}

func TestStatusShowsWhatIsAskedFor(t *testing.T) {
	processes := []actors.ProcessStatus{{ID: "web:1", Listed: true}, {ID: "web:2", Listed: true}, {ID: "idle:1"}}
	system := &fakeSystem{status: processes, resolve: func(targets []actors.Target) ([]spec.CloneID, error) {
		if len(targets) != 2 || targets[0] != "idle" || targets[1] != "web:2" {
			t.Errorf("asked to resolve %q", targets)
		}
		return []spec.CloneID{"idle:1", "web:2"}, nil
	}}
	place := newPlace(t)
	broken := "phorever.json:1:1: error"
	daemon := DaemonStatus{Pid: 3, Version: "1.0", Config: "/srv/phorever.json", Roles: []string{"r"}, ConfigError: &broken}
	serve(t, place, system, &fakeDaemon{status: daemon})
	client := NewClient(place)
	for _, test := range []struct {
		targets []string
		all     bool
		want    []spec.CloneID
	}{
		{nil, false, []spec.CloneID{"web:1", "web:2"}},
		{nil, true, []spec.CloneID{"web:1", "web:2", "idle:1"}},
		{[]string{"idle", "web:2"}, false, []spec.CloneID{"web:2", "idle:1"}}, // named: listed or not
	} {
		reply, err := client.Status(t.Context(), test.targets, test.all)
		var got []spec.CloneID
		for _, p := range reply.Processes {
			got = append(got, p.ID)
		}
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("Status(%q, %v): %v (-want +got)\n%s", test.targets, test.all, err, diff)
		}
		if diff := cmp.Diff(daemon, reply.Daemon); diff != "" {
			t.Errorf("the daemon's part (-want +got)\n%s", diff)
		}
	}
	system.status = nil
	raw, err := client.StatusJSON(t.Context(), nil, false)
	if err != nil || !json.Valid(raw) || !bytes.Contains(raw, []byte(`"processes":[]`)) || !bytes.Contains(raw, []byte(`"keeper_pid":null`)) {
		t.Errorf("status --json without processes: %s, %v", raw, err)
	}
}

func TestWhyTellsOneStory(t *testing.T) {
	out := filepath.Join(t.TempDir(), "web.log")
	if err := os.WriteFile(out, []byte(strings.Repeat("old\n", 50)+"last words\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	zone := time.FixedZone("there", 2*60*60)
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	exit := &event.Exit{Cause: event.CauseExited, At: at}
	system := &fakeSystem{
		status:  []actors.ProcessStatus{{ID: "web:1", StdoutFile: out, StderrFile: filepath.Join(t.TempDir(), "none")}, {ID: "other:1"}},
		resolve: func([]actors.Target) ([]spec.CloneID, error) { return []spec.CloneID{"web:1"}, nil },
		events:  []event.Record{{ID: "1", Process: "web:1", Time: at, Exit: exit}, {ID: "2", Process: "other:1"}},
		config:  &spec.Config{Timezone: zone},
	}
	place := newPlace(t)
	serve(t, place, system, &fakeDaemon{})
	reply, err := NewClient(place).Why(t.Context(), []string{"web"})
	if err != nil || len(reply.Processes) != 1 || len(reply.Processes[0].Events) != 1 {
		t.Fatalf("Why: %+v, %v; want one process and one event", reply, err)
	}
	story := reply.Processes[0]
	if n := len(story.Stdout); n != tailLines || story.Stdout[n-1] != "last words" {
		t.Errorf("its last lines are %q", story.Stdout)
	}
	told := story.Events[0]
	if _, offset := told.Time.Zone(); offset != 2*60*60 || !told.Time.Equal(at) {
		t.Errorf("its time is %s, want it in the configured zone", told.Time)
	}
	if _, offset := told.Exit.At.Zone(); offset != 2*60*60 || !exit.At.Equal(at) || exit.At.Location() != time.UTC {
		t.Errorf("the time of its end is %s, of the system's own record %s", told.Exit.At, exit.At)
	}
}

// raw sends what no client of ours would.
func raw(t *testing.T, place Place, method, path, body string) (int, Refusal) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://phorever"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := NewClient(place).http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var refusal Refusal
	if response.StatusCode != http.StatusOK {
		if err := json.Unmarshal(text, &refusal); err != nil {
			t.Fatalf("%s is no refusal: %v", text, err)
		}
	}
	return response.StatusCode, refusal
}

func TestWhatNobodyUnderstandsIsRefused(t *testing.T) {
	system := &fakeSystem{}
	place := newPlace(t)
	serve(t, place, system, &fakeDaemon{shutdown: func(string) { t.Error("it was shut down") }})
	for name, test := range map[string]struct {
		method, path, body string
		status             int
		want               string
	}{
		"unknown route":   {"POST", "/nonsense", "{}", 404, `knows no "/nonsense"`},
		"the root":        {"POST", "/", "{}", 404, `knows no "/"`},
		"a deeper route":  {"POST", "/start/web", "{}", 404, "knows no"},
		"wrong method":    {"GET", "/shutdown", "", 405, "takes only POST"},
		"no body":         {"POST", "/shutdown", "", 422, "do not understand each other"},
		"broken body":     {"POST", "/start", `{"targets": [`, 422, "do not understand each other"},
		"another type":    {"POST", "/start", `{"targets": "web"}`, 422, "do not understand each other"},
		"no object":       {"POST", "/stop", `"web"`, 422, "do not understand each other"},
		"broken question": {"POST", "/events", "{", 422, "do not understand each other"},
		"too large":       {"POST", "/start", `{"targets": ["` + strings.Repeat("x", 1<<20) + `"]}`, 422, "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			status, refusal := raw(t, place, test.method, test.path, test.body)
			if status != test.status || !refusal.Usage || !strings.Contains(refusal.Message, test.want) {
				t.Errorf("%d %+v, want %d and %q", status, refusal, test.status, test.want)
			}
		})
	}
	if got := system.received(); len(got) > 0 {
		t.Errorf("orders arrived: %+v", got)
	}
}

// TestAnOlderDaemonSaysSo: to the caller an unknown route is a refusal like any other.
func TestAnOlderDaemonSaysSo(t *testing.T) {
	place := newPlace(t)
	serve(t, place, &fakeSystem{}, &fakeDaemon{})
	_, err := ask[struct{}](t.Context(), NewClient(place), "/from-the-future", struct{}{})
	var refusal *Refusal
	if !errors.As(err, &refusal) || refusal.Hint == "" {
		t.Errorf("%v, want a refusal with a hint", err)
	}
}
