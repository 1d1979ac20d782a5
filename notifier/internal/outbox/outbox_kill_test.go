package outbox

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/dcousineau/phorever/notifier/internal/news"
)

// must is for the other process, which has no test to fail.
func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// say prints a line at once: what it tells has happened.
func say(what string, id string) { _, _ = os.Stdout.WriteString(what + " " + id + "\n") }

// words reads such lines.
func words(input *bufio.Scanner) (what, id string, ok bool) {
	if !input.Scan() {
		return "", "", false
	}
	_, err := fmt.Sscan(input.Text(), &what, &id)
	return what, id, err == nil
}

// commitForever commits messages with growing numbers, and delivers every second one of them, until somebody kills it.
func commitForever() {
	o, ignored, err := OpenOutbox(os.Getenv(pathVariable))
	must(err)
	if ignored != "" {
		must(fmt.Errorf("ignored: %s", ignored))
	}
	o.pause = time.Millisecond // so that a sync is in the middle of something, too
	from, err := strconv.Atoi(os.Getenv(fromVariable))
	must(err)
	for i := from; ; i++ {
		id := strconv.Itoa(i)
		must(o.Commit("ops", noon, Batch{Messages: []news.Message{tidings(news.First, id, id)}, Incidents: map[string][]byte{"last": []byte(id)}}))
		say("in", id)
		if i%2 == 0 {
			next, _ := o.Next("ops")
			e, _ := o.Take("ops", next.Seq)
			must(o.Delivered("ops", e.Seq))
			say("out", e.Message.ID)
		}
	}
}

// TestKillLosesNothing: what Commit and Delivered have returned for is so after a kill -9 at any point. What was under way
// may be there or not, as a whole.
func TestKillLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "outbox.db")
	waits := map[int]bool{}
	from := 0
	for round := range 8 {
		child := again("commit", path, from)
		output, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines, killAfter := bufio.NewScanner(output), 1+29*round
		lastIn := ""
		for n := 0; ; n++ {
			what, id, ok := words(lines)
			if !ok {
				break
			}
			number, _ := strconv.Atoi(id)
			if what == "out" {
				delete(waits, number)
			} else {
				waits[number], from, lastIn = true, number+1, id
			}
			if n == killAfter {
				if err := child.Process.Kill(); err != nil { // whatever it does just now; the lines that are on their way count
					t.Fatal(err)
				}
			}
		}
		if err := child.Wait(); err == nil || lines.Err() != nil {
			t.Fatalf("it was not killed: %v, %v", err, lines.Err())
		}
		o, ignored, err := OpenOutbox(path)
		if err != nil || ignored != "" {
			t.Fatalf("round %d: ignored %q, error %v", round, ignored, err)
		}
		there := map[int]bool{}
		for _, id := range ids(o, "ops") {
			i, _ := strconv.Atoi(id)
			there[i] = true
		}
		state := string(o.Incidents("ops")["last"])
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
		var extra, missing []int
		for i := range there {
			if !waits[i] {
				extra = append(extra, i)
			}
		}
		for i := range waits {
			if !there[i] {
				missing = append(missing, i)
			}
		}
		// One step was under way: the next message came in, or the oldest went out.
		switch {
		case len(extra)+len(missing) > 1,
			len(extra) == 1 && (extra[0] != from || state != strconv.Itoa(from)),
			len(extra) == 0 && state != lastIn,
			len(missing) == 1 && missing[0] != slices.Min(slices.Collect(maps.Keys(waits))):
			t.Fatalf("round %d: too many %v, missing %v, next %d, state %q", round, extra, missing, from, state)
		}
		waits = there
		if len(extra) == 1 {
			from++
		}
	}
}

// sendAndHang delivers one message, says so, and is killed before the outbox knows.
func sendAndHang() {
	o, _, err := OpenOutbox(os.Getenv(pathVariable))
	must(err)
	NewCourier("ops", channelFunc(func(_ context.Context, m news.Message) error {
		say("sent", m.ID)
		if os.Getenv(fromVariable) == m.ID {
			select {}
		}
		return nil
	}), o, Hooks{}).Wake()
	select {}
}

// TestAKillBetweenSendingAndKnowingSendsOnceMore, not more often, with the same id; what was known before is not sent again.
func TestAKillBetweenSendingAndKnowingSendsOnceMore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "outbox.db")
	o := open(t, path)
	commit(t, o, "ops", tidings(news.First, "1", "web"), tidings(news.First, "2", "db"), tidings(news.First, "3", "mq"))
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	var sent []string
	for _, hangAt := range []int{2, 3} {
		child := again("send", path, hangAt)
		output, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(output); ; {
			_, id, ok := words(lines)
			if !ok {
				break
			}
			if sent = append(sent, id); id == strconv.Itoa(hangAt) {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = child.Wait()
	}
	if want := []string{"1", "2", "2", "3"}; !slices.Equal(sent, want) {
		t.Errorf("it sent %v, want %v", sent, want)
	}
	wantIDs(t, open(t, path), "ops", "3")
}
