package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dcousineau/phorever/cmd/internal/control"
	"github.com/dcousineau/phorever/cmd/internal/daemon"
	"github.com/dcousineau/phorever/spec"
)

// checkReply is `check --json`.
type checkReply struct {
	OK       bool          `json:"ok"`
	Config   string        `json:"config"`
	Problems spec.Problems `json:"problems"`
}

func (a *app) check() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "check [OPTIONS] [FILE]",
		Short: "validates the configuration without starting anything",
		Long: `Reads the configuration with everything that it includes and prints every problem with its place. Exit code 2 means that
it would be refused; warnings alone are 0.`,
		Example: "  phorever check",
		Args:    atMost(1, "one file at most", "check one after another; what a file includes is checked with it"),
		RunE: func(_ *cobra.Command, arguments []string) error {
			named := a.config
			if len(arguments) > 0 {
				named = arguments[0]
			}
			path, err := control.FindConfig(named)
			if err != nil {
				return err
			}
			config, problems := spec.Load(path, spec.LoadOptions{AllowUnsafe: a.allowUnsafe, WorkingDirectory: workingDirectory()})
			ok := config != nil && !problems.HasErrors()
			if ok {
				problems = append(problems, daemon.CheckNews(config)...)
			}
			if asJSON {
				if problems == nil {
					problems = spec.Problems{}
				}
				if err := a.printJSON(checkReply{ok, path, problems}); err != nil {
					return err
				}
			} else {
				a.printProblems(problems)
			}
			if !ok {
				return exit(exitUsage)
			}
			if !asJSON {
				fmt.Fprintf(a.stdout, "%s is valid: %s, %s\n", path, count(len(config.Processes), "process", "processes"), count(len(config.Roles), "role", "roles"))
			}
			return nil
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "as JSON (default false)")
	return command
}
