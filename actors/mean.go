package actors

import "github.com/dcousineau/phorever/spec"

// Meant is what a target is about, whatever clones there are: one of its fields is set.
type Meant struct {
	All     bool
	Role    string
	Process string // a machine name
	Clone   spec.CloneID
}

// Mean says what a target is about, or returns an *UnknownTarget.
func (s *System) Mean(target Target) (Meant, error) {
	config, _ := s.Config()
	hits, roles, err := directory{config, func(p *spec.Process) int { return p.Clones.Number() }, nil}.resolve([]Target{target}, false)
	switch {
	case err != nil:
		return Meant{}, err
	case target == "all":
		return Meant{All: true}, nil
	case len(roles) > 0:
		return Meant{Role: roles[0]}, nil
	case hits[0].whole:
		return Meant{Process: hits[0].process.ID}, nil
	}
	return Meant{Clone: hits[0].process.Clone(hits[0].clones[0])}, nil
}
