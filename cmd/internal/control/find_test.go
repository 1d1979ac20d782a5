package control

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// project is a directory with releases/1, current -> releases/1, current/sub, and no configuration yet. Its own path
// holds no symlink.
func project(t *testing.T) string {
	t.Helper()
	t.Setenv("PHOREVER_CONFIG", "")
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll(filepath.Join(top, "releases/1/sub"), 0o755), os.Symlink("releases/1", filepath.Join(top, "current"))); err != nil {
		t.Fatal(err)
	}
	return top
}

func put(t *testing.T, path string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte("{"), 0o644); err != nil { // broken: nobody reads it
		t.Fatal(err)
	}
	return path
}

// enter makes a directory the working directory, as a shell does that got there by cd.
func enter(t *testing.T, directory, pwd string) {
	t.Helper()
	t.Chdir(directory)
	t.Setenv("PWD", pwd)
}

func wantConfig(t *testing.T, named, want string) {
	t.Helper()
	if got, err := FindConfig(named); err != nil || got != want {
		t.Errorf("FindConfig(%q): %q, %v; want %q", named, got, err, want)
	}
}

func TestTheNearestConfigurationIsFound(t *testing.T) {
	top := project(t)
	current := filepath.Join(top, "current")
	above, here := put(t, filepath.Join(top, FileName)), put(t, filepath.Join(current, FileName))
	enter(t, filepath.Join(current, "sub"), filepath.Join(current, "sub"))
	wantConfig(t, "", here) // in the parent, by the path with the symlink
	if err := os.Remove(here); err != nil {
		t.Fatal(err)
	}
	wantConfig(t, "", above) // in the logical parent of the symlink
	if err := os.Mkdir(here, 0o755); err != nil {
		t.Fatal(err)
	}
	wantConfig(t, "", above) // a directory of that name is none
}

func TestAWrongPWDIsNotBelieved(t *testing.T) {
	top := project(t)
	release := filepath.Join(top, "releases", "1")
	config := put(t, filepath.Join(release, FileName))
	put(t, filepath.Join(top, FileName))
	for _, pwd := range []string{top, "current", "", filepath.Join(top, "missing")} {
		enter(t, release, pwd)
		wantConfig(t, "", config)
	}
	enter(t, release, filepath.Join(top, "current")) // another name of the same directory is what the user sees
	wantConfig(t, "", filepath.Join(top, "current", FileName))
}

func TestTheNamedConfigurationIsTheOne(t *testing.T) {
	top := project(t)
	current := filepath.Join(top, "current")
	put(t, filepath.Join(current, FileName))
	enter(t, current, current)
	wantConfig(t, "other.json", filepath.Join(current, "other.json")) // it need not exist: its daemon may still run
	wantConfig(t, "./sub/../other.json", filepath.Join(current, "other.json"))
	wantConfig(t, "/srv//app/./x.json", "/srv/app/x.json")
	t.Setenv("PHOREVER_CONFIG", "env.json")
	wantConfig(t, "", filepath.Join(current, "env.json"))
	wantConfig(t, "other.json", filepath.Join(current, "other.json")) // -c goes before the environment
	t.Setenv("PHOREVER_CONFIG", "/srv/env.json")
	wantConfig(t, "", "/srv/env.json")
}

func TestNoConfigurationIsSaidSo(t *testing.T) {
	top := project(t)
	for directory := top; ; directory = filepath.Dir(directory) {
		if _, err := os.Stat(filepath.Join(directory, FileName)); err == nil {
			t.Skip("this machine has a configuration above its temporary directory")
		}
		if directory == "/" {
			break
		}
	}
	enter(t, top, top)
	if got, err := FindConfig(""); !errors.Is(err, ErrNoConfig) {
		t.Errorf("FindConfig: %q, %v; want %v", got, err, ErrNoConfig)
	}
}

// TestAVanishedDirectory: a deployment has removed the release in which somebody stands.
func TestAVanishedDirectory(t *testing.T) {
	top := project(t)
	gone := filepath.Join(top, "gone")
	if err := os.Mkdir(gone, 0o755); err != nil {
		t.Fatal(err)
	}
	enter(t, gone, gone)
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	wantConfig(t, "/srv/x.json", "/srv/x.json")
	for _, named := range []string{"", "x.json"} {
		if got, err := FindConfig(named); err == nil {
			t.Errorf("FindConfig(%q): %q, want an error", named, got)
		}
	}
}
