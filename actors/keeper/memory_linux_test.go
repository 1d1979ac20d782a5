package keeper

import (
	"os"
	"testing"
)

func TestMappingsAreRead(t *testing.T) {
	from, to, ok := bounds([]byte("00400000-7fe5f000"))
	if from != 0x400000 || to != 0x7fe5f000 || !ok {
		t.Errorf("%x %x %v", from, to, ok)
	}
	for _, text := range []string{"Size", "12", "1-2-3", "zz-1"} {
		if _, _, ok := bounds([]byte(text)); ok {
			t.Errorf("%s: it has bounds", text)
		}
	}
	first, rest := field([]byte("  a  b"))
	second, rest := field(rest)
	if third, _ := field(rest); string(first) != "a" || string(second) != "b" || third != nil {
		t.Errorf("%q %q %q", first, second, third)
	}
}

// What gives memory back takes next to none, and what it has given comes back.
func TestDroppingTextMakesNoGarbage(t *testing.T) {
	before := residentFile(t)
	if n := testing.AllocsPerRun(3, DropText); n > 20 {
		t.Errorf("%v allocations", n)
	}
	if after := residentFile(t); after >= before {
		t.Errorf("%d kB of files were resident, and %d are", before, after)
	}
}

// residentFile is how much of files is resident, in pages.
func residentFile(t *testing.T) (pages int) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	_, rest := field(text)
	_, rest = field(rest)
	shared, _ := field(rest)
	for _, c := range shared {
		pages = pages*10 + int(c-'0')
	}
	return pages
}
