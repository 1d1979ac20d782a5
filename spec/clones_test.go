package spec

import "testing"

func TestClones(t *testing.T) {
	for c, want := range map[Clones]string{{Count: 3}: "3", {}: "0", {Auto: true}: "auto", {Count: 9, Auto: true}: "auto"} {
		if c.String() != want || !c.Auto && c.Number() != c.Count || c.Auto && c.Number() < 1 {
			t.Errorf("%+v is %s, %d", c, c, c.Number())
		}
	}
}

func TestParseCPUMax(t *testing.T) {
	for text, want := range map[string]int{
		"max 100000\n": 0, "100000 100000\n": 1, "150000 100000": 2, "50000 100000": 1, "800000 100000": 8, "": 0, "100000": 0, "1 0": 0, "x y": 0,
		"18446744073709551615 1": 0, "4611686018427387903 1": 1<<31 - 1,
	} {
		cpus, limited := parseCPUMax(text)
		if cpus != want || limited != (want > 0) {
			t.Errorf("%q is %d, %v; want %d", text, cpus, limited, want)
		}
	}
}

func TestGroupOfVersion2(t *testing.T) {
	for text, want := range map[string]string{
		"0::/system.slice/phorever.service\n": "/system.slice/phorever.service", "0::/\n": "/", "": "",
		"12:cpu:/docker/x\n1:name=systemd:/docker/x\n": "", "4:memory:/x\n0::/y\n": "/y",
	} {
		if got := groupOfVersion2(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
