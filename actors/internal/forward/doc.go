// Package forward sends the lines of processes, besides their files, to a collector of logs.
//
// A Forwarder has one Target: syslog (RFC 5424 over a unix socket, UDP or TCP), journald by its own protocol, or the daemon's
// stdout or stderr for a container. Offer copies lines into a bounded buffer and returns; one goroutine does everything that
// can take time.
//
// Guarantees: Offer never waits for a target. Lines leave in the order in which they were offered. Memory is bounded by
// Options.Buffer and a few batches. Each line that was offered is counted once, as sent or as dropped, and after Close none is
// counted as neither. While a target is away the buffer fills, and then the newest lines are dropped: what is kept is how the
// trouble began, and it needs no second look at what is already in order. Once lines are dropped, all are until half of the
// buffer is free, so that there is one hole and not a sieve. A target that is away is tried again for ever, its name resolved anew
// each time.
//
// Over TCP a message that was not written whole when its connection broke is sent again, whole, on the next one. On Linux so is
// one that the peer's kernel did not acknowledge: a collector that is restarted costs nothing that it did not take. So a
// message comes at least once, or is lost with a collector that had taken it and not read it.
//
// Non-guarantees: sent means given to the kernel, as syslog has no answers. Over UDP messages vanish, come twice or change
// places, and a host that does not answer is not noticed. A message of syslog that is too long for a datagram, or has more than
// 64 KiB on a stream, is cut and ends with " [cut]"; journald gets it whole in a memory file, on Linux. A unix stream socket that
// breaks takes with it what its reader had not read. A TCP peer that closes its own direction is taken for one that is gone, as it
// mostly is. Several forwarders have no order among them. A line on the daemon's stdout that is longer than 4 KiB can be mixed
// with what others write to the same pipe. Should a stdout that cannot be polled hang, a goroutine may hang with it, but
// neither Offer nor Close.
package forward
