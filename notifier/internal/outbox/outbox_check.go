package outbox

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"slices"
)

// A check of a bbolt file, version 2, before bbolt sees it. bbolt trusts its file: a branch that leads back to itself is a
// loop without an end, and a count that is wrong can be an allocation that ends the process, so no recover helps. The check
// reads each page once, at most. The layout is that of go.etcd.io/bbolt/internal/common, in the machine's byte order.
const (
	pageHeader   = 16 // id 8, flags 2, count 2, overflow 4
	pageElement  = 16 // of a branch: position 4, key size 4, page 8; of a leaf: flags 4, position 4, key size 4, value size 4
	bucketHeader = 16 // root page 8, or 0 when the page follows; sequence 8

	branchFlag   = 0x01
	leafFlag     = 0x02
	metaFlag     = 0x04
	freelistFlag = 0x10
	bucketFlag   = 0x01 // of a leaf's element

	boltMagic   = 0xED0CDAED
	boltVersion = 2
)

var native = binary.NativeEndian

// fileMeta is what one of the two first pages says about all others.
type fileMeta struct{ root, freelist, end, transaction uint64 }

// fileCheck is a walk through the pages that a meta page leads to.
type fileCheck struct {
	file io.ReaderAt
	meta fileMeta
	used []bool // pages, by number
}

// checkFile finds out whether bbolt can use a file; if not, the error is a damageError. stale tells that one of the two first
// pages cannot be read: the file is as it was after the last change, or before it.
func checkFile(file *os.File) (stale bool, err error) {
	info, err := file.Stat()
	if err != nil {
		return false, err
	}
	pages := uint64(info.Size()) / filePageSize
	if info.Size() == 0 {
		return false, damaged("it is empty")
	}
	var metas []fileMeta
	for i := range min(pages, 2) {
		page := make([]byte, filePageSize)
		if _, err := file.ReadAt(page, int64(i*filePageSize)); err != nil {
			return false, damaged("page %d: %v", i, err)
		}
		if m, ok := readMeta(page); ok {
			metas = append(metas, m)
		}
	}
	if len(metas) == 0 {
		return false, damaged("it does not begin like an outbox")
	}
	newest := slices.MaxFunc(metas, func(a, b fileMeta) int { return cmp.Compare(a.transaction, b.transaction) })
	if newest.end > pages {
		return false, damaged("it has %d pages of %d", pages, newest.end)
	}
	c := &fileCheck{file: file, meta: newest, used: make([]bool, newest.end)}
	if err := c.freelist(); err != nil {
		return false, err
	}
	return len(metas) < 2, c.tree(c.meta.root, nil, nil)
}

func damaged(format string, a ...any) error { return &damageError{fmt.Sprintf(format, a...)} }

func readMeta(page []byte) (m fileMeta, ok bool) {
	body := page[pageHeader:]
	sum := fnv.New64a()
	_, _ = sum.Write(body[:56])
	ok = native.Uint16(page[8:]) == metaFlag && native.Uint32(body) == boltMagic && native.Uint32(body[4:]) == boltVersion &&
		native.Uint32(body[8:]) == filePageSize && native.Uint64(body[56:]) == sum.Sum64()
	return fileMeta{
		root: native.Uint64(body[16:]), freelist: native.Uint64(body[32:]),
		end: native.Uint64(body[40:]), transaction: native.Uint64(body[48:]),
	}, ok
}

// take marks pages as used by one thing.
func (c *fileCheck) take(first, count uint64) error {
	if first < 2 || first >= c.meta.end || count > c.meta.end-first {
		return damaged("page %d of %d is named", first, c.meta.end)
	}
	for i := first; i < first+count; i++ {
		if c.used[i] {
			return damaged("page %d is used twice", i)
		}
		c.used[i] = true
	}
	return nil
}

// page reads a page and those that belong to it.
func (c *fileCheck) page(id uint64) (page []byte, flags uint16, count int, err error) {
	if id < 2 || id >= c.meta.end {
		return nil, 0, 0, damaged("page %d of %d is named", id, c.meta.end)
	}
	var head [pageHeader]byte
	if _, err := c.file.ReadAt(head[:], int64(id*filePageSize)); err != nil {
		return nil, 0, 0, damaged("page %d: %v", id, err)
	}
	if found := native.Uint64(head[:]); found != id {
		return nil, 0, 0, damaged("page %d says that it is page %d", id, found)
	}
	pages := uint64(native.Uint32(head[12:])) + 1
	if err := c.take(id, pages); err != nil {
		return nil, 0, 0, err
	}
	page = make([]byte, pages*filePageSize)
	if _, err := c.file.ReadAt(page, int64(id*filePageSize)); err != nil {
		return nil, 0, 0, damaged("page %d: %v", id, err)
	}
	return page, native.Uint16(page[8:]), int(native.Uint16(page[10:])), nil
}

func (c *fileCheck) freelist() error {
	page, flags, count, err := c.page(c.meta.freelist)
	if err != nil {
		return err
	}
	ids := page[pageHeader:]
	if count == 0xFFFF { // more than fit into the header
		if n := native.Uint64(ids); n <= uint64(len(ids)) {
			count, ids = int(n), ids[8:]
		}
	}
	if flags != freelistFlag || count > len(ids)/8 {
		return damaged("page %d is no list of free pages", c.meta.freelist)
	}
	for previous := uint64(0); count > 0; count, ids = count-1, ids[8:] {
		id := native.Uint64(ids)
		if id <= previous {
			return damaged("the list of free pages is out of order")
		}
		if err := c.take(id, 1); err != nil {
			return err
		}
		previous = id
	}
	return nil
}

// tree checks a page and all below it, whose keys are at least from and, when there is a to, below that.
func (c *fileCheck) tree(id uint64, from, to []byte) error {
	page, flags, count, err := c.page(id)
	if err != nil {
		return err
	}
	if count == 0 { // bbolt has no such page, but in a bucket within a leaf
		return damaged("page %d is empty", id)
	}
	keys, children, err := c.elements(page, flags, count, from, to)
	if err != nil {
		return damaged("page %d: %v", id, err)
	}
	if flags == leafFlag {
		return nil
	}
	for i, child := range children {
		end := to
		if i+1 < len(keys) {
			end = keys[i+1]
		}
		if err := c.tree(child, keys[i], end); err != nil {
			return err
		}
	}
	return nil
}

// elements checks what is on a page. bbolt writes it without gaps, in the order of the elements.
func (c *fileCheck) elements(page []byte, flags uint16, count int, from, to []byte) (
	keys [][]byte, children []uint64, err error,
) {
	if flags != leafFlag && flags != branchFlag {
		return nil, nil, damaged("it is of no known kind")
	}
	at := pageHeader + count*pageElement // the data of the next element
	if at > len(page) {
		return nil, nil, damaged("it has too many elements")
	}
	for i := range count {
		offset := pageHeader + i*pageElement
		element := page[offset : offset+pageElement]
		position, keySize, valueSize, bucket := native.Uint32(element), native.Uint32(element[4:]), uint32(0), false
		if flags == leafFlag {
			position, keySize, valueSize = native.Uint32(element[4:]), native.Uint32(element[8:]), native.Uint32(element[12:])
			bucket = native.Uint32(element) == bucketFlag
			if !bucket && native.Uint32(element) != 0 {
				return nil, nil, damaged("element %d is of no known kind", i)
			}
		}
		size := uint64(keySize) + uint64(valueSize)
		if offset+int(position) != at || keySize == 0 || size > uint64(len(page)-at) {
			return nil, nil, damaged("element %d is not where it should be", i)
		}
		key, value := page[at:at+int(keySize)], page[at+int(keySize):at+int(size)]
		at += int(size)
		inside := bytes.Compare(key, from) >= 0 && (to == nil || bytes.Compare(key, to) < 0)
		if !inside || i > 0 && bytes.Compare(key, keys[i-1]) <= 0 {
			return nil, nil, damaged("the key of element %d is out of order", i)
		}
		keys = append(keys, key)
		if flags == branchFlag {
			children = append(children, native.Uint64(element[8:]))
		} else if bucket {
			if err := c.bucket(value); err != nil {
				return nil, nil, err
			}
		}
	}
	return keys, children, nil
}

// bucket checks a bucket in a leaf: its pages are elsewhere, or its only one is part of the value.
func (c *fileCheck) bucket(value []byte) error {
	if len(value) < bucketHeader {
		return damaged("a bucket is too short")
	}
	if root := native.Uint64(value); root != 0 {
		return c.tree(root, nil, nil)
	}
	page := value[bucketHeader:]
	if len(page) < pageHeader || native.Uint16(page[8:]) != leafFlag || native.Uint64(page) != 0 || native.Uint32(page[12:]) != 0 {
		return damaged("a bucket in a leaf is no page")
	}
	_, _, err := c.elements(page, leafFlag, int(native.Uint16(page[10:])), nil, nil)
	return err
}
