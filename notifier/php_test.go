package notifier_test

import (
	"os"
	"os/exec"
	"testing"
)

// The library for listeners in PHP has tests of its own.
func TestListenersInPHP(t *testing.T) {
	phpunit, err := exec.LookPath("phpunit")
	if err != nil {
		t.Skip("phpunit is not installed")
	}
	command := exec.Command(phpunit, "--no-configuration", "--do-not-cache-result", "--bootstrap", "php/tests/bootstrap.php", "php/tests")
	command.Env = append(os.Environ(), "HOME="+t.TempDir())
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
