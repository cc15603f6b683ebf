/*
 * A library beneath a command that kills it before its n-th change of a file below the directory of `--data`, where n stands in
 * LEDGER_KILLED_AT; one that ends by itself leaves their number in `<data>.changes`, where <data> is that directory.
 * `log_commands.rs` builds it and has the program load it.
 *
 * A change is what a power failure or a kill may leave undone: a file or directory that is created, bytes that are written, a file
 * that is cut, synced, renamed or removed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES 65536
#define PATH 4096

static char directory[PATH];
static unsigned char followed[FILES];
static long killed_at, changes;

__attribute__((constructor)) static void begin(int count, char **words) {
    const char *at = getenv("LEDGER_KILLED_AT");
    killed_at = at ? atol(at) : 0;
    for (int word = 1; word + 1 < count; word++)
        if (!strcmp(words[word], "--data") && strlen(words[word + 1]) < PATH) strcpy(directory, words[word + 1]);
}

/* Shared memory is lost at every kill of the last process, so it is no change. */
static int is_below(const char *path) {
    size_t length = strlen(directory), whole = path ? strlen(path) : 0;
    if (!length || whole < length || strncmp(path, directory, length)) return 0;
    return whole < 4 || strcmp(path + whole - 4, "-shm");
}

__attribute__((destructor)) static void end(void) {
    char path[PATH + 16], number[32];
    if (!directory[0]) return;
    snprintf(path, sizeof path, "%s.changes", directory);
    int length = snprintf(number, sizeof number, "%ld", changes);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || syscall(SYS_write, fd, number, (size_t)length) != length) abort();
    syscall(SYS_close, fd);
}

static int is_followed(int fd) { return fd >= 0 && fd < FILES && followed[fd]; }

static void change(int is_one) {
    if (is_one && __atomic_add_fetch(&changes, 1, __ATOMIC_SEQ_CST) == killed_at) syscall(SYS_kill, getpid(), SIGKILL);
}

static int opened(int at, const char *path, int flags, mode_t mode) {
    int below = (at == AT_FDCWD || path[0] == '/') && is_below(path);
    change(below && (flags & O_CREAT) && faccessat(AT_FDCWD, path, F_OK, 0));
    change(below && (flags & O_TRUNC));
    int fd = (int)syscall(SYS_openat, at, path, flags, mode);
    if (fd >= 0 && fd < FILES) followed[fd] = below;
    return fd;
}

#define OPENS(name, given, at)                                                  \
    int name given {                                                            \
        va_list more;                                                           \
        va_start(more, flags);                                                  \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more);                                                           \
        return opened(at, path, flags, mode);                                   \
    }
OPENS(open, (const char *path, int flags, ...), AT_FDCWD)
OPENS(open64, (const char *path, int flags, ...), AT_FDCWD)
OPENS(openat, (int place, const char *path, int flags, ...), place)
OPENS(openat64, (int place, const char *path, int flags, ...), place)

int close(int fd) {
    if (fd >= 0 && fd < FILES) followed[fd] = 0;
    return (int)syscall(SYS_close, fd);
}

#define CHANGES(type, name, given, is_one, made) \
    type name given {                            \
        change(is_one);                          \
        return (type)made;                       \
    }
CHANGES(ssize_t, write, (int fd, const void *bytes, size_t length), is_followed(fd), syscall(SYS_write, fd, bytes, length))
CHANGES(ssize_t, pwrite64, (int fd, const void *bytes, size_t length, off64_t offset), is_followed(fd),
        syscall(SYS_pwrite64, fd, bytes, length, offset))
CHANGES(ssize_t, pwrite, (int fd, const void *bytes, size_t length, off_t offset), is_followed(fd),
        syscall(SYS_pwrite64, fd, bytes, length, offset))
CHANGES(ssize_t, writev, (int fd, const struct iovec *parts, int count), is_followed(fd), syscall(SYS_writev, fd, parts, count))
CHANGES(int, fsync, (int fd), is_followed(fd), syscall(SYS_fsync, fd))
CHANGES(int, fdatasync, (int fd), is_followed(fd), syscall(SYS_fdatasync, fd))
CHANGES(int, ftruncate, (int fd, off_t length), is_followed(fd), syscall(SYS_ftruncate, fd, length))
CHANGES(int, ftruncate64, (int fd, off64_t length), is_followed(fd), syscall(SYS_ftruncate, fd, length))
CHANGES(int, rename, (const char *from, const char *to), is_below(to), syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0))
CHANGES(int, mkdir, (const char *path, mode_t mode), is_below(path), syscall(SYS_mkdirat, AT_FDCWD, path, mode))
CHANGES(int, unlink, (const char *path), is_below(path), syscall(SYS_unlinkat, AT_FDCWD, path, 0))
CHANGES(int, unlinkat, (int at, const char *path, int flags), is_followed(at) || is_below(path),
        syscall(SYS_unlinkat, at, path, flags))
