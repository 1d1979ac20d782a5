/* child FIFO: tells the time and its number to FIFO as its first act, and then waits for ever.
 * A record is two 64-bit numbers: CLOCK_REALTIME in nanoseconds, and the pid. */
#include <fcntl.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    if (argc < 2) return 2;
    int64_t record[2] = {(int64_t)t.tv_sec * 1000000000 + t.tv_nsec, getpid()};
    int fifo = open(argv[1], O_WRONLY);
    if (fifo < 0 || write(fifo, record, sizeof record) != sizeof record) return 3;
    close(fifo);
    for (;;) pause();
}
