package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

func init() { steps["serve-mount"] = step{1, serveMount} }

// The words of the kernel's FUSE protocol that an empty directory needs, by their numbers in linux/fuse.h.
const (
	fuseForget = 2
	fuseAttr   = 3
	fuseStatfs = 17
	fuseInit   = 26
	fuseAccess = 34
)

// serveMount mounts an empty directory at a path and answers for it, as a server of files does. While there is a file of its name
// with ".dead" it answers nothing, of which stat learns nothing: what it tells is remembered for an hour.
func serveMount(at string) {
	device, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	check(err)
	check(unix.Mount("misbehave", at, "fuse", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", device)))
	request := make([]byte, 1<<20)
	for {
		n, err := unix.Read(device, request)
		if err == unix.EINTR || err == unix.ENOENT {
			continue
		}
		check(err)
		for {
			if _, err := os.Stat(at + ".dead"); err != nil {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		// The header: length, word, request of eight bytes, node of eight, whose it is.
		word := binary.NativeEndian.Uint32(request[4:n])
		if word == fuseForget {
			continue
		}
		errno, answer := fuseAnswer(word, binary.NativeEndian.Uint64(request[16:n]))
		_, _ = unix.Write(device, bytes.Join([][]byte{words(uint32(16+len(answer)), uint32(-int32(errno))), request[8:16], answer}, nil))
	}
}

// fuseAnswer is what follows the header of an answer.
func fuseAnswer(word uint32, node uint64) (unix.Errno, []byte) {
	switch word {
	case fuseInit:
		return 0, append(words(7, 31, 0, 0, 0, 4096), make([]byte, 40)...)
	case fuseAttr:
		attributes := make([]uint32, 26)
		attributes[0] = 3600 // seconds that they hold
		attributes[4] = uint32(node)
		attributes[19], attributes[20] = unix.S_IFDIR|0o755, 2
		return 0, words(attributes...)
	case fuseStatfs:
		return 0, make([]byte, 80)
	case fuseAccess:
		return 0, nil
	default:
		return unix.ENOSYS, nil
	}
}

func words(all ...uint32) []byte {
	var text []byte
	for _, word := range all {
		text = binary.NativeEndian.AppendUint32(text, word)
	}
	return text
}
