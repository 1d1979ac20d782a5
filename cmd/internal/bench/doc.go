// Command bench measures the daemon and the command line that users run, and beside them, in the same run and with the same
// children, supervisors with nothing in them: a Go loop of syscall.ForkExec with one reaper, and a C loop of posix_spawn.
// Each gives every child two pipes of its own and drains them. It prints what was measured, what that is compared with,
// and whether the target was met.
//
// Measured are: how long it takes until many processes have been started; until a killed one, and all of them, killed at
// once, are back (the child itself tells the time as its first act, so exec is in it); the memory, threads and processor
// time of the daemon while nothing happens; whole commands as a user types them, from their start to their end.
//
// What processes write goes into files on the disk of TMPDIR, beside "writer | cat > file" with the same writers. Timed is from
// the moment when they may write until the last line of each is in its file, which is read and checked afterwards; processor
// time is that of daemon and keeper, or of the cats, over that span. Writers live on when they have written all, so that no end
// of a process is in it.
//
// News goes to a service on the same machine: until the request is there, and what it costs when no service answers.
//
// Not measured are: start-up of what is supervised, disks (what is written is in the memory of the kernel when it counts) and
// networks, health checks, and anything but Linux. The numbers are those of this machine at this moment;
// other work on it counts against whoever is measured then, so rounds alternate between the contestants and the table says
// how far they were apart.
package main
