package actors

import (
	"github.com/dcousineau/phorever/actors/internal/child"
	"github.com/dcousineau/phorever/actors/internal/journal"
	"github.com/dcousineau/phorever/actors/internal/pidfd"
)

// State is what outlives the daemon: what users ordered, and which processes there are. Its methods are safe for concurrent use.
type State struct {
	*journal.Journal
	Found journal.Found // what an earlier daemon has left
}

// OpenState opens the saved state: in the first of the directories that can be used. With an error it is kept in memory alone.
func OpenState(directories []string) (*State, error) {
	j, found, err := journal.Open(stateIn(directories))
	if !found.SameBoot { // nothing that it speaks of lives
		found.Values, found.Clean = nil, true
	}
	return &State{j, found}, err
}

// ReadState reads the saved state and leaves it as it is.
func ReadState(directories []string) map[string][]byte {
	found := journal.Read(stateIn(directories))
	if !found.SameBoot {
		return nil
	}
	return found.Values
}

// LeftBehind counts the processes of a configuration, known by its key, that run on while no daemon does: by what was written down, and by
// the mark in their environment. It changes nothing.
func LeftBehind(key string, directories []string) int {
	return child.LeftBehind(key, ReadState(directories))
}

func stateIn(directories []string) journal.Options {
	return journal.Options{Directories: directories, Name: stateFile, Boot: pidfd.BootID()}
}

// stateFile may hold secrets, as the configuration may: only files of this ending do.
const stateFile = "state.db"
