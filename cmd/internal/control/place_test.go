package control

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestADaemonIsKnownByThePathAsNamed(t *testing.T) {
	top := t.TempDir()
	release := filepath.Join(top, "releases", "1")
	if err := errors.Join(os.MkdirAll(release, 0o755), os.Symlink("releases/1", filepath.Join(top, "current"))); err != nil {
		t.Fatal(err)
	}
	named, real := filepath.Join(top, "current", FileName), filepath.Join(release, FileName)
	place := Locate(named)
	if again := Locate(named); again != place {
		t.Errorf("the same path is at two places: %+v and %+v", place, again)
	}
	if place.Key == Locate(real).Key {
		t.Error("the symlink was followed: a deployment would be another daemon's place")
	}
	if err := errors.Join(os.Remove(filepath.Join(top, "current")), os.Symlink("releases/2", filepath.Join(top, "current"))); err != nil {
		t.Fatal(err)
	}
	if after := Locate(named); after != place {
		t.Errorf("after a deployment it is at %+v, want %+v", after, place)
	}
	if place.Config != named || filepath.Dir(place.Lock) != place.Directory || filepath.Dir(place.Socket) != place.Directory || place.Lock == place.Socket {
		t.Errorf("it is at %+v", place)
	}
}

func TestAKeyIsReadableAndAFileName(t *testing.T) {
	keys := map[string]string{}
	for config, want := range map[string]string{
		"/srv/Shop One/phorever.json":                     "shop_one-",
		"/phorever.json":                                  "-",
		"/srv/Überraschung/phorever.json":                 "berraschung-",
		"/srv/shop/other.json":                            "shop-",
		"/srv/shop/phorever.json":                         "shop-",
		"/" + strings.Repeat("a", 200) + "/phorever.json": strings.Repeat("a", 24) + "-",
		"/srv/../phorever.json":                           "-",
	} {
		key := Locate(config).Key
		if !strings.HasPrefix(key, want) || len(key) != len(want)+12 || strings.ContainsAny(key, "/ \x00") {
			t.Errorf("the key of %s is %q, want %s and twelve digits", config, key, want)
		}
		if other := keys[key]; other != "" {
			t.Errorf("%s and %s have the same key %s", config, other, key)
		}
		keys[key] = config
	}
}

// TestTheRuntimeDirectoryOfAnOrdinaryUser: $XDG_RUNTIME_DIR where that is a directory of ours, else one in /tmp.
func TestTheRuntimeDirectoryOfAnOrdinaryUser(t *testing.T) {
	uid := os.Getuid()
	own := filepath.Dir(newPlace(t).Directory)
	if uid == 0 {
		uid = nobody
		if err := os.Chown(own, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(own, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	inTmp := "/tmp/phorever-" + strconv.Itoa(uid)
	for name, test := range map[string]struct{ xdg, want string }{
		"of ours":          {own, filepath.Join(own, "phorever")},
		"not set":          {"", inTmp},
		"relative":         {"run", inTmp},
		"not there":        {filepath.Join(own, "missing"), inTmp},
		"a file":           {file, inTmp},
		"of another user":  {"/", inTmp}, // su keeps the variable
		"with a slash end": {own + "/", filepath.Join(own, "phorever")},
	} {
		t.Run(name, func(t *testing.T) {
			if got := output(t, again(t, "locate", "", "XDG_RUNTIME_DIR="+test.xdg)); got != test.want {
				t.Errorf("it is %s, want %s", got, test.want)
			}
		})
	}
}

func TestTheRuntimeDirectoryOfRoot(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	if got := Locate("/srv/phorever.json").Directory; got != "/run/phorever" {
		t.Errorf("it is %s, want /run/phorever", got)
	}
}

func TestPrepareMakesAPrivateDirectory(t *testing.T) {
	for name, before := range map[string]func(path string) error{
		"missing":              func(string) error { return nil },
		"with a missing above": func(path string) error { return os.Remove(filepath.Dir(path)) },
		"too open":             func(path string) error { return errors.Join(os.Mkdir(path, 0o700), os.Chmod(path, 0o777)) },
		"too closed":           func(path string) error { return errors.Join(os.Mkdir(path, 0o700), os.Chmod(path, 0o500)) },
		"already there":        func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			place := newPlace(t)
			if err := before(place.Directory); err != nil {
				t.Fatal(err)
			}
			if err := place.Prepare(); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Lstat(place.Directory); err != nil || !info.IsDir() || info.Mode().Perm() != 0o700 {
				t.Errorf("it is %v, %v; want a directory of mode 0700", info, err)
			}
		})
	}
}

func TestPrepareRefusesWhatIsNotOurs(t *testing.T) {
	for name, test := range map[string]struct {
		want    string
		prepare func(place *Place) error
	}{
		"symlink": {"is not a directory", func(place *Place) error {
			real := place.Directory + "-real"
			return errors.Join(os.Mkdir(real, 0o755), os.Symlink(real, place.Directory))
		}},
		"dangling symlink": {"is not a directory", func(place *Place) error { return os.Symlink("missing", place.Directory) }},
		"file":             {"is not a directory", func(place *Place) error { return os.WriteFile(place.Directory, nil, 0o600) }},
		"fifo":             {"is not a directory", func(place *Place) error { return syscall.Mkfifo(place.Directory, 0o600) }},
		"of another user": {"belongs to another user", func(place *Place) error {
			if os.Getuid() != 0 {
				place.Directory = "/"
				return nil
			}
			return errors.Join(os.Mkdir(place.Directory, 0o755), os.Chown(place.Directory, nobody, nobody))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			place := newPlace(t)
			if err := test.prepare(&place); err != nil {
				t.Fatal(err)
			}
			before, _ := os.Lstat(place.Directory)
			err := place.Prepare()
			if err == nil || !strings.Contains(err.Error(), place.Directory+": "+test.want) {
				t.Errorf("Prepare: %v, want %s: %s", err, place.Directory, test.want)
			}
			if after, err := os.Lstat(place.Directory); err != nil || after.Mode() != before.Mode() {
				t.Errorf("it was changed: %v, %v", after, err)
			}
		})
	}
}
