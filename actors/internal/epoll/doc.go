// Package epoll is one epoll instance that a goroutine waits on without keeping a thread, or a processor of the Go
// scheduler, for itself.
//
// Guarantees: Wait returns as soon as something is ready, as epoll_wait would. While it waits the goroutine is parked in
// the runtime's own poller, of which the instance is one descriptor.
//
// Why: a system call that blocks keeps its processor until the scheduler's monitor notices, which takes up to 10 ms when
// all was quiet before. With two loops on two processors everything else stood still for so long after each turn of both.
//
// Non-guarantees: timeouts are those of the runtime's timers; there is one waiter at a time. It exists on Linux only.
package epoll
