package actors

import (
	"slices"
	"testing"

	"github.com/dcousineau/phorever/spec"
)

// TestUsersWithoutAnAccount: containers run as numbers that nobody has written into /etc/passwd.
func TestUsersWithoutAnAccount(t *testing.T) {
	process := &spec.Process{ID: "web", User: "99999", Group: "99998"}
	who, err := lookUp(process)
	if err != nil {
		t.Fatal(err)
	}
	if c := who.credential; c.Uid != 99999 || c.Gid != 99998 || len(c.Groups) != 0 {
		t.Errorf("it would run as %+v", c)
	}
	environ, err := environOf(&house{environ: []string{"HOME=/root", "USER=root"}}, &spec.Config{}, process, 1, "", 1, who)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"HOME=/", "USER=99999", "LOGNAME=99999"} {
		if !slices.Contains(environ, want) {
			t.Errorf("%s is not in %q", want, environ)
		}
	}
	process.Group = ""
	if _, err := lookUp(process); err == nil {
		t.Error("it would run in the group of its number, which may be anybody's")
	}
}
