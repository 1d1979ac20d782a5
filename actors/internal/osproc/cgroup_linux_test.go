package osproc

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func init() { modes["enable-cgroup"] = enableCgroup }

// enableCgroup is a daemon that has started a process without a group of its own when another one is to have a limit.
func enableCgroup() {
	group, controller := os.Getenv("GROUP"), os.Getenv("CONTROLLER")
	err := os.WriteFile(group+"/cgroup.procs", []byte("0"), 0)
	other := exec.Command("sleep", "1000")
	if err == nil {
		err = other.Start()
	}
	if err == nil {
		err = enable(group, controller)
		for _, pid := range []int{os.Getpid(), other.Process.Pid} {
			where, _ := cgroupOf(strconv.Itoa(pid))
			fmt.Println(where)
		}
		_ = other.Process.Kill()
		_ = other.Wait()
	}
	fmt.Println(err)
}

// divisible makes a group below ours that has a controller.
func divisible(t *testing.T) (group, controller string) {
	t.Helper()
	own, err := cgroupOf("self")
	if err != nil {
		t.Skip(err)
	}
	enabled, _ := os.ReadFile(own + "/cgroup.subtree_control")
	for _, one := range []string{"memory", "io", "hugetlb", "pids", "cpu"} {
		if contains(string(enabled), one) {
			controller = one
		}
	}
	group = filepath.Join(own, "phorever.test."+strconv.Itoa(os.Getpid()))
	if controller == "" {
		t.Skip("no controller is enabled for groups in ", own)
	}
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() {
		_ = os.Remove(filepath.Join(group, daemonLeaf))
		if err := os.Remove(group); err != nil {
			t.Error(err)
		}
	})
	return group, controller
}

func TestWhatRunsWithoutAGroupMakesRoomForLimits(t *testing.T) {
	group, controller := divisible(t)
	c := ourselves("enable-cgroup")
	c.Env = append(c.Env, "GROUP="+group, "CONTROLLER="+controller)
	output, _ := outputAndEnd(t, c)
	leaf := filepath.Join(group, daemonLeaf)
	if want := strings.Join([]string{leaf, leaf, "<nil>", ""}, "\n"); output != want {
		t.Errorf("got %q, want %q", output, want)
	}
}

func TestProcessesOfOthersStayWhereTheyAre(t *testing.T) {
	group, controller := divisible(t)
	c := shell(`sleep 1000 & other=$!; echo $other >$GROUP/cgroup.procs; "$1"; cat $GROUP/cgroup.procs; kill $other; wait`, self())
	c.Env = append(ourselves("enable-cgroup").Env, "GROUP="+group, "CONTROLLER="+controller)
	output, _ := outputAndEnd(t, c)
	if !strings.Contains(output, "processes that are not ours are in it\n") || !strings.ContainsAny(output[max(0, len(output)-2):], "0123456789") {
		t.Errorf("got %q, want that another process is in the way, and its number", output)
	}
}
