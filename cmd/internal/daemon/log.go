package daemon

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/term"

	"github.com/dcousineau/phorever/spec"
)

// journal is the daemon's own log: one line a fact, into a file and onto the terminal. Its methods are safe for
// concurrent use.
type journal struct {
	*logrus.Logger
	zone     atomic.Pointer[time.Location]
	file     *logFile
	outlets  []*outlet
	terminal *sluice
}

// newJournal is a log that goes nowhere yet.
func newJournal() *journal {
	j := &journal{Logger: logrus.New()}
	j.Out, j.Formatter = io.Discard, silent{}
	j.ExitFunc = func(int) {} // nothing here may end the daemon
	j.zone.Store(time.UTC)
	return j
}

// toFile opens logs/phorever.log.
func (j *journal) toFile(config *spec.Config) error {
	if err := os.MkdirAll(config.Logging.Directory, 0o755); err != nil {
		return err
	}
	file, err := openLogFile(config.Logging.Own())
	if err != nil {
		return err
	}
	j.file = file
	j.follow(config)
	j.add(newSluice(file.write), formOf(config.Logging.Format, fileLine))
	return nil
}

// follow takes what a configuration says of the log.
func (j *journal) follow(config *spec.Config) {
	j.zone.Store(config.Timezone)
	if j.file != nil {
		j.file.rotate.Store(&config.Logging.Rotate)
	}
}

// toTerminal also shows what happens to whoever started us in the foreground.
func (j *journal) toTerminal(w io.Writer, form spec.LogFormat) {
	line := terminalLine
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" {
		line = colouredLine
	}
	j.terminal = newSluice(func(line []byte, _ int) { _, _ = w.Write(line) })
	j.terminal.first = writesInBackground
	j.add(j.terminal, formOf(form, line))
}

func (j *journal) add(to *sluice, form func(*logrus.Entry) []byte) {
	to.start()
	o := &outlet{to, form, &j.zone}
	j.outlets = append(j.outlets, o)
	j.AddHook(o)
}

// reopen opens the file anew, for logrotate.
func (j *journal) reopen() {
	if j.file == nil {
		return
	}
	if err := j.file.reopen(); err != nil {
		j.Errorf("reopen the log: %v", err)
	}
}

// close writes what waits, as far as that is possible in a second.
func (j *journal) close() {
	late := time.After(time.Second)
	for _, o := range j.outlets {
		o.to.close(late)
	}
}

// silent keeps logrus itself from writing.
type silent struct{}

// Format is nothing: the outlets write.
func (silent) Format(*logrus.Entry) ([]byte, error) { return nil, nil }

// outlet is a logrus hook that formats each line in its own way.
type outlet struct {
	to   *sluice
	form func(*logrus.Entry) []byte
	zone *atomic.Pointer[time.Location]
}

// Levels are all.
func (o *outlet) Levels() []logrus.Level { return logrus.AllLevels }

// Fire hands one line on.
func (o *outlet) Fire(entry *logrus.Entry) error {
	local := *entry
	local.Time = entry.Time.In(o.zone.Load())
	o.to.offer(o.form(&local))
	return nil
}

func formOf(format spec.LogFormat, text func(*logrus.Entry) []byte) func(*logrus.Entry) []byte {
	if format == spec.FormatJSON {
		return jsonLine
	}
	return text
}

var asJSON = &logrus.JSONFormatter{
	TimestampFormat: time.RFC3339Nano, DisableHTMLEscape: true,
	FieldMap: logrus.FieldMap{logrus.FieldKeyMsg: "message"},
}

func jsonLine(entry *logrus.Entry) []byte {
	line, err := asJSON.Format(entry)
	if err != nil {
		return []byte(fmt.Sprintf(`{"level":"error","message":%q}`+"\n", err.Error()))
	}
	return line
}

// levels are of one width, so that the messages stand below each other.
var levels = map[logrus.Level]string{
	logrus.PanicLevel: "ERROR", logrus.FatalLevel: "ERROR", logrus.ErrorLevel: "ERROR",
	logrus.WarnLevel: "WARN ", logrus.InfoLevel: "INFO ", logrus.DebugLevel: "DEBUG", logrus.TraceLevel: "DEBUG",
}

const stamp = "2006-01-02T15:04:05.000Z07:00"

// fileLine is a line of phorever.log in text form: time, level, message, and what else is known.
func fileLine(entry *logrus.Entry) []byte {
	var b bytes.Buffer
	b.WriteString(entry.Time.Format(stamp) + " " + levels[entry.Level] + " " + oneLine(entry.Message))
	keys := make([]string, 0, len(entry.Data))
	for key := range entry.Data {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		fmt.Fprintf(&b, " %s=%s", key, oneLine(fmt.Sprint(entry.Data[key])))
	}
	b.WriteByte('\n')
	return b.Bytes()
}

func terminalLine(entry *logrus.Entry) []byte {
	level := ""
	if entry.Level <= logrus.WarnLevel {
		level = strings.ToLower(strings.TrimSpace(levels[entry.Level])) + ": "
	}
	return []byte("phorever: " + entry.Time.Format("15:04:05.000") + " " + level + oneLine(entry.Message) + "\n")
}

func colouredLine(entry *logrus.Entry) []byte {
	colour := ""
	switch {
	case entry.Level <= logrus.ErrorLevel:
		colour = "\x1b[31m"
	case entry.Level == logrus.WarnLevel:
		colour = "\x1b[33m"
	}
	text := "\x1b[2mphorever: " + entry.Time.Format("15:04:05.000") + "\x1b[0m "
	if colour != "" {
		return []byte(text + colour + oneLine(entry.Message) + "\x1b[0m\n")
	}
	return []byte(text + oneLine(entry.Message) + "\n")
}

// oneLine keeps one fact on one line, and control characters of others off the terminal.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case r < ' ' || r == 0x7f:
			return '?'
		}
		return r
	}, strings.TrimRight(text, "\n"))
}
