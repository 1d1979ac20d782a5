/* writer FIFO GATE BYTES SIZE: writes BYTES to its output, SIZE at a time, in lines of SIZE or 128 bytes, the shorter.
 * It tells its birth to FIFO as child.c does, waits until somebody opens GATE, writes, closes its output, tells FIFO once
 * more, and then waits for ever: whoever logs it has nothing to do but that. The last line ends with "last". BYTES of 0
 * are without end. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void tell(int fifo) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    int64_t record[2] = {(int64_t)t.tv_sec * 1000000000 + t.tv_nsec, getpid()};
    if (write(fifo, record, sizeof record) != sizeof record) _exit(3);
}

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    long long bytes = atoll(argv[3]), size = atoll(argv[4]), line = size < 128 ? size : 128;
    int fifo = open(argv[1], O_WRONLY);
    char *block = malloc((size_t)size);
    if (fifo < 0 || line < 8 || !block) return 2;
    memset(block, 'x', (size_t)size);
    for (long long end = line; end <= size; end += line) block[end - 1] = '\n';
    tell(fifo);
    if (open(argv[2], O_RDONLY) < 0) return 3;
    for (long long left = bytes; bytes == 0 || left > 0; left -= size) {
        if (left == size) memcpy(block + size - 5, "last\n", 5);
        if (write(1, block, (size_t)size) != size) return 4;
    }
    close(1);
    tell(fifo);
    for (;;) pause();
}
