/*
 * A library beneath the program that records its writes and syncs, those of SQLite and those of the log. `power.rs` builds it and has the program load
 * it; from the record it makes a directory as a power cut might leave it.
 *
 * While a file `broken` exists next to the log, every sync fails.
 *
 * A change of a file in the directory of `--data` is in the log before it is made, with the bytes that it replaces; a sync is
 * in the log after it has ended. A sync only takes time and is not carried out, since data in the kernel survives the kill that
 * simulates the power cut. Shared memory (`-shm`) counts as lost and is not recorded.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES 65536
#define PATH 4096
/* A sync takes between one and four milliseconds. */
#define SYNC_US(n) (1000 + (n) * 619 % 3000)

struct record {
    uint32_t magic;
    uint32_t kind; /* 'W'rite, 'T'runcate, 'S'ync, 'C'reate, 'U'nlink, 'R'ename, 'M'ake the directory, unknown 'X' */
    uint64_t inode;
    uint64_t offset; /* of a sync: how many records there were when it began; of a rename: the inode that it replaces, or 0 */
    uint64_t size_before;
    uint32_t path_length, old_length, new_length, unused;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char directory[PATH], parent[PATH], graves[PATH], broken[PATH];
static int log_fd = -1;
static uint64_t records;
static unsigned char followed[FILES];

__attribute__((constructor)) static void begin(int count, char **words) {
    const char *data = NULL;
    for (int at = 1; at + 1 < count; at++)
        if (!strcmp(words[at], "--data")) data = words[at + 1];
    if (!data || data[0] != '/' || strlen(data) > PATH - 64) return;
    char path[PATH];
    strcpy(directory, data);
    strcpy(parent, data);
    *strrchr(parent, '/') = 0;
    snprintf(graves, PATH, "%s.power", data);
    syscall(SYS_mkdirat, AT_FDCWD, graves, 0700);
    if (snprintf(path, PATH, "%s.power/log", data) >= PATH) return;
    if (snprintf(broken, PATH, "%s.power/broken", data) >= PATH) return;
    log_fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void give_up(const char *why) {
    syscall(SYS_write, 2, why, strlen(why));
    abort();
}

/* The name within the directory: "." for itself, ".." for its parent, NULL for files that are not recorded. */
static const char *name_of(const char *path) {
    size_t length = strlen(directory);
    if (log_fd < 0 || !path) return NULL;
    if (!strcmp(path, directory)) return ".";
    if (!strcmp(path, parent)) return "..";
    if (strncmp(path, directory, length) || path[length] != '/') return NULL;
    size_t whole = strlen(path);
    if (whole > 4 && !strcmp(path + whole - 4, "-shm")) return NULL;
    return path + length + 1;
}

static void put(uint32_t kind, uint64_t inode, uint64_t offset, uint64_t size_before, const char *path,
                const void *old, size_t old_length, const void *new, size_t new_length) {
    struct record head = {0x43525750, kind, inode, offset, size_before, (uint32_t)strlen(path),
                          (uint32_t)old_length, (uint32_t)new_length, 0};
    struct iovec parts[] = {{&head, sizeof head},
                            {(void *)path, head.path_length},
                            {(void *)old, old_length},
                            {(void *)new, new_length}};
    ssize_t whole = (ssize_t)(sizeof head + head.path_length + old_length + new_length);
    if (syscall(SYS_writev, log_fd, parts, 4) != whole) give_up("the log of the disk cannot be written\n");
    records++;
}

static int is_followed(int fd) { return fd >= 0 && fd < FILES && followed[fd]; }

/* Records that the bytes from `offset` on become `new`, or, without `new`, that the file ends there. */
static void put_change(int fd, uint64_t offset, const void *new, size_t length) {
    struct stat at;
    if (fstat(fd, &at)) give_up("a file cannot be looked at\n");
    uint64_t size = (uint64_t)at.st_size, old_length = size > offset ? size - offset : 0;
    if (new && old_length > length) old_length = length;
    char *old = malloc(old_length + 1);
    /* With the same descriptor: closing another one would release SQLite's locks on the file. */
    for (uint64_t done = 0; done < old_length;) {
        ssize_t more = syscall(SYS_pread64, fd, old + done, old_length - done, offset + done);
        if (more <= 0) give_up("a file that is written cannot be read\n");
        done += (uint64_t)more;
    }
    put(new ? 'W' : 'T', at.st_ino, offset, size, "", old, old_length, new, new ? length : 0);
    free(old);
}

static int opened(int at, const char *path, int flags, mode_t mode) {
    const char *name = at == AT_FDCWD || path[0] == '/' ? name_of(path) : NULL;
    if (!name) return (int)syscall(SYS_openat, at, path, flags, mode);
    pthread_mutex_lock(&lock);
    int is_new = (flags & O_CREAT) && faccessat(AT_FDCWD, path, F_OK, 0);
    int fd = (int)syscall(SYS_openat, at, path, flags & ~O_TRUNC, mode);
    int error = errno;
    struct stat status;
    if (fd >= 0 && fd < FILES && !fstat(fd, &status)) {
        followed[fd] = 1;
        if (is_new) put('C', status.st_ino, 0, 0, name, NULL, 0, NULL, 0);
        if (flags & (O_APPEND | O_TRUNC) && flags & (O_WRONLY | O_RDWR))
            put('X', 0, 0, 0, "a file is opened in a way that the layer does not know", NULL, 0, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    errno = error;
    return fd;
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

int close(int fd) {
    if (is_followed(fd)) followed[fd] = 0;
    return (int)syscall(SYS_close, fd);
}

static ssize_t written(int fd, const void *bytes, size_t length, int64_t offset) {
    pthread_mutex_lock(&lock);
    uint64_t at = offset < 0 ? (uint64_t)syscall(SYS_lseek, fd, 0, SEEK_CUR) : (uint64_t)offset;
    if (length) put_change(fd, at, bytes, length);
    ssize_t done = offset < 0 ? syscall(SYS_write, fd, bytes, length)
                              : syscall(SYS_pwrite64, fd, bytes, length, offset);
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    return is_followed(fd) ? written(fd, bytes, length, -1) : syscall(SYS_write, fd, bytes, length);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    return is_followed(fd) ? written(fd, bytes, length, offset) : syscall(SYS_pwrite64, fd, bytes, length, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    return pwrite(fd, bytes, length, offset);
}

int ftruncate(int fd, off_t size) {
    if (!is_followed(fd)) return (int)syscall(SYS_ftruncate, fd, size);
    pthread_mutex_lock(&lock);
    put_change(fd, (uint64_t)size, NULL, 0);
    int done = (int)syscall(SYS_ftruncate, fd, size), error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

static int synced(int fd, int number) {
    if (!is_followed(fd)) return (int)syscall(number, fd);
    struct stat at;
    if (fstat(fd, &at)) return -1;
    pthread_mutex_lock(&lock);
    uint64_t begun = records;
    pthread_mutex_unlock(&lock);
    usleep((useconds_t)SYNC_US(begun));
    if (!faccessat(AT_FDCWD, broken, F_OK, 0)) {
        errno = EIO;
        return -1;
    }
    pthread_mutex_lock(&lock);
    put('S', at.st_ino, begun, 0, "", NULL, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return 0;
}

int fsync(int fd) { return synced(fd, SYS_fsync); }

int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

/* Keeps a file under another name: a power cut may restore it. */
static void keep(const char *path, uint64_t inode) {
    char grave[PATH + 32];
    snprintf(grave, sizeof grave, "%s/%llu", graves, (unsigned long long)inode);
    if (syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, grave, 0) && errno != EEXIST)
        give_up("a removed file cannot be kept\n");
}

/* The path of what is named within an open directory. */
static const char *resolved(int at, const char *path, char *whole) {
    if (at == AT_FDCWD || path[0] == '/') return path;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", at);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, whole, PATH - 1);
    if (length <= 0 || (size_t)length + strlen(path) + 2 > PATH) return NULL;
    whole[length] = '/';
    strcpy(whole + length + 1, path);
    return whole;
}

static int unlinked(int at, const char *path, int flags) {
    char whole[PATH];
    const char *file = resolved(at, path, whole), *name = name_of(file);
    struct stat status;
    if (!name || fstatat(AT_FDCWD, file, &status, AT_SYMLINK_NOFOLLOW) || !S_ISREG(status.st_mode))
        return (int)syscall(SYS_unlinkat, at, path, flags);
    pthread_mutex_lock(&lock);
    keep(file, status.st_ino);
    put('U', status.st_ino, 0, 0, name, NULL, 0, NULL, 0);
    int done = (int)syscall(SYS_unlinkat, at, path, flags), error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}

int unlink(const char *path) { return unlinked(AT_FDCWD, path, 0); }

int unlinkat(int at, const char *path, int flags) { return unlinked(at, path, flags); }

int mkdir(const char *path, mode_t mode) {
    int done = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode), error = errno;
    const char *name = name_of(path);
    if (!done && name && !strcmp(name, ".")) {
        pthread_mutex_lock(&lock);
        put('M', 0, 0, 0, name, NULL, 0, NULL, 0);
        pthread_mutex_unlock(&lock);
    }
    errno = error;
    return done;
}

/* The name is the new file or the one before, until the directory is synced; it is never missing in between. */
int rename(const char *from, const char *to) {
    const char *before = name_of(from), *after = name_of(to);
    struct stat moved, replaced;
    if (!after || fstatat(AT_FDCWD, from, &moved, AT_SYMLINK_NOFOLLOW) || !S_ISREG(moved.st_mode))
        return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    pthread_mutex_lock(&lock);
    uint64_t there = fstatat(AT_FDCWD, to, &replaced, AT_SYMLINK_NOFOLLOW) ? 0 : replaced.st_ino;
    if (there) keep(to, there);
    keep(from, moved.st_ino);
    put('R', moved.st_ino, there, 0, after, NULL, 0, NULL, 0);
    if (before) put('U', moved.st_ino, 0, 0, before, NULL, 0, NULL, 0);
    int done = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0), error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return done;
}
