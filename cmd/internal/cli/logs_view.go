package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dcousineau/phorever/actors"
)

const (
	readEvery    = 100 * time.Millisecond // for new lines
	refreshEvery = 2 * time.Second        // for new processes
)

// logView prints the lines of several logs.
type logView struct {
	app      *app
	options  *logsOptions
	index    string // where the indexes are
	zone     *time.Location
	out      *bufio.Writer
	encoder  *json.Encoder
	terminal bool
	width    int               // of the widest label
	labels   map[string]string // as they are shown, in that width
	sources  []*source
	shown    int
	unkept   []string   // files that keep nothing
	failed   bool       // something could not be read
	unknown  int        // lines of which it is not known whether they are wanted
	held     []heldLine // of several logs, until they are in order
}

// source is one log that is being read.
type source struct {
	logFile
	reader *actors.LogReader
	time   time.Time // of the line that was read last
	worry  string    // what was complained about last
}

// heldLine is a line that waits for its turn.
type heldLine struct {
	source *source
	line   actors.LogLine
	time   time.Time
}

func newView(a *app, o *logsOptions, shown *shownLogs) *logView {
	v := &logView{app: a, options: o, index: shown.index, zone: shown.zone, out: bufio.NewWriterSize(a.stdout, 64<<10), terminal: terminalOf(a.stdout) != nil}
	v.encoder = json.NewEncoder(v.out)
	v.encoder.SetEscapeHTML(false)
	return v
}

func (v *logView) close() {
	for _, s := range v.sources {
		s.reader.Close()
	}
}

// add takes up logs that are not read yet.
func (v *logView) add(files []logFile) (fresh []*source) {
	known := map[string]*source{}
	for _, s := range v.sources {
		known[s.path] = s
	}
	for _, f := range files {
		if v.options.stdout && !v.options.stderr && !f.stdout || v.options.stderr && !v.options.stdout && !f.stderr {
			continue
		}
		if s := known[f.path]; s != nil {
			s.logFile = f
			continue
		}
		if !v.keeps(f) {
			continue
		}
		reader := actors.NewLogReader(f.path, v.index)
		reader.Damaged = func(err error) {
			v.failed = true
			v.app.say("warning: %v; lines are missing here", err)
		}
		fresh = append(fresh, &source{logFile: f, reader: reader})
	}
	v.sources = append(v.sources, fresh...)
	for _, s := range v.sources {
		v.width = max(v.width, len(s.label))
	}
	v.labels = map[string]string{}
	return fresh
}

// keeps says whether there may be lines in a file, and tells once where not.
func (v *logView) keeps(f logFile) bool {
	info, err := os.Stat(f.path)
	if err != nil || info.Mode().IsRegular() {
		return true
	}
	if !slices.Contains(v.unkept, f.path) {
		v.unkept = append(v.unkept, f.path)
		v.app.say("%s: %s is no regular file: what goes there is not kept", f.label, f.path)
	}
	return false
}

// wants says whether a line is asked for, as far as that does not depend on its time.
func (v *logView) wants(s *source, line *actors.LogLine) bool {
	o := v.options
	if asked := o.run > 0 || s.stdout && s.stderr && o.stdout != o.stderr; asked && !line.Known {
		v.unknown++
		return false
	}
	switch {
	case o.run > 0 && line.Run != o.run,
		line.Known && o.stdout != o.stderr && line.Stderr != o.stderr:
		return false
	case o.ids != nil && line.Clone != "":
		name, _, _ := strings.Cut(line.Clone, ":")
		if !slices.Contains(o.ids, line.Clone) && !slices.Contains(o.ids, name) {
			return false
		}
	}
	return o.pattern == nil || o.pattern.Match(line.Text)
}

// last prints the last lines of logs that are new.
func (v *logView) last(ctx context.Context, files []logFile) error {
	o := v.options
	v.merge(ctx, v.add(files))
	switch selects := o.pattern != nil || o.role != "" || o.run > 0 || o.since != "" || o.until != "" || o.ids != nil || o.stdout != o.stderr; {
	case v.shown > 0 || o.follow || ctx.Err() != nil || len(v.sources) == 0 && len(v.unkept) > 0:
	case selects:
		v.app.say("no such lines")
	default:
		v.app.say("nothing was logged yet")
	}
	if v.unknown > 0 {
		v.app.say("warning: lines were left out of which it is not known whose they are")
		v.unknown = 0
	}
	return v.out.Flush()
}

// take prints a line, or holds it until those of the other logs are there.
func (v *logView) take(s *source, line actors.LogLine) {
	if line.Known {
		s.time = line.Time
	}
	if len(v.sources) == 1 {
		v.print(s, line)
		return
	}
	v.held = append(v.held, heldLine{s, line, s.time})
}

// inOrder prints what is held. A line of unknown time stays behind the one that it came after.
func (v *logView) inOrder() {
	slices.SortStableFunc(v.held, func(a, b heldLine) int { return a.time.Compare(b.time) })
	for _, h := range v.held {
		v.print(h.source, h.line)
	}
	v.held = nil
}

// follow prints what comes until the context ends, of more logs where refresh finds more.
func (v *logView) follow(ctx context.Context, refresh func() []logFile) error {
	tick := time.NewTicker(readEvery)
	defer tick.Stop()
	for refreshed := time.Now(); ; {
		flood := false
		for _, s := range v.sources {
			more, gap, err := s.reader.Next(func(line actors.LogLine) {
				if !v.options.to.IsZero() && line.Time.After(v.options.to) || !v.wants(s, &line) {
					return
				}
				if len(v.sources) > 1 { // the text is the reader's
					line.Text = bytes.Clone(line.Text)
				}
				v.take(s, line)
			})
			flood = flood || more
			if gap {
				v.app.say("warning: %s: files were removed before they could be read; lines are missing here", s.label)
			}
			v.complain(s, err)
			if ctx.Err() != nil {
				v.inOrder()
				return v.out.Flush()
			}
		}
		v.inOrder()
		if err := v.out.Flush(); err != nil {
			return err
		}
		if time.Since(refreshed) >= refreshEvery {
			refreshed = time.Now()
			if err := v.last(ctx, refresh()); err != nil {
				return err
			}
		}
		if flood {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// complain says what is wrong with a log, once.
func (v *logView) complain(s *source, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	v.failed = v.failed || err != nil
	if text != s.worry && text != "" {
		v.app.say("error: %v", err)
	}
	s.worry = text
}

// jsonLogLine is one line of `logs --json`.
type jsonLogLine struct {
	V       int        `json:"v"`
	Time    *time.Time `json:"time"`    // when it came; null where that is not known
	Process *string    `json:"process"` // web:1; null where several write into the file and it is not known whose line it is
	Run     *int       `json:"run"`     // null where it is not known
	Stream  string     `json:"stream"`
	Line    string     `json:"line"`
	Cut     bool       `json:"cut,omitempty"` // the line is longer, and this is its beginning
}

func (v *logView) print(s *source, line actors.LogLine) {
	v.shown++
	label := s.label
	if line.Clone != "" {
		label = line.Clone
	}
	switch {
	case v.options.asJSON:
		object := jsonLogLine{V: 1, Stream: "stdout", Line: string(line.Text), Cut: line.Cut}
		if !strings.HasSuffix(label, ":*") {
			object.Process = &label
		}
		if line.Known {
			at := line.Time.In(v.zone)
			object.Time, object.Run = &at, &line.Run
		}
		if line.Known && line.Stderr || !line.Known && !s.stdout {
			object.Stream = "stderr"
		}
		_ = v.encoder.Encode(object) // Flush tells
	case v.options.raw:
		_, _ = v.out.Write(line.Text)
		_ = v.out.WriteByte('\n')
		if line.Cut { // what is said in the line would be taken for a part of it
			v.app.say("warning: %s: a line of more than 1 MiB is cut", label)
		}
	default:
		shown, ok := v.labels[label]
		if !ok { // once: whether there is a terminal costs a system call
			shown = v.app.label(label, v.width)
			v.labels[label] = shown
		}
		_, _ = v.out.WriteString(shown)
		if v.terminal {
			_, _ = v.out.WriteString(visible(line.Text))
		} else {
			_, _ = v.out.Write(line.Text)
		}
		if line.Cut {
			_, _ = v.out.WriteString(" [cut]")
		}
		_ = v.out.WriteByte('\n')
	}
}

// label is whose line it is, in a colour of its own on a terminal.
func (a *app) label(name string, width int) string {
	text := fmt.Sprintf("%-*s | ", width, name)
	if terminalOf(a.stdout) == nil || !colours() {
		return text
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(name))
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", 31+hash.Sum32()%6, text)
}

// visible shows what a terminal would obey: control characters as cat -v does, what changes the direction of writing, and what is no
// text, by their numbers.
func visible(line []byte) string {
	if clean(line) {
		return string(line)
	}
	var b strings.Builder
	for len(line) > 0 {
		r, size := utf8.DecodeRune(line)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, "\\x%02x", line[0])
		case r == '\t':
			b.WriteByte('\t')
		case r < ' ':
			b.WriteString("^" + string(r+'@'))
		case r == 0x7f:
			b.WriteString("^?")
		case unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Bidi_Control, r):
			fmt.Fprintf(&b, "\\u%04x", r)
		default:
			b.WriteRune(r)
		}
		line = line[size:]
	}
	return b.String()
}

func clean(line []byte) bool {
	for _, c := range line {
		if c < ' ' && c != '\t' || c >= 0x7f {
			return false
		}
	}
	return true
}
