package main

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// elsewhen is phorever with a wall clock that can be set. It is this test binary under another name.
	elsewhen = "phorever-elsewhen"
	// clockVariable names the file whose first eight bytes are by how many seconds it is wrong. Children do not get it.
	clockVariable = "PHOREVER_TEST_CLOCK"
)

func init() {
	programs[elsewhen] = func() {
		if name := os.Getenv(clockVariable); name != "" {
			if err := bendClock(name); err != nil {
				fmt.Fprintf(os.Stderr, "%s: the clock cannot be set: %v\n", elsewhen, err)
				os.Exit(70)
			}
		}
		main()
	}
}

// bendClock adds what is in a file to the wall clock of this process, and leaves its monotonic clock alone. The Go runtime reads
// both by a function of the vDSO: the pointer to it is replaced.
func bendClock(name string) error {
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	offset, err := syscall.Mmap(int(file.Fd()), 0, 8, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("map %s: %w", name, err)
	}
	code, err := syscall.Mmap(-1, 0, os.Getpagesize(), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		return fmt.Errorf("map code: %w", err)
	}
	at := binary.LittleEndian.AppendUint64(nil, addressOf(offset))
	copy(code, slices.Concat(
		[]byte{0xb8, 0xe4, 0, 0, 0}, // mov eax, 228: clock_gettime(edi, rsi)
		[]byte{0x0f, 0x05},          // syscall, which leaves edi and rsi as they are
		[]byte{0x85, 0xff},          // test edi, edi: CLOCK_REALTIME is 0
		[]byte{0x75, 0x10},          // jne to the end
		[]byte{0x48, 0xb9}, at,      // mov rcx, the offset's address
		[]byte{0x48, 0x8b, 0x09}, // mov rcx, [rcx]
		[]byte{0x48, 0x01, 0x0e}, // add [rsi], rcx
		[]byte{0xc3},             // ret
	))
	if err := syscall.Mprotect(code, syscall.PROT_READ|syscall.PROT_EXEC); err != nil {
		return fmt.Errorf("protect code: %w", err)
	}
	memory, err := os.OpenFile("/proc/self/mem", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer memory.Close()
	pointer, err := clockPointer(memory)
	if err != nil {
		return err
	}
	_, err = memory.WriteAt(binary.LittleEndian.AppendUint64(nil, addressOf(code)), pointer)
	return err
}

func addressOf(mapped []byte) uint64 { return uint64(reflect.ValueOf(mapped).Pointer()) }

// clockPointer is where the runtime has the address of the vDSO's clock_gettime. Test binaries have no symbols: it is known by its
// value, which one word among the program's variables holds.
func clockPointer(memory *os.File) (int64, error) {
	vdso, variables, err := ownMemory()
	if err != nil {
		return 0, err
	}
	library, err := elf.NewFile(io.NewSectionReader(memory, int64(vdso.from), int64(vdso.to-vdso.from)))
	if err != nil {
		return 0, fmt.Errorf("the vDSO: %w", err)
	}
	symbols, err := library.DynamicSymbols()
	if err != nil {
		return 0, fmt.Errorf("the vDSO: %w", err)
	}
	var found []int64
	for _, symbol := range symbols {
		if symbol.Name != "__vdso_clock_gettime" {
			continue
		}
		for _, part := range variables {
			words := make([]byte, part.to-part.from)
			if _, err := memory.ReadAt(words, int64(part.from)); err != nil {
				return 0, fmt.Errorf("read variables: %w", err)
			}
			for i := 0; i < len(words); i += 8 {
				if binary.LittleEndian.Uint64(words[i:]) == vdso.from+symbol.Value {
					found = append(found, int64(part.from)+int64(i))
				}
			}
		}
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("%d variables hold the address of the vDSO's clock_gettime, want 1", len(found))
	}
	return found[0], nil
}

// span is memory from an address to another.
type span struct{ from, to uint64 }

// ownMemory is where the vDSO and the variables of this program are.
func ownMemory() (vdso span, variables []span, err error) {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return vdso, nil, err
	}
	text, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return vdso, nil, err
	}
	var end uint64 // of the variables before: those without initial values follow without a name
	for line := range strings.Lines(string(text)) {
		var part span
		var rights string
		if _, err := fmt.Sscanf(line, "%x-%x %s", &part.from, &part.to, &rights); err != nil {
			return vdso, nil, fmt.Errorf("%q: %w", line, err)
		}
		_, name, _ := strings.Cut(line, "/")
		name = "/" + strings.TrimSpace(name)
		switch {
		case strings.Contains(line, "[vdso]"):
			vdso = part
		case strings.HasPrefix(rights, "rw") && (name == program || name == "/" && part.from == end && !strings.Contains(line, "[")):
			variables, end = append(variables, part), part.to
		}
	}
	return vdso, variables, nil
}

// wrongClock is the wall clock of a daemon and its keeper.
type wrongClock struct {
	t    *testing.T
	file *os.File
	by   time.Duration
}

func newWrongClock(t *testing.T, p *project) *wrongClock {
	t.Helper()
	file, err := os.Create(filepath.Join(p.dir, "clock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	c := &wrongClock{t: t, file: file}
	c.set(0)
	return c
}

func (c *wrongClock) set(by time.Duration) {
	c.by = by
	if _, err := c.file.WriteAt(binary.LittleEndian.AppendUint64(nil, uint64(by/time.Second)), 0); err != nil {
		c.t.Fatal(err)
	}
}
