package event_test

import (
	"testing"
	"time"

	"github.com/dcousineau/phorever/actors/event"
)

func TestAnEndInWords(t *testing.T) {
	kill, code := "SIGKILL", 3
	for want, exit := range map[string]event.Exit{
		"exited 3 after 5s":                                         {Code: &code, Cause: event.CauseExited},
		"was killed by SIGKILL after 5s":                            {Signal: &kill, Cause: event.CauseSignaled},
		"was killed for want of memory after 5s":                    {Signal: &kill, Cause: event.CauseOOM},
		"was unhealthy (silent) and was killed by SIGKILL after 5s": {Signal: &kill, Cause: event.CauseUnhealthy, Detail: "silent"},
		"ended, its exit status was lost after 5s":                  {Cause: event.CauseLost},
		"could not be started: no such file":                        {Cause: event.CauseSpawnFailed, Detail: "no such file"},
	} {
		exit.Uptime = 5 * time.Second
		if got := exit.Story(); got != want {
			t.Errorf("want %q, got %q", want, got)
		}
	}
}
