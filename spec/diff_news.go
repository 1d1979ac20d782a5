package spec

import "reflect"

// newsReasons is what changes in where news goes. Values are not told: they may be secret.
func newsReasons(r *reasons, from, to *Config) {
	old := map[string]*Sink{}
	for i := range from.Notify {
		old[from.Notify[i].Name] = &from.Notify[i]
	}
	for i := range to.Notify {
		s := &to.Notify[i]
		before, known := old[s.Name]
		delete(old, s.Name)
		switch {
		case !known:
			r.add(ActionApply, "notify: "+s.Name+" is new")
		case !reflect.DeepEqual(before, s):
			r.add(ActionApply, "notify: "+s.Name+" changed")
		}
	}
	for i := range from.Notify {
		if s := &from.Notify[i]; old[s.Name] == s {
			r.add(ActionApply, "notify: "+s.Name+" is gone")
		}
	}
	if !reflect.DeepEqual(from.Listeners, to.Listeners) {
		r.add(ActionApply, "listeners changed")
	}
	if !reflect.DeepEqual(from.Hooks, to.Hooks) {
		r.add(ActionApply, "hooks changed")
	}
}
