package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dcousineau/phorever/actors"
	"github.com/dcousineau/phorever/actors/event"
)

// answersWithin is how long a daemon may take for the answer to a question.
const answersWithin = 30 * time.Second

// patience is how long a client waits for a daemon that holds its lock and does not answer.
const patience = 2 * time.Second

// Client asks the daemon of one place. Its methods are safe for concurrent use.
type Client struct {
	place Place
	http  *http.Client

	answersWithin time.Duration // of questions
}

// NewClient makes a client; nothing is connected yet.
func NewClient(place Place) *Client {
	c := &Client{place: place, answersWithin: answersWithin}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dial(ctx) }
	c.http = &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true, DisableCompression: true}}
	return c
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	path, held, err := short(c.place.Socket)
	if err != nil { // its directory is not there: to the caller the same as a socket that is not there
		return nil, &net.OpError{Op: "dial", Net: "unix", Err: err}
	}
	if held != nil {
		defer held.Close()
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, "unix", path)
}

// Status asks for the processes of targets, or for all that are listed, or for really all.
func (c *Client) Status(ctx context.Context, targets []string, all bool) (StatusReply, error) {
	return ask[StatusReply](ctx, c, "/status", targetsOrder{Targets: targets, All: all})
}

// StatusJSON is Status as the daemon wrote it.
func (c *Client) StatusJSON(ctx context.Context, targets []string, all bool) ([]byte, error) {
	body, err := c.question(ctx, "/status", targetsOrder{Targets: targets, All: all})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

// Roles asks for the roles.
func (c *Client) Roles(ctx context.Context) ([]actors.RoleStatus, error) {
	return ask[[]actors.RoleStatus](ctx, c, "/roles", targetsOrder{})
}

// Why asks for the story of the clones of targets.
func (c *Client) Why(ctx context.Context, targets []string) (WhyReply, error) {
	return ask[WhyReply](ctx, c, "/why", targetsOrder{Targets: targets})
}

// TestNews has a sample sent to destinations, to all where none is named.
func (c *Client) TestNews(ctx context.Context, sinks []string) ([]actors.NewsTried, error) {
	reply, err := ask[SamplesReply](ctx, c, "/notify/test", sinksOrder{sinks})
	return reply.Tried, err
}

// News asks how news goes, and what of it waits.
func (c *Client) News(ctx context.Context) (NewsReply, error) {
	return ask[NewsReply](ctx, c, "/notify/list", sinksOrder{})
}

// RetryNews has what waits and what has failed tried at once.
func (c *Client) RetryNews(ctx context.Context, sinks []string) (int, error) {
	reply, err := ask[RetryReply](ctx, c, "/notify/retry", sinksOrder{sinks})
	return reply.Messages, err
}

// Silence has nothing told of a target for a while; 0 ends that.
func (c *Client) Silence(ctx context.Context, target actors.Target, length time.Duration) (actors.NewsSilence, error) {
	return ask[actors.NewsSilence](ctx, c, "/silence", silenceOrder{target, length})
}

// Events hands each event to f, oldest first; with follow also those that come, until ctx ends or f returns an error.
func (c *Client) Events(ctx context.Context, follow bool, f func(event.Record) error) error {
	body, err := c.do(ctx, "/events", targetsOrder{Follow: follow})
	if err != nil {
		return err
	}
	defer body.Close()
	lines := bufio.NewReaderSize(body, 64<<10)
	for {
		line, err := lines.ReadBytes('\n')
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil: // in the middle of a line, perhaps: what came of it is nothing
			return fmt.Errorf("the daemon ended before it had told everything: %w", err)
		}
		var record event.Record
		if err := json.Unmarshal(line, &record); err != nil {
			return err
		}
		if err := f(record); err != nil {
			return err
		}
	}
}

// Start orders a start.
func (c *Client) Start(ctx context.Context, order actors.StartOrder) (actors.Report, error) {
	return ask[actors.Report](ctx, c, "/start", order)
}

// Stop orders a stop of processes.
func (c *Client) Stop(ctx context.Context, order actors.StopOrder) (actors.Report, error) {
	return ask[actors.Report](ctx, c, "/stop", order)
}

// Restart orders a restart.
func (c *Client) Restart(ctx context.Context, order actors.RestartOrder) (actors.Report, error) {
	return ask[actors.Report](ctx, c, "/restart", order)
}

// Scale orders another number of clones.
func (c *Client) Scale(ctx context.Context, order actors.ScaleOrder) (actors.Report, error) {
	return ask[actors.Report](ctx, c, "/scale", order)
}

// Signal orders a signal.
func (c *Client) Signal(ctx context.Context, order actors.SignalOrder) (actors.Report, error) {
	return ask[actors.Report](ctx, c, "/signal", order)
}

// Pause orders processes to stand still.
func (c *Client) Pause(ctx context.Context, order actors.PauseOrder) (actors.Report, error) {
	return ask[actors.Report](ctx, c, "/pause", order)
}

// Resume orders paused processes to go on.
func (c *Client) Resume(ctx context.Context, order actors.ResumeOrder) (actors.Report, error) {
	return ask[actors.Report](ctx, c, "/resume", order)
}

// Reset orders failures to be forgotten.
func (c *Client) Reset(ctx context.Context, order actors.ResetOrder) (actors.Report, error) {
	return ask[actors.Report](ctx, c, "/reset", order)
}

// Reload orders the configuration to be read again. A bad one is a *Refusal with its problems.
func (c *Client) Reload(ctx context.Context, wait time.Duration) (actors.Report, error) {
	return ask[actors.Report](ctx, c, "/reload", reloadOrder{Wait: wait})
}

// Plan asks what a reload would do.
func (c *Client) Plan(ctx context.Context) (PlanReply, error) {
	return ask[PlanReply](ctx, c, "/plan", targetsOrder{})
}

// Upgrade has the daemon become the binary on disk, and returns when another one answers.
func (c *Client) Upgrade(ctx context.Context) (UpgradeReply, error) {
	return ask[UpgradeReply](ctx, c, "/upgrade", targetsOrder{})
}

// ReopenLogs orders every log file to be opened anew.
func (c *Client) ReopenLogs(ctx context.Context) error {
	_, err := ask[struct{}](ctx, c, "/reopen", targetsOrder{})
	return err
}

// Shutdown ends the daemon with everything that it runs, and returns when nothing is left of either.
func (c *Client) Shutdown(ctx context.Context) error {
	first, _ := c.Holder()
	gone, release := c.watchHolder(ctx)
	defer func() { release() }()
	if _, err := ask[struct{}](ctx, c, "/shutdown", targetsOrder{}); err != nil {
		return err
	}
	for pause := time.Millisecond; ; pause = min(pause*2, 20*time.Millisecond) {
		pid, held := c.Holder()
		if !held && !c.answers(ctx) { // with only the lock gone, somebody has removed the file
			gone()
			return nil
		}
		if held && pid > 0 && first > 0 && pid != first {
			status, err := c.Status(ctx, nil, false)
			switch {
			case err == nil && !status.Daemon.Stopping: // it is another one, that was started since
				gone()
				return nil
			case err == nil: // it goes on with what the one before was told, as its keeper was killed
				release()
				first = pid
				gone, release = c.watchHolder(ctx)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// Holder is the pid of the daemon that holds the lock, by its own word; held is false when nobody does.
func (c *Client) Holder() (pid int, held bool) { return holder(c.place.Lock) }

func (c *Client) answers(ctx context.Context) bool {
	connection, err := c.dial(ctx)
	if err != nil {
		return false
	}
	_ = connection.Close()
	return true
}

// repeatable are what can be asked or ordered again when no answer came, for a daemon was killed and is coming back: to want
// the same twice is to want it once.
var repeatable = []string{
	"/status", "/roles", "/why", "/events", "/plan", "/start", "/stop", "/scale", "/pause", "/resume", "/reload", "/reopen", "/shutdown",
}

// questions change nothing, so that their answers are there at once, or never: a keeper whose daemons die holds the socket open.
var questions = []string{"/status", "/roles", "/why", "/plan", "/notify/list"}

var errSilent = errors.New("the daemon does not answer; its log, phorever.log, tells why")

// limited is an answer that must be read by the end of its context.
type limited struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Close also ends the context.
func (l limited) Close() error {
	l.cancel()
	return l.ReadCloser.Close()
}

// question is do for what has its answer at once.
func (c *Client) question(ctx context.Context, path string, order any) (io.ReadCloser, error) {
	bounded, cancel := context.WithTimeout(ctx, c.answersWithin)
	body, err := c.do(bounded, path, order)
	if err != nil {
		if bounded.Err() != nil && ctx.Err() == nil {
			err = errSilent
		}
		cancel()
		return nil, err
	}
	return limited{body, cancel}, nil
}

// ask sends an order and reads its answer.
func ask[Answer any](ctx context.Context, c *Client, path string, order any) (answer Answer, err error) {
	send := c.do
	if slices.Contains(questions, path) {
		send = c.question
	}
	body, err := send(ctx, path, order)
	if err != nil {
		return answer, err
	}
	defer body.Close()
	if err := json.NewDecoder(body).Decode(&answer); err != nil {
		if ctx.Err() != nil {
			return answer, ctx.Err()
		}
		return answer, fmt.Errorf("the daemon ended before it had answered: %w", err)
	}
	return answer, nil
}

// do sends an order. A daemon that is coming up, or coming back, has a moment to open its door.
func (c *Client) do(ctx context.Context, path string, order any) (io.ReadCloser, error) {
	payload, err := json.Marshal(order)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(patience); ; {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://phorever"+path, bytes.NewReader(payload))
		if err != nil {
			return nil, err
		}
		response, err := c.http.Do(request)
		if err == nil {
			return answered(response)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var dial *net.OpError
		if (!errors.As(err, &dial) || dial.Op != "dial") && !slices.Contains(repeatable, path) {
			return nil, fmt.Errorf("the daemon did not answer (%w): another one has taken its place; phorever status tells what became of the order", errors.Unwrap(err))
		}
		pid, held := c.Holder()
		switch {
		case errors.Is(err, os.ErrPermission):
			return nil, fmt.Errorf("the control socket %s is not ours to use: %w", c.place.Socket, os.ErrPermission)
		case !held:
			return nil, ErrNoDaemon
		case time.Now().After(deadline):
			return nil, fmt.Errorf("the daemon (pid %d) holds its lock and does not answer on %s", pid, c.place.Socket)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func answered(response *http.Response) (io.ReadCloser, error) {
	if response.StatusCode == http.StatusOK {
		return response.Body, nil
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, 8<<20))
	refusal := &Refusal{}
	if json.Unmarshal(body, refusal) != nil || refusal.Message == "" {
		return nil, fmt.Errorf("the daemon answered %s: %s", response.Status, strings.TrimSpace(string(body)))
	}
	return nil, refusal
}
