package keeper

import (
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// A keeper that was killed is a zombie until somebody reaps it, and has no children then because they have another parent: that is no
// word about them.
func TestADeadKeeperHasNoSay(t *testing.T) {
	keeper := exec.Command("sh", "-c", "sleep 1000 & wait")
	keeper.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := keeper.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(-keeper.Process.Pid, syscall.SIGKILL) }()
	orphans := OrphansOf(keeper.Process.Pid)
	if orphans.file < 0 {
		t.Skip("the kernel has no list of children")
	}
	for begin := time.Now(); ; time.Sleep(time.Millisecond) {
		if all, ok := orphans.Read(); ok && len(all) == 1 {
			break
		} else if time.Since(begin) > time.Minute {
			t.Fatalf("%v %v", all, ok)
		}
	}
	if err := keeper.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for begin := time.Now(); ; {
		all, ok := orphans.Read()
		if ok && len(all) == 0 {
			t.Fatal("it is believed that nobody has lost a parent")
		}
		if !ok {
			break
		}
		if time.Since(begin) > time.Minute {
			t.Fatal("it does not die")
		}
	}
	_ = keeper.Wait()
	if _, ok := orphans.Read(); ok {
		t.Error("it is believed when it is gone")
	}
}
