// Package control is the only door to a running daemon: one table of HTTP routes over a unix socket, and its client.
//
// Guarantees: only the daemon's own user and root get an answer (the peer's credentials are checked, whatever the
// modes of the files say); a request that waits delays no other; a follower of events that reads too slowly delays nobody
// and is told how many it missed; an order is sent once, only questions are asked again.
//
// Non-guarantees: the routes are not a public API; client and daemon of different versions may refuse each other.
package control
