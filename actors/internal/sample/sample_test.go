package sample

import (
	"os"
	"runtime"
	"testing"
	"time"
)

func TestABusyProcessIsSeenToBeBusy(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells")
	}
	s := New()
	pids := []int{os.Getpid(), 1 << 30}
	s.Sample(pids, time.Now())
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); {
	}
	usage := s.Sample(pids, time.Now())
	if u := usage[0]; u.CPUPercent < 10 || u.CPUPercent > 800 || u.Memory < 1<<20 {
		t.Errorf("a busy process: %+v", u)
	}
	if usage[1] != (Usage{}) {
		t.Errorf("a process that is not there: %+v", usage[1])
	}
}

func BenchmarkSample(b *testing.B) {
	s, pids := New(), []int{os.Getpid()}
	for b.Loop() {
		s.Sample(pids, time.Now())
	}
}
