//go:build !linux

package logs

// ioctlUnread asks how many bytes lie in a pipe: FIONREAD of the BSDs, sys/filio.h.
const ioctlUnread = 0x4004667f
