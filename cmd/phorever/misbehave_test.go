package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// misbehave is the child of the scripts: this test binary under another name. Its arguments are steps, done in order;
// after the last one it prints "ready" and waits for a signal, unless a step has ended it.
//
//	misbehave ignore INT,TERM,HUP  hold-lock FILE  lines 100  exit 3
func misbehave() {
	args := os.Args[1:]
	for len(args) > 0 {
		next, known := steps[args[0]]
		if !known || len(args) <= next.takes {
			fmt.Fprintf(os.Stderr, "misbehave: unknown step or missing argument: %q\n", args)
			os.Exit(64)
		}
		argument := ""
		if next.takes == 1 {
			argument = args[1]
		}
		next.do(argument)
		args = args[1+next.takes:]
	}
	fmt.Println("ready")
	select {}
}

type step struct {
	takes int // arguments
	do    func(argument string)
}

var steps = map[string]step{
	"ignore":         {1, ignore},
	"slow":           {1, slow},
	"hold-lock":      {1, holdLock},
	"lines":          {1, lines},
	"collect":        {1, collect},
	"inbox":          {1, inbox},
	"flood":          {1, flood},
	"say":            {1, func(text string) { fmt.Println(text) }},
	"complain":       {1, func(text string) { fmt.Fprintln(os.Stderr, text) }},
	"mutter":         {1, func(text string) { fmt.Print(text) }}, // no newline
	"once":           {1, once},
	"exit":           {1, func(code string) { os.Exit(number(code)) }},
	"die":            {1, die},
	"fork-and-leave": {1, forkAndLeave},
	"hold-pipe":      {0, holdPipe},
	"on-term":        {1, onTerm},
	"exit-on":        {1, exitOn},
	"count":          {1, count},
	"say-on":         {1, sayOn},
	"stamp":          {1, stamp},
}

// ignore makes signals do nothing, for this process and those it starts.
func ignore(names string) {
	for name := range strings.SplitSeq(names, ",") {
		signal.Ignore(signalsByName[name])
	}
}

// slow takes its time.
func slow(duration string) {
	d, err := time.ParseDuration(duration)
	check(err)
	time.Sleep(d)
}

// lockFile keeps the lock's descriptor from being collected.
var lockFile *os.File

// holdLock takes a file's lock for the life of this process. A second copy is seen: it is written down and ends with 99.
func holdLock(name string) {
	var err error
	lockFile, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	check(err)
	if syscall.Flock(int(lockFile.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		record, err := os.OpenFile(name+".second-copy", os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
		check(err)
		fmt.Fprintf(record, "%d\n", os.Getpid())
		os.Exit(99)
	}
}

// lines writes numbered lines, so that a lost, torn or doubled one is seen.
func lines(count string) {
	out := bufio.NewWriter(os.Stdout)
	for i := range number(count) {
		fmt.Fprintf(out, "line %07d of %s\n", i+1, count)
	}
	check(out.Flush())
}

// flood writes so many MiB in one go, in lines of 100 bytes.
func flood(mebibytes string) {
	line := strings.Repeat("x", 99) + "\n"
	chunk := []byte(strings.Repeat(line, (1<<20)/len(line)))
	for range number(mebibytes) {
		_, err := os.Stdout.Write(chunk)
		check(err)
	}
}

// once ends with success the second time: the first run leaves the file behind and goes on.
func once(name string) {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		os.Exit(0)
	}
	file.Close()
}

// stamp writes down what time it is, in nanoseconds.
func stamp(name string) {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	check(err)
	fmt.Fprintln(file, time.Now().UnixNano())
	check(file.Close())
}

// die ends this process by a signal, with the signal's default action: a shell in our place sends it to itself.
func die(name string) {
	check(syscall.Exec("/bin/sh", []string{"sh", "-c", "ulimit -c 0; kill -" + name + " $$"}, os.Environ()))
}

// forkAndLeave starts a process of its own session that writes its pid into a file and outlives us, if it is let.
func forkAndLeave(pidFile string) {
	// The shell in between ends at once, so that its child has no parent here.
	cmd := exec.Command("/bin/sh", "-c", `setsid sh -c 'trap "" TERM HUP; echo $$ > "$0.new"; mv "$0.new" "$0"; exec sleep 300' "$0" >/dev/null 2>&1 &`, pidFile)
	check(cmd.Run())
	for range 500 {
		if _, err := os.Stat(pidFile); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	os.Exit(65)
}

// holdPipe leaves a grandchild that keeps our standard output open.
func holdPipe(string) {
	cmd := exec.Command("sleep", "300")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	check(cmd.Start())
}

// onTerm says a word when TERM arrives, and ends with success.
func onTerm(word string) {
	terms := make(chan os.Signal, 1)
	signal.Notify(terms, syscall.SIGTERM)
	go func() {
		<-terms
		fmt.Println(word)
		os.Exit(0)
	}()
}

// exitOn ends with an exit code when a signal arrives: "USR1=7".
func exitOn(argument string) {
	name, code, _ := strings.Cut(argument, "=")
	onSignal(name, func() { os.Exit(number(code)) })
}

// sayOn says something whenever a signal arrives: "USR1=a text".
func sayOn(argument string) {
	name, text, _ := strings.Cut(argument, "=")
	onSignal(name, func() { fmt.Println(text) })
}

// count writes numbered lines for ever, and notes in a file of its own how many it has written. PAUSE is the time between
// bursts.
func count(name string) {
	pause := time.Millisecond
	if text := os.Getenv("PAUSE"); text != "" {
		var err error
		pause, err = time.ParseDuration(text)
		check(err)
	}
	// In an hour pids are used again; a run of a clone is not.
	who := os.Getenv("PHOREVER_NAME") + ":" + os.Getenv("PHOREVER_CLONE") + "#" + os.Getenv("PHOREVER_RUN")
	note, err := os.Create(name + "." + who)
	check(err)
	for i := 0; ; i++ {
		_, err := fmt.Fprintf(os.Stdout, "%s %d of many\n", who, i)
		check(err)
		_, err = note.WriteAt([]byte(strconv.Itoa(i+1)+"\n"), 0)
		check(err)
		if i%16 == 0 {
			time.Sleep(pause)
		}
	}
}

func onSignal(name string, do func()) {
	arrived := make(chan os.Signal, 1)
	signal.Notify(arrived, signalsByName[name])
	go func() {
		for range arrived {
			do()
		}
	}()
}

var signalsByName = map[string]os.Signal{
	"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "QUIT": syscall.SIGQUIT,
	"USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2,
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	check(err)
	return n
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "misbehave:", err)
		os.Exit(70)
	}
}

// collect prints what comes as datagrams to a socket of the machine.
func collect(path string) {
	_ = os.Remove(path)
	socket, err := net.ListenPacket("unixgram", path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	text := make([]byte, 1<<16)
	for {
		n, _, err := socket.ReadFrom(text)
		if err != nil {
			return
		}
		fmt.Printf("%s\n", text[:n])
	}
}
