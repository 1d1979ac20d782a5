package cli

import (
	"github.com/spf13/cobra"

	"github.com/dcousineau/phorever/spec"
)

// completeTargets offers the roles and processes of the configuration, read from the file: there need not be a daemon.
func (a *app) completeTargets(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	path, err := a.find()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	config, _ := spec.Load(path, spec.LoadOptions{})
	if config == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	words := []string{"all"}
	for _, role := range config.Roles {
		words = append(words, role.Name, "@"+role.Name)
	}
	for _, p := range config.Processes {
		words = append(words, p.ID)
		if n := p.Clones.Number(); n > 1 {
			for number := 1; number <= n; number++ {
				words = append(words, string(p.Clone(number)))
			}
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}
