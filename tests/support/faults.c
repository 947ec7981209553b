/* Loaded before the program (LD_PRELOAD): makes calls on certain files fail, and sets the clock of the day back.
 *
 *   FAULT="call:part:count:errno"  from the count-th call (from 1) of write, fsync or open on a path with this part on,
 *                                  the call fails with this number
 *   FAULT_CLOCK=seconds            what CLOCK_REALTIME jumps back by at every second reading
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static int fails(const char *call, const char *path) {
    static atomic_int calls;
    const char *fault = getenv("FAULT");
    char wanted[16], part[256];
    int count, number;
    if (!fault || !path || sscanf(fault, "%15[^:]:%255[^:]:%d:%d", wanted, part, &count, &number) != 4) return 0;
    if (strcmp(wanted, call) || !strstr(path, part)) return 0;
    if (atomic_fetch_add(&calls, 1) + 1 < count) return 0;
    errno = number;
    return 1;
}

static int fails_on(const char *call, int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return fails(call, path);
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t write(int file, const void *bytes, size_t count) {
    REAL(write);
    return fails_on("write", file) ? -1 : real(file, bytes, count);
}
ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
    REAL(pwrite);
    return fails_on("write", file) ? -1 : real(file, bytes, count, at);
}
ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
    REAL(pwrite64);
    return fails_on("write", file) ? -1 : real(file, bytes, count, at);
}
int fsync(int file) {
    REAL(fsync);
    return fails_on("fsync", file) ? -1 : real(file);
}
int fdatasync(int file) {
    REAL(fdatasync);
    return fails_on("fsync", file) ? -1 : real(file);
}
int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    REAL(open64);
    return (flags & (O_WRONLY | O_RDWR | O_CREAT)) && fails("open", path) ? -1 : real(path, flags, mode);
}
int mkdir(const char *path, mode_t mode) {
    REAL(mkdir);
    return fails("open", path) ? -1 : real(path, mode);
}
int clock_gettime(clockid_t clock, struct timespec *now) {
    static atomic_int readings;
    REAL(clock_gettime);
    const char *jump = getenv("FAULT_CLOCK");
    int result = real(clock, now);
    if (jump && clock == CLOCK_REALTIME && atomic_fetch_add(&readings, 1) % 2) now->tv_sec -= atol(jump);
    return result;
}
