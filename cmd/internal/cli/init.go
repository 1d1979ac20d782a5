package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/dcousineau/phorever/cmd/internal/control"
)

// first is the first process of a new configuration: what the project seems to be decides.
type first struct {
	file string // that gives it away
	what string
	text string
}

var firsts = []first{
	{"artisan", "a Laravel project", `    {
      "name": "worker",
      "roles": ["worker"],
      "up": "php artisan queue:work",
      "preset": "laravel-queue",   // the restart policy and the stop timeout that a queue worker needs
      "clones": 2,
    },`},
	{"bin/console", "a Symfony project", `    {
      "name": "worker",
      "roles": ["worker"],
      "up": "php bin/console messenger:consume async",
      "preset": "symfony-messenger",   // the restart policy and the stop timeout that a consumer needs
      "clones": 2,
    },`},
	{"bin/magento", "a Magento project", `    {
      "name": "worker",
      "roles": ["worker"],
      "up": "php bin/magento queue:consumers:start async.operations.all",
      "preset": "magento-consumer",
    },`},
	{"", "", `    {
      "name": "worker",
      "roles": ["worker"],
      // Any command that stays in the foreground. This one only says that it is alive.
      "up": "while :; do echo alive; sleep 5; done",
      "clones": 1,
      "resurrect": "always",     // or on-failure, never
      "resurrect_after": 5,      // seconds
    },`},
}

const firstConfig = `// What runs on the servers of this project. phorever check validates it, phorever start -d worker runs the role.
// Every key: docs/reference/configuration.md of Phorever.
{
  "timezone": "UTC",
  "processes": [
%s
  ],
}
`

func (a *app) initialise() *cobra.Command {
	return &cobra.Command{
		Use:   "init",
		Short: "writes a first phorever.json",
		Long: `Writes a first phorever.json here, or where -c says. It looks for artisan, bin/console and bin/magento to begin with the
right worker. An existing file is never overwritten.`,
		Example: "  phorever init",
		Args:    none,
		RunE: func(*cobra.Command, []string) error {
			path := a.config
			if path == "" {
				path = control.FileName
			}
			begin := recognise(filepath.Dir(path))
			file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
			if errors.Is(err, fs.ErrExist) {
				return &usage{path + " exists already; nothing was written", "phorever check validates it"}
			} else if err != nil {
				return err
			}
			_, err = fmt.Fprintf(file, firstConfig, begin.text)
			if closed := file.Close(); err == nil {
				err = closed
			}
			if err != nil {
				return fmt.Errorf("write %s: %w", path, err)
			}
			if begin.what != "" {
				a.say("this is %s", begin.what)
			}
			us := "phorever"
			if a.config != "" {
				us += " -c " + a.config
			}
			fmt.Fprintf(a.stdout, "%[1]s is written. Next:\n  %[2]s check\n  %[2]s start -d worker\n  %[2]s status\n", path, us)
			return nil
		},
	}
}

func recognise(directory string) first {
	for _, f := range firsts {
		if f.file == "" {
			return f
		}
		if info, err := os.Stat(filepath.Join(directory, f.file)); err == nil && !info.IsDir() {
			return f
		}
	}
	return first{}
}
