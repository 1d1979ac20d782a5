package logs

import "github.com/dcousineau/phorever/actors/internal/pidfd"

func bootID() string { return pidfd.BootID() }
