package spec_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dcousineau/phorever/spec"
)

var update = flag.Bool("update", false, "rewrite the golden files and what is generated")

const divider = "----------\n"

// TestLoad reads testdata/load: a configuration, and all that it says once every default is filled in.
func TestLoad(t *testing.T) {
	golden(t, "testdata/load", func(t *testing.T, input string) string {
		config, problems := loadText(t, input)
		if config == nil {
			t.Fatalf("refused:\n%s", problems)
		}
		return problems.String() + dump(t, config)
	})
}

// TestInvalid reads testdata/invalid: a configuration with deliberate mistakes, and what is printed about them.
func TestInvalid(t *testing.T) {
	golden(t, "testdata/invalid", func(t *testing.T, input string) string {
		config, problems := loadText(t, input)
		if problems.HasErrors() != (config == nil) {
			t.Fatal("a configuration is returned exactly when there is no error")
		}
		return problems.String()
	})
}

// golden compares what f makes of the first half of each file with its second half.
func golden(t *testing.T, directory string, f func(t *testing.T, input string) string) {
	files, err := filepath.Glob(directory + "/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files in " + directory)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			input, want, _ := strings.Cut(string(data), divider)
			got := f(t, input)
			if *update {
				if err := os.WriteFile(file, []byte(input+divider+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got; -update rewrites):\n%s", file, diff)
			}
		})
	}
}

type input struct{ name, main string }

// inputs are the main files of a directory of golden files.
func inputs(t testing.TB, directory string) []input {
	t.Helper()
	files, err := filepath.Glob(directory + "/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []input
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text, _, _ := strings.Cut(string(data), divider)
		text, _, _ = strings.Cut(text, "\n== ")
		all = append(all, input{file, text})
	}
	return all
}

// loadText loads a text as phorever.json. Lines `== NAME ==` begin further files.
func loadText(t *testing.T, input string) (*spec.Config, spec.Problems) {
	t.Helper()
	directory := t.TempDir()
	write(t, directory, "bin/worker", "#!/bin/sh\n", 0o755)
	name := "phorever.json"
	content := map[string]string{}
	for line := range strings.Lines(input) {
		if next, ok := strings.CutPrefix(strings.TrimSpace(line), "== "); ok {
			name = strings.TrimSuffix(next, " ==")
			continue
		}
		content[name] += line
	}
	for name, text := range content {
		write(t, directory, name, text, 0o644)
	}
	config, problems := spec.Load(filepath.Join(directory, "phorever.json"), spec.LoadOptions{
		AllowUnsafe:      true, // the temporary directory is as it is
		WorkingDirectory: directory,
		Environ:          func(string) (string, bool) { return "/bin:/usr/bin", true },
	})
	// Whoever runs the tests may be root or not; TestOnlyRootRunsAsOthers is about that.
	problems = slices.DeleteFunc(problems, func(p spec.Problem) bool { return strings.HasPrefix(p.Message, onlyRoot) })
	for i := range problems {
		problems[i].Message = strings.ReplaceAll(problems[i].Message, directory, "/app")
		problems[i].Hint = strings.ReplaceAll(problems[i].Hint, directory, "/app")
	}
	return config, problems
}

func write(t *testing.T, directory, name, text string, mode os.FileMode) {
	t.Helper()
	path := filepath.Join(directory, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

const onlyRoot = "only root can run it as "

// TestOnlyRootRunsAsOthers: whoever is not root is warned before a start fails.
func TestOnlyRootRunsAsOthers(t *testing.T) {
	directory := t.TempDir()
	write(t, directory, "phorever.json", `{"processes": [{"name": "a", "up": "sleep 1", "user": "root"}]}`, 0o600)
	_, problems := spec.Load(filepath.Join(directory, "phorever.json"), spec.LoadOptions{AllowUnsafe: true})
	warned := slices.ContainsFunc(problems, func(p spec.Problem) bool { return strings.HasPrefix(p.Message, onlyRoot) })
	if warned == (os.Getuid() == 0) || problems.HasErrors() {
		t.Errorf("as user %d: %v", os.Getuid(), problems)
	}
}

// dump is a line for each field that is not zero.
func dump(t *testing.T, config *spec.Config) string {
	var b strings.Builder
	dumpValue(&b, "", reflect.ValueOf(*config))
	return strings.ReplaceAll(b.String(), config.Directory, "/app")
}

func dumpValue(b *strings.Builder, path string, v reflect.Value) {
	if v.IsZero() {
		return
	}
	switch value := v.Interface().(type) {
	case *time.Location, time.Duration:
		fmt.Fprintf(b, "%s: %v\n", path, value)
		return
	case map[string]string:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			fmt.Fprintf(b, "%s.%s: %s\n", path, key, value[key])
		}
		return
	case []int, []string, []spec.Signal:
		fmt.Fprintf(b, "%s: %v\n", path, value)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		dumpValue(b, path, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				dumpValue(b, strings.TrimPrefix(path+"."+v.Type().Field(i).Name, "."), v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			dumpValue(b, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		}
	default:
		fmt.Fprintf(b, "%s: %v\n", path, v)
	}
}
