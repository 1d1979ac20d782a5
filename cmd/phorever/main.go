// Command phorever is a role-based process supervisor: see docs/README.md.
package main

import (
	"os"

	"github.com/dcousineau/phorever/cmd/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) }
