package outbox

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/dcousineau/phorever/notifier/internal/news"
)

// fullFile is the content of an outbox with pages of every kind.
func fullFile(t *testing.T) []byte {
	t.Helper()
	o := newOutbox(t)
	for i := range 60 {
		m := tidings(news.First, fmt.Sprint(i), fmt.Sprint("p", i))
		if i%25 == 24 {
			m.Event.LogTail = []string{strings.Repeat("x", 9000)} // more than a page
		}
		commit(t, o, "ops", m)
	}
	commit(t, o, "mail", tidings(news.First, "1", "web")) // fits into its parent's page
	for i := range 20 {
		if err := o.Commit("ops", noon, Batch{Incidents: map[string][]byte{fmt.Sprint(i): bytes.Repeat([]byte("y"), 50)}}); err != nil {
			t.Fatal(err)
		}
		if err := o.Delivered("ops", take(t, o, "ops").Seq); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(o.path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

const fullEntries = 41

// openDamaged opens a file with a content, uses it, and returns how many entries it had and what it says about the file.
func openDamaged(t *testing.T, content []byte) (entries int, ignored string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "outbox.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	o, ignored, err := OpenOutbox(path)
	if err != nil {
		t.Fatal(err)
	}
	entries = len(o.List())
	if strings.Contains(ignored, damagedSuffix) {
		aside, err := os.ReadFile(path + damagedSuffix)
		if err != nil || !bytes.Equal(aside, content) || entries != 0 {
			t.Errorf("it says %q, has %d entries, and beside it is something else (%v)", ignored, entries, err)
		}
	}
	commit(t, o, "new", tidings(news.First, "new", "web"))
	if err := o.Delivered("new", take(t, o, "new").Seq); err != nil {
		t.Error(err)
	}
	for _, listed := range o.List() {
		if err := o.Delivered(listed.Sink, listed.Seq); err != nil {
			t.Error(err)
		}
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
	o, twice, err := OpenOutbox(path)
	if err != nil || twice != "" {
		t.Fatalf("the second time: ignored %q, error %v; before %q", twice, err, ignored)
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
	return entries, ignored
}

// wantHonest: it has everything, or it says that it has not.
func wantHonest(t *testing.T, what string, content []byte) (ignored string) {
	t.Helper()
	entries, ignored := openDamaged(t, content)
	if entries != fullEntries && ignored == "" {
		t.Errorf("%s: %d entries are there, and it says nothing", what, entries)
	}
	return ignored
}

func TestATruncatedFileIsMovedAside(t *testing.T) {
	content := fullFile(t)
	if ignored := wantHonest(t, "whole", content); ignored != "" {
		t.Fatalf("the whole file: %q", ignored)
	}
	lengths := []int{0, 1, 15, 16, 100}
	for at := 1024; at < len(content); at += 10 * 1024 {
		lengths = append(lengths, at, at/4096*4096)
	}
	said := 0
	for _, length := range lengths {
		if wantHonest(t, fmt.Sprint("length ", length), content[:length]) != "" {
			said++
		}
	}
	if said < len(lengths)/2 {
		t.Errorf("only %d of %d are damaged", said, len(lengths))
	}
}

func TestOverwrittenBytesAreNoticed(t *testing.T) {
	content := fullFile(t)
	random := rand.New(rand.NewPCG(1, 2))
	said := 0
	const rounds = 60
	for round := range rounds {
		bad := bytes.Clone(content)
		for range 1 + random.IntN(20) {
			at := random.IntN(len(bad))
			if round%2 == 0 {
				at = at/4096*4096 + random.IntN(128) // where the pages describe themselves
			}
			for i := at; i < min(at+1+random.IntN(8), len(bad)); i++ {
				bad[i] = byte(random.Uint32())
			}
		}
		if wantHonest(t, fmt.Sprint("round ", round), bad) != "" {
			said++
		}
	}
	if said < rounds/3 {
		t.Errorf("only %d of %d are damaged", said, rounds)
	}
}

// TestEveryByteOfWhatPagesSayOfThemselves is turned to what hurts most, one after another: what the check lets pass can be
// read, and is all there.
func TestEveryByteOfWhatPagesSayOfThemselves(t *testing.T) {
	content := fullFile(t)
	path := filepath.Join(t.TempDir(), "outbox.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	set := func(at int, value byte) {
		if _, err := file.WriteAt([]byte{value}, int64(at)); err != nil {
			t.Fatal(err)
		}
	}
	refused := 0
	for page := 0; page*filePageSize < len(content); page++ {
		for _, c := range []struct {
			offset int
			value  byte
		}{{0, 0x01}, {8, 0x01}, {8, 0x02}, {10, 0x00}, {10, 0x01}, {11, 0xFF}, {12, 0x01}, {15, 0x7F}, {16, 0x01}, {20, 0xFF}, {24, 0x01}, {31, 0xFF}} {
			at := page*filePageSize + c.offset
			if content[at] == c.value {
				continue
			}
			set(at, c.value)
			if !wantReadable(t, fmt.Sprintf("page %d, byte %d, value %d", page, c.offset, c.value), path) {
				refused++
			}
			set(at, content[at])
		}
	}
	if refused < 100 {
		t.Errorf("only %d are refused", refused)
	}
}

func wantReadable(t *testing.T, what string, path string) bool {
	t.Helper()
	f, err := openOutboxFile(path)
	if damage := (*damageError)(nil); errors.As(err, &damage) {
		return false
	}
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	shelves, dropped, err := f.load()
	entries := 0
	for _, s := range shelves {
		entries += len(s.entries)
	}
	if err == nil && entries != fullEntries && dropped == 0 && !f.stale {
		t.Errorf("%s: %d entries are there, and it says nothing", what, entries)
	}
	if err := f.close(); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	return err == nil && dropped == 0
}

// TestWhatIsNoOutbox has sentences that say why.
func TestWhatIsNoOutbox(t *testing.T) {
	foreign := func(fill func(tx *bbolt.Tx) error) []byte {
		path := filepath.Join(t.TempDir(), "foreign.db")
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{PageSize: filePageSize})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Update(fill), db.Close()); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	outbox := func(version string, more func(sinks *bbolt.Bucket) error) []byte {
		return foreign(func(tx *bbolt.Tx) error {
			layout, _ := tx.CreateBucket(layoutBucket)
			sinks, _ := tx.CreateBucket(sinksBucket)
			return errors.Join(layout.Put(versionKey, []byte(version)), more(sinks))
		})
	}
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":      {nil, "is damaged (it is empty) and was moved to"},
		"text":       {[]byte("once upon a time"), "it does not begin like an outbox"},
		"long text":  {bytes.Repeat([]byte("once upon a time "), 4096), "it does not begin like an outbox"},
		"other":      {foreign(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("a")); return err }), "it is not an outbox"},
		"nothing":    {foreign(func(*bbolt.Tx) error { return nil }), "is empty"},
		"later":      {outbox("2", func(*bbolt.Bucket) error { return nil }), `its layout has the version "2"`},
		"value":      {outbox("1", func(sinks *bbolt.Bucket) error { return sinks.Put([]byte("ops"), nil) }), "a bucket is missing"},
		"no buckets": {outbox("1", func(sinks *bbolt.Bucket) error { _, err := sinks.CreateBucket([]byte("ops")); return err }), "a bucket is missing"},
		"entries": {outbox("1", func(sinks *bbolt.Bucket) error {
			sink, _ := sinks.CreateBucket([]byte("ops"))
			queue, _ := sink.CreateBucket(queueBucket)
			_, err := sink.CreateBucket(incidentsBucket)
			right, _ := encodeEntry("ops", Entry{Seq: 1})
			for i, value := range [][]byte{right, []byte("{"), right, nil} { // the third has the number of the first
				err = errors.Join(err, queue.Put(binary.BigEndian.AppendUint64(nil, uint64(i+1)), value))
			}
			foreign, _ := encodeEntry("mail", Entry{Seq: 9})
			return errors.Join(err, queue.Put([]byte("x"), right), queue.Put(binary.BigEndian.AppendUint64(nil, 9), foreign))
		}), "5 of what waited there could not be read"},
	} {
		entries, ignored := openDamaged(t, c.content)
		if !strings.Contains(ignored, c.want) {
			t.Errorf("%s: it says %q, want %q", name, ignored, c.want)
		}
		if want := map[bool]int{true: 1}[name == "entries"]; entries != want {
			t.Errorf("%s: %d entries, want %d", name, entries, want)
		}
	}
}

// TestPagesThatLeadInCircles are what no recover helps against: a loop without an end, an allocation without a limit.
func TestPagesThatLeadInCircles(t *testing.T) {
	content := fullFile(t)
	meta := func(change func(body []byte)) []byte {
		bad := bytes.Clone(content)
		for _, page := range []int{0, 1} {
			body := bad[page*filePageSize+pageHeader:]
			change(body)
			sum := fnv.New64a()
			_, _ = sum.Write(body[:56])
			native.PutUint64(body[56:], sum.Sum64())
		}
		return bad
	}
	cases := map[string][]byte{
		"no free list":        meta(func(body []byte) { native.PutUint64(body[32:], ^uint64(0)) }),
		"root beyond the end": meta(func(body []byte) { native.PutUint64(body[16:], 1<<40) }),
		"more than there is":  meta(func(body []byte) { native.PutUint64(body[40:], 1<<50) }),
		"root is the list":    meta(func(body []byte) { native.PutUint64(body[16:], native.Uint64(body[32:])) }),
	}
	root := native.Uint64(content[pageHeader+16:])
	if other := filePageSize + pageHeader; native.Uint64(content[other+48:]) > native.Uint64(content[pageHeader+48:]) {
		root = native.Uint64(content[other+16:])
	}
	branches := 0
	for at := 2 * filePageSize; at < len(content); at += filePageSize {
		id, first := fmt.Sprint(at/filePageSize), at+pageHeader
		change := func(what string, how func(bad []byte)) {
			bad := bytes.Clone(content)
			how(bad)
			cases[what+" at "+id] = bad
		}
		switch native.Uint16(content[at+8:]) {
		case branchFlag:
			branches++
			change("circle", func(bad []byte) { native.PutUint64(bad[first+8:], native.Uint64(bad[at:])) })
			change("circle of one", func(bad []byte) { // the same keys as before, but for those that are gone
				key := first + int(native.Uint32(bad[first:]))
				copy(bad[first+pageElement:], content[key:key+int(native.Uint32(bad[first+4:]))])
				native.PutUint16(bad[at+10:], 1)
				native.PutUint32(bad[first:], pageElement)
				native.PutUint64(bad[first+8:], native.Uint64(bad[at:]))
			})
			second := first + pageElement // whose key begins what its child has, and ends what the first one has
			lastOfKey := second + int(native.Uint32(content[second:])+native.Uint32(content[second+4:])) - 1
			change("later key", func(bad []byte) { bad[lastOfKey]++ })
			change("earlier key", func(bad []byte) { bad[lastOfKey]-- })
		case freelistFlag:
			change("long list", func(bad []byte) {
				native.PutUint16(bad[at+10:], 0xFFFF)
				native.PutUint64(bad[first:], 1<<40)
			})
			change("list with the root", func(bad []byte) {
				native.PutUint16(bad[at+10:], 1)
				native.PutUint64(bad[first:], root)
			})
		}
	}
	if branches == 0 {
		t.Error("there is no branch")
	}
	moved := map[string]bool{}
	for name, bad := range cases {
		if ignored := wantHonest(t, name, bad); strings.Contains(ignored, damagedSuffix) {
			kind, _, _ := strings.Cut(name, " at ")
			moved[kind] = true
		}
	}
	if len(moved) != 10 { // some pages are free, so not each of them
		t.Errorf("only these were moved aside: %v", moved)
	}
}

// TestAnOlderStateIsToldOf: with one of the two first pages gone, the file is as it was before its last change.
func TestAnOlderStateIsToldOf(t *testing.T) {
	content := fullFile(t)
	for page := range 2 {
		bad := bytes.Clone(content)
		bad[page*filePageSize+pageHeader+3]++
		if ignored := wantHonest(t, fmt.Sprint("page ", page), bad); !strings.Contains(ignored, "the last change may be missing") {
			t.Errorf("page %d: %q", page, ignored)
		}
	}
}
