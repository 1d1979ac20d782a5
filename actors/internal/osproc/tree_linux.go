package osproc

import (
	"errors"
	"maps"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/pidfd"
)

// CloneParent makes a child that of our parent.
const CloneParent = unix.CLONE_PARENT

// Signal sends a signal to a member, or returns ErrGone. It never reaches another process that has its number.
func (m Member) Signal(signal syscall.Signal) error {
	fd, err := pidfd.OpenChecked(m.Pid, m.Start)
	if errors.Is(err, pidfd.ErrGone) || errors.Is(err, pidfd.ErrStranger) {
		return ErrGone
	}
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	return pidfd.Signal(fd, signal)
}

// snapshot is one walk through /proc.
type snapshot struct {
	processes map[int]Info
	children  map[int][]int
	marks     map[int]string // of those that were asked for
	partial   bool           // some could not be looked at
	began     uint64         // in ticks since boot
}

func walk() *snapshot {
	s := &snapshot{processes: map[int]Info{}, children: map[int][]int{}, marks: map[int]string{}, began: pidfd.Ticks(time.Now())}
	directory, err := os.Open("/proc")
	if err != nil {
		s.partial = true
		return s
	}
	defer directory.Close()
	names, err := directory.Readdirnames(-1)
	s.partial = err != nil
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		info, err := pidfd.Look(pid)
		if err != nil {
			s.partial = s.partial || !errors.Is(err, pidfd.ErrGone)
			continue
		}
		s.processes[pid] = info
		s.children[info.Parent] = append(s.children[info.Parent], pid)
	}
	return s
}

// carries tells whether a process has a variable in its environment.
func (s *snapshot) carries(pid int, mark string) bool {
	name, value, _ := strings.Cut(mark, "=")
	seen, ok := s.marks[pid]
	if !ok {
		seen, _ = pidfd.Environ(pid, name)
		s.marks[pid] = seen
	}
	return seen == value && value != ""
}

// FindAll looks for the living members of several kins in one walk through /proc. The walk is not atomic: a process that forks
// meanwhile may be missed. whole is false when there were processes that could not be looked at.
func FindAll(kins []*Kin) (found [][]Member, whole bool) {
	s := walk()
	found = make([][]Member, len(kins))
	for i, kin := range kins {
		found[i] = kin.find(s)
	}
	return found, !s.partial
}

// Members is FindAll for one.
func (k *Kin) Members() []Member {
	found, _ := FindAll([]*Kin{k})
	return found[0]
}

// find is everything of the session or group of the first process, or of a session that a member has led; what carries the
// mark; what writes to the same FIFO and has no parent but us; and what descends from any of them.
func (k *Kin) find(s *snapshot) []Member {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.begin()
	k.forget(s)
	mine := map[int]bool{}
	var queue []int
	take := func(pid int) {
		info := s.processes[pid]
		if mine[pid] || info.Start < k.Start || pid == os.Getpid() || pid <= 1 || k.Strangers != nil && k.Strangers(pid) {
			return
		}
		mine[pid] = true
		queue = append(queue, pid)
	}
	for pid, info := range s.processes {
		switch {
		case info.Start < k.Start:
		case k.Leader > 0 && (pid == k.Leader || info.Session == k.Leader || info.Group == k.Leader),
			k.sessions[info.Session] != 0,
			k.known[pid] == info.Start && info.Start != 0,
			k.Mark != "" && info.State != 'Z' && s.carries(pid, k.Mark),
			len(k.Outputs) > 0 && info.State != 'Z' && k.writes(pid):
			take(pid)
		}
	}
	for len(queue) > 0 {
		pid := queue[0]
		queue = queue[1:]
		if info := s.processes[pid]; info.Session == pid && k.sessions[pid] == 0 {
			k.sessions[pid] = info.Start
			for other, its := range s.processes {
				if its.Session == pid {
					take(other)
				}
			}
		}
		for _, child := range s.children[pid] {
			take(child)
		}
	}
	if !s.partial { // one that is younger than the walk may have been made known since
		maps.DeleteFunc(k.known, func(_ int, start uint64) bool { return start < s.began })
	}
	var all []Member
	for pid := range mine {
		k.known[pid] = s.processes[pid].Start
		if info := s.processes[pid]; !info.Ended() {
			all = append(all, Member{pid, info.Start})
		}
	}
	return all
}

// forget drops the numbers that were given anew: while anything of a session or a group lived, its number was taken.
func (k *Kin) forget(s *snapshot) {
	if info, ok := s.processes[k.Leader]; ok && info.Start > k.Start {
		k.Leader = 0
	}
	maps.DeleteFunc(k.sessions, func(number int, start uint64) bool {
		info, ok := s.processes[number]
		return ok && info.Start != start
	})
}

// writes tells whether the standard output or error of a process leads to one of the FIFOs.
func (k *Kin) writes(pid int) bool {
	for _, fd := range []string{"/fd/1", "/fd/2"} {
		target, err := os.Readlink("/proc/" + strconv.Itoa(pid) + fd)
		if err != nil {
			continue
		}
		for _, output := range k.Outputs {
			if target == output {
				return true
			}
		}
	}
	return false
}

// mostRounds bounds the stopping: what forks faster than we look is killed as far as it was found.
const mostRounds = 20

// Kill ends all members that it finds: it stops them first, until nobody new turns up, so that none forks while they are
// killed. It returns how many there were.
func Kill(k *Kin) int {
	stopped := map[Member]bool{}
	for range mostRounds {
		fresh := 0
		for _, m := range k.Members() {
			if !stopped[m] {
				fresh++
				stopped[m] = true
				_ = m.Signal(syscall.SIGSTOP)
			}
		}
		if fresh == 0 {
			break
		}
	}
	for m := range stopped {
		_ = m.Signal(syscall.SIGKILL)
	}
	return len(stopped)
}

// Claims tells whether a process is proven to be of this kin.
func (k *Kin) Claims(pid int, start uint64) bool {
	for _, m := range k.Members() {
		if m.Pid == pid && m.Start == start {
			return true
		}
	}
	return false
}
