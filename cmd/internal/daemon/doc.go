// Package daemon starts the parts in order and stops them in reverse: lock, pid file, log, tree, control door, signals.
package daemon
