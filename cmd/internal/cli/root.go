package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dcousineau/phorever/spec"
)

// notYet are words of the command line whose behaviour does not exist yet: refused, and absent from the help.
var notYet = map[string]string{
	"stats": "", "top": "phorever status --watch looks again every second", "import": "", "export": "",
	"doctor": "phorever check looks at the configuration", "verify": "",
}

// notYetOptions are the same for options.
var notYetOptions = map[string]bool{
	"check --policy": true,
}

// elsewhere are words that users of other supervisors type first.
var elsewhere = map[string]string{
	"reread": "plan", "update": "reload", "shutdown": "stop", "avail": "status --all", "list": "status", "up": "start -d", "down": "stop",
	"kill": "signal", "pid": "status", "maintail": "events", "describe": "why", "info": "why", "flush": "logs --reopen", "delete": "stop",
	"monit": "status --watch", "save": "status", "show": "why",
}

const about = `Phorever runs the processes of a project's phorever.json by role, resurrects them, gives up on the hopeless and
keeps every line that they write.`

// command is the whole command line.
func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:           "phorever",
		Short:         "a role-based process supervisor",
		Long:          about,
		Example:       "  phorever start -d worker\n  phorever status",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, arguments []string) error {
			if len(arguments) > 0 {
				return a.unknownCommand(arguments[0])
			}
			return nil
		},
		RunE: func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	root.PersistentFlags().StringVarP(&a.config, "config", "c", "", "the `FILE` that says what runs (default: $PHOREVER_CONFIG, else the nearest phorever.json here or above)")
	root.PersistentFlags().BoolVar(&a.allowUnsafe, "allow-unsafe", false, "as root, use a configuration that others can write (default false)")
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{Use: "help [COMMAND]", Short: "explains a command", RunE: func(_ *cobra.Command, arguments []string) error {
		if word := unknownWord(root, arguments); word != "" {
			return a.unknownCommand(word)
		}
		about, _, err := root.Find(arguments)
		if err != nil {
			return err
		}
		return about.Help()
	}})
	root.SetFlagErrorFunc(flagError)
	cobra.AddTemplateFunc("options", flagUsages)
	root.SetUsageTemplate(usageTemplate)
	root.AddGroup(&cobra.Group{ID: "run", Title: "Running:"}, &cobra.Group{ID: "look", Title: "Looking:"}, &cobra.Group{ID: "setup", Title: "Setting up:"})
	cobra.EnableCommandSorting = false
	for _, group := range []struct {
		id       string
		commands []*cobra.Command
	}{
		{"run", []*cobra.Command{
			a.start(), a.stop(), a.restart(), a.reload(), a.scale(), a.signal(), a.pause(), a.resume(), a.reset(), a.silence(),
		}},
		{"look", []*cobra.Command{a.status(), a.why(), a.logs(), a.events(), a.roles(), a.plan()}},
		{"setup", []*cobra.Command{a.initialise(), a.check(), a.notify(), a.upgrade(), a.completion(), a.version()}},
	} {
		for _, command := range group.commands {
			command.GroupID = group.id
			command.Flags().SortFlags = false
			command.DisableFlagsInUseLine = true
			root.AddCommand(command)
		}
	}
	root.InitDefaultHelpFlag()
	return root
}

// unknownWord is the first word, when it is not a command.
func unknownWord(root *cobra.Command, arguments []string) string {
	for i := 0; i < len(arguments); i++ {
		word := arguments[i]
		switch {
		case word == "-c" || word == "--config":
			i++
		case strings.HasPrefix(word, "-"):
		case word == "help" || strings.HasPrefix(word, cobra.ShellCompRequestCmd):
			return ""
		default:
			if command, _, err := root.Find([]string{word}); err == nil && command != root {
				return ""
			}
			return word
		}
	}
	return ""
}

func (a *app) unknownCommand(word string) error {
	if hint, ok := notYet[word]; ok {
		return &usage{word + " is not supported yet", hint}
	}
	if ours, ok := elsewhere[word]; ok {
		return &usage{fmt.Sprintf("unknown command %q", word), "here that is: phorever " + ours}
	}
	var names []string
	for _, command := range a.command().Commands() {
		names = append(append(names, command.Name()), command.Aliases...)
	}
	if near := spec.Nearest(word, names); len(near) > 0 {
		return &usage{fmt.Sprintf("unknown command %q", word), "did you mean " + strings.Join(near, " or ") + "?"}
	}
	return &usage{fmt.Sprintf("unknown command %q", word), "phorever --help shows them all"}
}

func flagError(command *cobra.Command, err error) error {
	message, hint := err.Error(), command.CommandPath()+" --help shows its options"
	if _, word, ok := strings.Cut(message, "unknown flag: "); ok {
		message, hint = unknownOption(command, word, hint)
	} else if _, rest, ok := strings.Cut(message, "unknown shorthand flag: '"); ok {
		message, hint = unknownOption(command, "-"+rest[:1], hint)
	}
	return &usage{message, hint}
}

func unknownOption(command *cobra.Command, word, hint string) (string, string) {
	if notYetOptions[command.Name()+" "+word] {
		return fmt.Sprintf("%s %s is not supported yet", command.Name(), word), hint
	}
	var names []string
	command.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	if near := spec.Nearest(word, names); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return "unknown option " + word, hint
}

const usageTemplate = `Usage:
  {{if .HasAvailableSubCommands}}phorever [-c FILE] COMMAND{{else}}{{.UseLine}}{{end}}{{if .Aliases}}

Also called: {{range $i, $alias := .Aliases}}{{if $i}}, {{end}}{{$alias}}{{end}}{{end}}{{if .HasAvailableSubCommands}}{{$commands := .Commands}}{{range $group := .Groups}}

{{.Title}}{{range $commands}}{{if and (eq .GroupID $group.ID) .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Options:
{{options .LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

Options of every command:
{{options .InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasExample}}

Example:
{{.Example}}{{end}}
`
