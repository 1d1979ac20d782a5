package logs

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// The writers of the tests are this binary, told by the environment what to write.
func TestMain(m *testing.M) {
	if mode := os.Getenv("LOGS_TEST_WRITER"); mode != "" {
		os.Exit(writer(mode, strings.Fields(os.Getenv("LOGS_TEST_ARGUMENTS"))))
	}
	os.Exit(m.Run())
}

func writer(mode string, arguments []string) int {
	number := func(i int) int {
		n, err := strconv.Atoi(arguments[i])
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return n
	}
	switch mode {
	case "numbered": // NAME COUNT
		numbered(os.Stdout, arguments[0], number(1))
	case "blocks": // BYTES SIZE: lines of 100 bytes in writes of SIZE
		line := strings.Repeat("0123456789", 10)[:99] + "\n"
		data := []byte(strings.Repeat(line, 4096))
		size := number(1)
		for left, at := number(0), 0; left > 0; left -= size {
			if _, err := os.Stdout.Write(data[at : at+size]); err != nil {
				return 1
			}
			if at += size; at+size > len(data) {
				at = 0
			}
		}
	case "endless": // BYTES without a newline
		block := []byte(strings.Repeat("y", 64<<10))
		for left := number(0); left > 0; left -= len(block) {
			os.Stdout.Write(block[:min(left, len(block))])
		}
	case "cat": // to FILE, as the shell's redirection does
		out, err := os.Create(arguments[0])
		if err != nil {
			return 1
		}
		cat := exec.Command("cat")
		cat.Stdin, cat.Stdout = os.Stdin, out
		if cat.Run() != nil {
			return 1
		}
	}
	return 0
}

// child starts a writer on the write end w, which it takes over.
func child(t testing.TB, w *os.File, mode string, arguments ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "LOGS_TEST_WRITER="+mode, "LOGS_TEST_ARGUMENTS="+strings.Join(arguments, " "))
	c.Stdout, c.Stderr = w, os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return c
}

// scatter writes data in pieces of random sizes.
func scatter(w io.Writer, data []byte, random *rand.Rand) error {
	for len(data) > 0 {
		n := min(len(data), 1+random.IntN(1+random.IntN(5000)))
		if _, err := w.Write(data[:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// numbered writes lines of many lengths, numbered, in pieces that end inside them, as stdio does.
func numbered(out io.Writer, name string, lines int) {
	w := bufio.NewWriterSize(out, 4096)
	for i := range lines {
		fmt.Fprintf(w, "%s %d %s\n", name, i, strings.Repeat("x", (i*7919)%200))
		if i%97 == 0 {
			w.Flush()
		}
	}
	w.Flush()
}
