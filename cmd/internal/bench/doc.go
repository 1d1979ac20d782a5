// Command bench measures the daemon and the command line that users run, and beside them, in the same run and with the same
// children, supervisors with nothing in them: a Go loop of syscall.ForkExec with one reaper, and a C loop of posix_spawn.
// Each gives every child two pipes of its own and drains them. It prints what was measured, what that is compared with,
// and whether the target was met.
//
// Measured are: how long it takes until many processes have been started; until a killed one, and all of them, killed at
// once, are back (the child itself tells the time as its first act, so exec is in it); the memory, threads and processor
// time of the daemon while nothing happens; whole commands as a user types them, from their start to their end.
//
// Not measured are: the throughput of logs (the benchmarks of actors/internal/logs), start-up of what is supervised, disks
// and networks, health checks, notifications, and anything but Linux. The numbers are those of this machine at this moment;
// other work on it counts against whoever is measured then, so rounds alternate between the contestants and the table says
// how far they were apart.
package main
