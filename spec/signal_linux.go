package spec

// The realtime signals as the C library counts them: the kernel's begin at 32, but glibc keeps the first two for itself
// (signal(7)), and `kill -l` and systemd count from 34.
const (
	firstRealtime = 34
	lastRealtime  = 64
)
