package logs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// The yardstick of the pump: "child | cat > file", on the same machine in the same run. The child is this binary; its own
// time is not counted, its pipe is.
func BenchmarkAgainstCat(b *testing.B) {
	for _, work := range []struct {
		name        string
		bytes, size int
		writers     int
	}{
		{"4096-byte-writes", 1 << 30, 4096, 1},
		{"100-byte-writes", 128 << 20, 100, 1},
		{"50-writers-of-4096", 10 << 20, 4096, 50},
		{"50-writers-of-100", 2 << 20, 100, 50},
	} {
		b.Run(work.name, func(b *testing.B) {
			var ours, cats, ourCPU, catCPU time.Duration
			for b.Loop() {
				d, c := measure(b, work.bytes, work.size, work.writers, true)
				ours, ourCPU = ours+d, ourCPU+c
				d, c = measure(b, work.bytes, work.size, work.writers, false)
				cats, catCPU = cats+d, catCPU+c
			}
			total := float64(b.N) * float64(work.bytes) * float64(work.writers)
			b.ReportMetric(total/1e6/ours.Seconds(), "MB/s")
			b.ReportMetric(total/1e6/cats.Seconds(), "cat-MB/s")
			b.ReportMetric(ourCPU.Seconds()/total*(1<<30), "cpu-s/GiB")
			b.ReportMetric(catCPU.Seconds()/total*(1<<30), "cat-cpu-s/GiB")
			b.ReportMetric(cats.Seconds()/ours.Seconds(), "speed-ratio")
			b.ReportMetric(ourCPU.Seconds()/catCPU.Seconds(), "cpu-ratio")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// measure has writers write, each into a file of its own, and returns how long that took and what the readers used.
func measure(b *testing.B, bytes, size, writers int, pump bool) (wall, cpu time.Duration) {
	b.Helper()
	directory, err := os.MkdirTemp("/dev/shm", "logs") // a disk would be what is measured
	if err != nil {
		directory = b.TempDir()
	}
	defer os.RemoveAll(directory)
	p := newPump(b)
	var children, cats []*exec.Cmd
	var streams []*Stream
	begun, used := time.Now(), self()
	for i := range writers {
		path := filepath.Join(directory, fmt.Sprint(i))
		if pump {
			s, w := attach(b, p, open(b, p, FileOptions{Path: path}), nil)
			streams = append(streams, s)
			children = append(children, child(b, w, "blocks", fmt.Sprint(bytes), fmt.Sprint(size)))
			continue
		}
		out, err := os.Create(path)
		if err != nil {
			b.Fatal(err)
		}
		r, w, err := os.Pipe()
		if err != nil {
			b.Fatal(err)
		}
		cat := exec.Command("cat")
		cat.Stdin, cat.Stdout = r, out
		if err := cat.Start(); err != nil {
			b.Fatal(err)
		}
		r.Close()
		out.Close()
		cats = append(cats, cat)
		children = append(children, child(b, w, "blocks", fmt.Sprint(bytes), fmt.Sprint(size)))
	}
	for _, c := range children {
		if err := c.Wait(); err != nil {
			b.Fatal(err)
		}
	}
	for _, s := range streams {
		finish(b, s)
	}
	for _, c := range cats {
		if err := c.Wait(); err != nil {
			b.Fatal(err)
		}
		cpu += c.ProcessState.SystemTime() + c.ProcessState.UserTime()
	}
	wall = time.Since(begun)
	if pump {
		cpu = self() - used
	}
	for i := range writers {
		info, err := os.Stat(filepath.Join(directory, fmt.Sprint(i)))
		if err != nil || info.Size() < int64(bytes) {
			b.Fatalf("file %d: %v %v", i, info, err)
		}
	}
	return wall, cpu
}

// self is the CPU time of this process.
func self() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// How long the end of a run waits for its last lines.
func BenchmarkFinish(b *testing.B) {
	path, p := logPath(b), newPump(b)
	s, w := attach(b, p, open(b, p, FileOptions{Path: path}), nil)
	done := make(chan struct{})
	for b.Loop() {
		write(b, w, "one\ntwo\nlast")
		s.Finish(func() { done <- struct{}{} })
		<-done
	}
}
