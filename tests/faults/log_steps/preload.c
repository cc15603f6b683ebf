/*
 * A library beneath the program that kills it at a step of the writing of the log, before or after the step is done.
 * `log_steps.rs` builds it and has the program load it.
 *
 * The step stands in the file `<data>.step`, where <data> is the directory of `--data`: the call, the kind of the file, and
 * `before` or `after`, for example `rename tile before`. The file is removed at the kill, so that one step is one kill.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILES 65536
#define PATH 4096

static char directory[PATH], wanted[PATH];
/* What an open file is; NULL for files that are not of the log. */
static const char *kinds[FILES];

__attribute__((constructor)) static void begin(int count, char **words) {
    for (int at = 1; at + 1 < count; at++) {
        if (strcmp(words[at], "--data") || words[at + 1][0] != '/' || strlen(words[at + 1]) > PATH - 64) continue;
        snprintf(directory, PATH, "%s/log", words[at + 1]);
        snprintf(wanted, PATH, "%s.step", words[at + 1]);
    }
}

/* The kind of a file of the log by its path; NULL for others. */
static const char *kind_of(const char *path) {
    size_t length = strlen(directory);
    if (!length || !path || strncmp(path, directory, length)) return NULL;
    if (path[length] == 0) return "directory";
    if (path[length] != '/') return NULL;
    const char *name = path + length + 1;
    if (!strcmp(name, "checkpoint") || !strcmp(name, ".checkpoint.new")) return "checkpoint";
    if (!strncmp(name, "tile/entries/", 13)) return "entries";
    if (!strncmp(name, "tile/", 5)) return "tile";
    return "directory";
}

static void at_step(const char *call, const char *kind, const char *when) {
    char step[PATH], there[PATH];
    int fd = (int)syscall(SYS_openat, AT_FDCWD, wanted, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    ssize_t length = syscall(SYS_read, fd, there, PATH - 1);
    syscall(SYS_close, fd);
    snprintf(step, PATH, "%s %s %s", call, kind, when);
    if (length < 0 || strlen(step) != (size_t)length || memcmp(step, there, (size_t)length)) return;
    syscall(SYS_unlinkat, AT_FDCWD, wanted, 0);
    syscall(SYS_kill, getpid(), SIGKILL);
}

/* Makes the call with the step before and after it. */
#define STEP(call, kind, made)                 \
    do {                                       \
        const char *of = (kind);               \
        if (of) at_step(call, of, "before");   \
        long done = (made);                    \
        int error = errno;                     \
        if (of) at_step(call, of, "after");    \
        errno = error;                         \
        return done;                           \
    } while (0)

static int really_opened(int at, const char *path, int flags, mode_t mode, const char *kind) {
    int fd = (int)syscall(SYS_openat, at, path, flags, mode);
    struct stat status;
    if (fd < 0 || fd >= FILES) return fd;
    kinds[fd] = kind;
    /* A directory that is opened to be emptied holds the partial files. */
    if (kind && !fstat(fd, &status) && S_ISDIR(status.st_mode)) {
        size_t length = strlen(path);
        kinds[fd] = length > 2 && !strcmp(path + length - 2, ".p") && (flags & O_DIRECTORY) ? "partial" : "directory";
    }
    return fd;
}

static int opened(int at, const char *path, int flags, mode_t mode) {
    const char *kind = at == AT_FDCWD || path[0] == '/' ? kind_of(path) : NULL;
    STEP("create", flags & O_CREAT ? kind : NULL, really_opened(at, path, flags, mode, kind));
}

#define OPENS(name)                                                          \
    int name(const char *path, int flags, ...) {                             \
        va_list more;                                                        \
        va_start(more, flags);                                               \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more);                                                        \
        return opened(AT_FDCWD, path, flags, mode);                          \
    }
#define OPENS_AT(name)                                                       \
    int name(int at, const char *path, int flags, ...) {                     \
        va_list more;                                                        \
        va_start(more, flags);                                               \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more);                                                        \
        return opened(at, path, flags, mode);                                \
    }
OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)

static const char *open_kind(int fd) { return fd >= 0 && fd < FILES ? kinds[fd] : NULL; }

int close(int fd) {
    if (open_kind(fd)) kinds[fd] = NULL;
    return (int)syscall(SYS_close, fd);
}

ssize_t write(int fd, const void *bytes, size_t length) {
    STEP("write", open_kind(fd), syscall(SYS_write, fd, bytes, length));
}

int fsync(int fd) { STEP("sync", open_kind(fd), syscall(SYS_fsync, fd)); }

int fdatasync(int fd) { STEP("sync", open_kind(fd), syscall(SYS_fdatasync, fd)); }

int rename(const char *from, const char *to) {
    STEP("rename", kind_of(to), syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int mkdir(const char *path, mode_t mode) {
    STEP("make", kind_of(path) ? "directory" : NULL, syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

int unlinkat(int at, const char *path, int flags) {
    STEP("remove", open_kind(at) ? "partial" : NULL, syscall(SYS_unlinkat, at, path, flags));
}
