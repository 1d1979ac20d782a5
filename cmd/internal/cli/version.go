package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

func (a *app) version() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:     "version [OPTIONS]",
		Short:   "prints the version",
		Long:    `Prints the version of this binary. The daemon that runs may be another: status --json shows its version.`,
		Example: "  phorever version",
		Args:    none,
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return a.printJSON(map[string]string{"version": version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH})
			}
			fmt.Fprintf(a.stdout, "phorever %s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "as JSON (default false)")
	return command
}

func (a *app) completion() *cobra.Command {
	return &cobra.Command{
		Use:       "completion SHELL",
		Short:     "prints the completion script for bash, zsh or fish",
		Long:      `Prints a script that lets the shell complete commands, options, roles and processes.`,
		Example:   "  source <(phorever completion bash)",
		ValidArgs: []string{"bash", "zsh", "fish"},
		Args:      atLeast(1, "for which shell?", "phorever completion bash"),
		RunE: func(command *cobra.Command, arguments []string) error {
			root := command.Root()
			switch arguments[0] {
			case "bash":
				return root.GenBashCompletionV2(a.stdout, true)
			case "zsh":
				return root.GenZshCompletion(a.stdout)
			case "fish":
				return root.GenFishCompletion(a.stdout, true)
			}
			return &usage{fmt.Sprintf("no completion for %q", arguments[0]), "there is one for bash, zsh and fish"}
		},
	}
}
