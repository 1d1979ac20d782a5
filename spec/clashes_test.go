package spec_test

import (
	"strings"
	"testing"

	"github.com/dcousineau/phorever/spec"
)

// TestTheDefaultPidFileSparesTheConfiguration, whatever that is called.
func TestTheDefaultPidFileSparesTheConfiguration(t *testing.T) {
	config, problems := spec.Parse("/app/phorever.pid", []byte(`{"processes": [{"name": "a", "up": "sleep 1"}]}`), spec.LoadOptions{})
	if config != nil || !strings.Contains(problems.String(), "pidfile: /app/phorever.pid is the configuration") {
		t.Errorf("accepted:\n%s", problems)
	}
}
