package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"golang.org/x/sys/unix"
)

// measure is one row of the table before it has been measured.
type measure struct {
	name   string
	what   string // FEW, ALL and MANY are numbers of processes
	sample string
	rank   float64 // 0.5 is the median of all samples
	unit   string
	rival  string // whom it is compared with
	limit  float64
	kind   kind
}

// kind is what a limit is.
type kind uint8

const (
	flat    kind = iota // the most
	times               // the most, as a multiple of the rival
	atLeast             // the least, as a multiple of the rival
	more                // the most that may be added to the rival
)

// noLimit is the target of what is only told.
const noLimit = math.MaxFloat64

func (b *bench) measures() []measure {
	few := "restart-" + strconv.Itoa(min(b.n, 100))
	many := "restart-" + strconv.Itoa(b.n)
	all := []measure{
		{"start", "ALL started: from the order until the last has a pid", "start", 0.5, "ms", inGo, 1.3, times},
		{"start-c", "the same, beside C", "start", 0.5, "ms", inC, noLimit, times},
		{few, "one killed among FEW: until it runs again", few, 0.5, "ms", inGo, 2, flat},
		{few + "-p99", "the same, the slowest of a hundred", few, 0.99, "ms", inGo, 8, flat},
		{few + "-c", "the same as the median, beside C", few, 0.5, "ms", inC, noLimit, times},
		{many, "one killed among ALL: until it runs again", many, 0.5, "ms", inGo, 2, flat},
		{many + "-p99", "the same, the slowest of a hundred", many, 0.99, "ms", inGo, 8, flat},
		{"killed", "ALL killed at once: until all run again", "killed", 0.5, "ms", inGo, 1.5, times},
		{"killed-c", "the same, beside C", "killed", 0.5, "ms", inC, noLimit, times},
		{"memory", "memory of daemon and keeper of ALL, soon after the start", "memory", 0.5, "MiB", "", 24, flat},
		{"memory-status", "the same, right after a status", "memory-status", 0.5, "MiB", "", 24, flat},
		{"memory-idle", "the same, after nothing has happened", "memory-idle", 0.5, "MiB", "", 24, flat},
		{"threads", "threads of both", "threads", 0.5, "", "", 20, flat},
		{"cpu", "their processor time while nothing happens", "cpu", 0.5, "ms/s", "", 1, flat},
		{"status", "status of ALL, the whole command", "status", 0.5, "ms", "", 40, flat},
		{"status-json", "status --json of ALL, the whole command", "status-json", 0.5, "ms", "", 40, flat},
		{"reload", "reload that adds one to ALL, the whole command", "reload", 0.5, "ms", "", 60, flat},
		{"reload-touched", "others that it restarted", "touched", 1, "", "", 0, flat},
		{"stop", "stop of ALL that obey, until the daemon is gone", "stop", 0.5, "ms", "", 400, flat},
		{"version", "version, the whole command", "version", 0.5, "ms", "", 15, flat},
		{"version-rss", "its largest resident set", "version-rss", 0.5, "MiB", "", 20, flat},
		{"help", "--help, the whole command", "help", 0.5, "ms", "", 15, flat},
		{"help-rss", "its largest resident set", "help-rss", 0.5, "MiB", "", 20, flat},
	}
	if few == many {
		seen := map[string]bool{}
		all = slices.DeleteFunc(all, func(m measure) bool {
			defer func() { seen[m.name] = true }()
			return seen[m.name]
		})
	}
	return append(append(all, logMeasures...), newsMeasures...)
}

// row is one line of the table.
type row struct {
	Name    string  `json:"name"`
	What    string  `json:"what"`
	Unit    string  `json:"unit"`
	Ours    *figure `json:"ours"`
	Rival   string  `json:"rival,omitempty"`
	Theirs  *figure `json:"theirs"`
	Ratio   float64 `json:"ratio,omitempty"`
	Target  string  `json:"target"`
	Verdict string  `json:"verdict"`
}

// figure is what became of some samples.
type figure struct {
	Value   float64 `json:"value"`
	Least   float64 `json:"least"`
	Most    float64 `json:"most"`
	Samples int     `json:"samples"`
}

func summarise(samples []float64, rank float64) *figure {
	if len(samples) == 0 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(samples))
	at := func(i int) float64 { return sorted[min(max(i, 0), len(sorted)-1)] }
	value := at(int(math.Ceil(rank*float64(len(sorted)))) - 1)
	if rank == 0.5 && len(sorted)%2 == 0 {
		value = (at(len(sorted)/2-1) + at(len(sorted)/2)) / 2
	}
	return &figure{value, sorted[0], sorted[len(sorted)-1], len(sorted)}
}

func (b *bench) rows() []row {
	var rows []row
	for _, m := range b.measures() {
		if b.only.MatchString(m.name) {
			rows = append(rows, m.row(b))
		}
	}
	return rows
}

func (m measure) row(b *bench) row {
	r := row{Name: m.name, What: m.what, Unit: m.unit, Rival: m.rival, Target: "-", Verdict: "-"}
	r.What = strings.NewReplacer("FEW", strconv.Itoa(min(b.n, 100)), "ALL", strconv.Itoa(b.n), "MANY", strconv.Itoa(b.quiet())).Replace(m.what)
	r.Ours = summarise(b.samples[m.sample][ours], m.rank)
	r.Theirs = summarise(b.samples[m.sample][m.rival], m.rank)
	if r.Ours != nil && r.Theirs != nil {
		r.Ratio = r.Ours.Value / r.Theirs.Value
	}
	if m.rival == inC && b.helpers["spawn"] == "" {
		r.Verdict = "left out: no C compiler"
	}
	if m.limit == noLimit {
		return r
	}
	r.Target, r.Verdict = m.verdict(r)
	return r
}

// verdict is the target of what was measured, and whether it was met.
func (m measure) verdict(r row) (target, verdict string) {
	known, met := r.Ours != nil && (m.kind == flat || r.Theirs != nil), false
	switch m.kind {
	case flat:
		target = fmt.Sprintf("<= %g %s", m.limit, m.unit)
		met = known && r.Ours.Value <= m.limit
	case times:
		target = fmt.Sprintf("<= %g x", m.limit)
		met = known && r.Ratio <= m.limit
	case atLeast:
		target = fmt.Sprintf(">= %g x", m.limit)
		met = known && r.Ratio >= m.limit
	case more:
		target = fmt.Sprintf("<= %g %s more", m.limit, m.unit)
		met = known && r.Ours.Value-r.Theirs.Value <= m.limit
	}
	switch {
	case !known:
		return target, "not measured"
	case met:
		return target, "ok"
	}
	return target, "MISSED"
}

func missed(rows []row) bool {
	return slices.ContainsFunc(rows, func(r row) bool { return r.Verdict == "MISSED" })
}

// facts say on what was measured.
func (b *bench) facts() []string {
	var name unix.Utsname
	_ = unix.Uname(&name)
	facts := []string{
		fmt.Sprintf("%d CPUs, %s %s, %s", runtime.NumCPU(), unix.ByteSliceToString(name.Sysname[:]), unix.ByteSliceToString(name.Release[:]), runtime.Version()),
		fmt.Sprintf("load average %s when it began, %s when it ended", b.load, load()),
		fmt.Sprintf("%d processes, %d rounds; a number is the median (least..most) of its samples", b.n, b.rounds),
	}
	if b.wantedLogs() {
		facts = append(facts, b.logFact())
	}
	if _, err := exec.LookPath("cc"); err != nil {
		facts = append(facts, "no C compiler: the C loop is left out, children are Go programs, and a resident set is at least that of this runner")
	}
	return facts
}

func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

func printTable(w io.Writer, facts []string, rows []row) error {
	for _, fact := range facts {
		fmt.Fprintln(w, fact)
	}
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tMEASURED\tPHOREVER\tBASELINE\tRATIO\tTARGET\tVERDICT")
	for _, r := range rows {
		ratio, baseline := "-", "-"
		if r.Ratio > 0 {
			ratio = fmt.Sprintf("%.2f", r.Ratio)
		}
		if r.Theirs != nil {
			baseline = r.Rival + " " + r.Theirs.text(r.Unit)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, r.What, r.Ours.text(r.Unit), baseline, ratio, r.Target, r.Verdict)
	}
	return table.Flush()
}

func (f *figure) text(unit string) string {
	if f == nil {
		return "-"
	}
	return strings.TrimSpace(fmt.Sprintf("%.4g %s", f.Value, unit)) + fmt.Sprintf(" (%.3g..%.3g)", f.Least, f.Most)
}

func printJSON(w io.Writer, facts []string, rows []row) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(map[string]any{"facts": facts, "rows": rows})
}
