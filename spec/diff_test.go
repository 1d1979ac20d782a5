package spec_test

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dcousineau/phorever/spec"
)

// TestDiff reads testdata/diff: a configuration, a line of equals signs, the next one, and what a reload does.
func TestDiff(t *testing.T) {
	golden(t, "testdata/diff", func(t *testing.T, input string) string {
		before, after, _ := strings.Cut(input, "==========\n")
		from, to := parsed(t, before), parsed(t, after)
		var b strings.Builder
		for _, c := range spec.Diff(from, to) {
			name := c.Process
			if name == "" {
				name = "(daemon)"
			}
			fmt.Fprintf(&b, "%s: %s", name, c.Action)
			if c.Action == spec.ActionResize {
				fmt.Fprintf(&b, " %d to %d", c.From, c.To)
			}
			fmt.Fprintf(&b, "\n    %s\n", strings.Join(c.Why, "\n    "))
		}
		return b.String() + spec.Refused(from, to).String()
	})
}

func parsed(t *testing.T, text string) *spec.Config {
	t.Helper()
	config, problems := spec.Parse("/app/phorever.json", []byte(text), spec.LoadOptions{})
	if config == nil {
		t.Fatal(problems)
	}
	return config
}

func TestDiffOfEqualsIsEmpty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		config := anyConfig(t)
		if changes := spec.Diff(config, config); len(changes) > 0 {
			t.Fatal(changes)
		}
		if problems := spec.Refused(config, config); len(problems) > 0 {
			t.Fatal(problems)
		}
	})
}

// TestOneChangeIsOneReason changes any one value of any one process, so whoever adds a field to Process without a line
// in Diff learns of it here.
func TestOneChangeIsOneReason(t *testing.T) {
	for _, field := range leaves(reflect.TypeFor[spec.Process](), nil) {
		rapid.Check(t, func(t *rapid.T) {
			config := anyConfig(t)
			oneReason(t, config, field, rapid.IntRange(0, len(config.Processes)-1).Draw(t, "process"))
		})
	}
}

func oneReason(t *rapid.T, config *spec.Config, field leafPath, n int) {
	changed := *config
	changed.Processes = append([]spec.Process(nil), config.Processes...)
	alter(reflect.ValueOf(&changed.Processes[n]).Elem(), field)
	changes := spec.Diff(config, &changed)
	if len(changes) != 1 || changes[0].Process != config.Processes[n].ID || len(changes[0].Why) != 1 {
		t.Fatalf("%v of process %d changed: want one reason, got %+v", field, n, changes)
	}
	for name, value := range changed.Processes[n].Env.Values {
		if len(value) > 8 && strings.Contains(changes[0].Why[0], value) {
			t.Fatalf("tells the value of %s: %s", name, changes[0].Why[0])
		}
	}
}

// TestConfigIsClassified fails when Config or Role gets a field and nobody decides what a reload does about it.
func TestConfigIsClassified(t *testing.T) {
	elsewhere := map[string]string{
		"Path":                    "a daemon has one configuration",
		"Directory":               "follows Path",
		"Files":                   "what they hold is compared",
		"Processes":               "compared one by one",
		"Roles.Name":              "the key",
		"Logging.OnFull":          "a default of the processes",
		"Logging.MaxLine":         "a default of the processes",
		"Logging.Rotate.Size":     "a default of the processes",
		"Logging.Timestamps":      "a default of the processes",
		"Logging.Prefix":          "a default of the processes",
		"Logging.Forward":         "a default of the processes",
		"Logging.Rotate.Age":      "a default of the processes",
		"Logging.Rotate.Keep":     "a default of the processes",
		"Logging.Rotate.Compress": "a default of the processes",
		"Env.File":                "a reason of the processes",
		"Env.Values":              "a reason of the processes",
		"Env.Removed":             "a reason of the processes",
	}
	base := func() *spec.Config {
		return &spec.Config{Roles: []spec.Role{{Name: "a", GiveUp: &spec.GiveUp{}}}, Timezone: time.UTC}
	}
	check := func(name string, change func(*spec.Config)) {
		if elsewhere[name] != "" {
			return
		}
		changed := base()
		change(changed)
		if got := len(spec.Diff(base(), changed)) + len(spec.Refused(base(), changed)); got != 1 {
			t.Errorf("%s changed: %d changes, want 1", name, got)
		}
	}
	for _, field := range leaves(reflect.TypeFor[spec.Role](), nil) {
		check("Roles."+field.String(), func(c *spec.Config) { alter(reflect.ValueOf(&c.Roles[0]).Elem(), field) })
	}
	for _, field := range leaves(reflect.TypeFor[spec.Config](), nil) {
		switch field.String() {
		case "Roles":
		case "places", "sources": // of the keys, and the text; what they hold is compared
		case "Timezone":
			check("Timezone", func(c *spec.Config) { c.Timezone = time.FixedZone("elsewhere", 3600) })
		default:
			check(field.String(), func(c *spec.Config) { alter(reflect.ValueOf(c).Elem(), field) })
		}
	}
}

// leafPath leads to a value through structs and pointers to structs.
type leafPath []string

func (l leafPath) String() string { return strings.Join(l, ".") }

func leaves(t reflect.Type, above leafPath) []leafPath {
	if t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct {
		t = t.Elem()
	}
	whole := []reflect.Type{reflect.TypeFor[spec.Command](), reflect.TypeFor[spec.Clones](), reflect.TypeFor[time.Location]()}
	for _, w := range whole {
		if t == w {
			return []leafPath{above}
		}
	}
	if t.Kind() != reflect.Struct {
		return []leafPath{above}
	}
	var all []leafPath
	for i := range t.NumField() {
		path := append(append(leafPath(nil), above...), t.Field(i).Name)
		if path.String() == "ID" { // another machine name is another process
			continue
		}
		all = append(all, leaves(t.Field(i).Type, path)...)
	}
	return all
}

// alter changes the value at the path, and shares nothing with what was there.
func alter(v reflect.Value, path leafPath) {
	if v.Kind() == reflect.Pointer {
		fresh := reflect.New(v.Type().Elem())
		if !v.IsNil() {
			fresh.Elem().Set(v.Elem())
		}
		v.Set(fresh)
		v = fresh.Elem()
	}
	if len(path) > 0 {
		alter(v.FieldByName(path[0]), path[1:])
		return
	}
	switch value := v.Interface().(type) {
	case spec.Command:
		v.Set(reflect.ValueOf(spec.Command{Shell: "x" + value.String()}))
	case spec.Clones:
		v.Set(reflect.ValueOf(spec.Clones{Count: value.Number() + 1}))
	case []spec.Limit:
		v.Set(reflect.ValueOf(append([]spec.Limit{{Resource: "new"}}, value...)))
	case map[string]string:
		changed := map[string]string{"NEW": "secret"}
		for name, old := range value {
			changed[name] = old
		}
		v.Set(reflect.ValueOf(changed))
	default:
		switch v.Kind() {
		case reflect.String:
			v.SetString(v.String() + "x")
		case reflect.Int, reflect.Int64:
			v.SetInt(v.Int() ^ 1)
		case reflect.Float64:
			if old := v.Float(); old+1 != old {
				v.SetFloat(old + 1)
			} else {
				v.SetFloat(0)
			}
		case reflect.Bool:
			v.SetBool(!v.Bool())
		case reflect.Slice:
			v.Set(reflect.Append(v.Slice3(0, v.Len(), v.Len()), reflect.Zero(v.Type().Elem())))
		default:
			panic("a field of a kind that this test cannot change: " + v.Type().String())
		}
	}
}

func anyConfig(t *rapid.T) *spec.Config {
	config := &spec.Config{
		Path: "/app/phorever.json", Directory: "/app", Pidfile: "/app/phorever.pid", Timezone: time.UTC,
		SampleEvery: rapid.Make[time.Duration]().Draw(t, "sample_every"),
		Logging:     rapid.Make[spec.Logging]().Draw(t, "logging"),
		Env:         spec.Environment{Values: rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "env")},
		Roles:       []spec.Role{rapid.Make[spec.Role]().Draw(t, "role")},
		Processes:   rapid.SliceOfN(rapid.Make[spec.Process](), 1, 3).Draw(t, "processes"),
	}
	for i := range config.Processes {
		p := &config.Processes[i]
		p.ID = fmt.Sprintf("p%d", i)
		delete(p.Env.Values, "NEW")
		p.Env.Removed = nil // a name in it once more would change nothing
		p.Clones.Count = int(math.Abs(float64(p.Clones.Count % 1000)))
		for j := range p.Limits {
			p.Limits[j].Resource = fmt.Sprintf("l%d", j)
		}
		for _, c := range []*spec.Command{&p.Up, p.Down} {
			if c != nil && len(c.Argv) > 0 {
				c.Shell = ""
			}
		}
	}
	return config
}

func TestProcessesAreInTheOrderOfTheNewFile(t *testing.T) {
	from := &spec.Config{Processes: []spec.Process{{ID: "gone"}, {ID: "b"}, {ID: "a"}, {ID: "same"}}}
	to := &spec.Config{Processes: []spec.Process{{ID: "a", User: "x"}, {ID: "new", Autostart: true}, {ID: "same"}, {ID: "b", User: "x"}}}
	var got []string
	for _, c := range spec.Diff(from, to) {
		got = append(got, c.Process+" "+string(c.Action))
	}
	if diff := cmp.Diff([]string{"a restart", "new start", "b restart", "gone stop"}, got); diff != "" {
		t.Error(diff)
	}
}
