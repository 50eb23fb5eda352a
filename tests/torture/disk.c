/* A library for LD_PRELOAD that counts what a process and its children do to a disk.
 *
 * At the n-th operation on a path of interest it stops the process, fails as a full disk does,
 * or only says so. An operation is a call that writes, creates, renames, syncs, shortens or
 * removes a file below a folder. The table below is shared by all processes of a run and by the
 * program that controls the run: see `operations.py`, which has the same table.
 *
 * Not seen are writes through a memory map, and writes of the C library to itself (a FILE that
 * is flushed when it is closed). A disk that is really full, a small tmpfs, covers those.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { COUNT, FULL, FULL_ONCE, STOP_SELF, STOP_LEADER };

enum { TRACKS = 12 };

struct table {
    int64_t counts[TRACKS]; /* operations so far on each track, that is, on some kinds of paths */
    int64_t at;             /* the operation at which something happens, from 1; 0 for never */
    int32_t track;          /* of that operation */
    int32_t action;         /* one of the above */
    int32_t signal;         /* of the stop */
    int32_t torn;           /* whether half of the bytes are written first */
    int32_t fired;          /* whether it has happened */
    int32_t leader;         /* the process that STOP_LEADER stops; a group if negative */
    int32_t stopped;        /* the process that was stopped */
    int32_t writes_only;    /* whether removing and renaming a file is not counted */
    char root[512];             /* only paths below this folder count */
    char patterns[TRACKS][768]; /* a track's paths contain one of these, separated by '|' */
    char path[512];             /* of the operation at which it happened */
    char kind[32];              /* and its kind */
};

static struct table *table;

__attribute__((constructor)) static void attach(void) {
    const char *file = getenv("TORTURE_TABLE");
    if (!file) return;
    int descriptor = open(file, O_RDWR | O_CLOEXEC);
    if (descriptor < 0) return;
    void *memory = mmap(NULL, sizeof(struct table), PROT_READ | PROT_WRITE, MAP_SHARED,
                        descriptor, 0);
    close(descriptor);
    if (memory != MAP_FAILED) table = memory;
}

static int matches(const char *path, const char *track) {
    char patterns[768];
    snprintf(patterns, sizeof patterns, "%s", track);
    char *rest = NULL;
    for (char *one = strtok_r(patterns, "|", &rest); one; one = strtok_r(NULL, "|", &rest))
        if (strstr(path, one)) return 1;
    return 0;
}

/* Counts an operation on all of its tracks; returns its number on the chosen one, or 0. */
static int64_t count(const char *path) {
    size_t length = strlen(table->root);
    if (!length || strncmp(path, table->root, length) != 0) return 0;
    int64_t chosen = 0;
    for (int track = 0; track < TRACKS; track++) {
        if (!matches(path + length - 1, table->patterns[track])) continue;
        int64_t number = __atomic_add_fetch(&table->counts[track], 1, __ATOMIC_SEQ_CST);
        if (track == table->track) chosen = number;
    }
    return chosen;
}

static void absolute(int folder, const char *path, char *result, size_t size) {
    if (path[0] == '/') {
        snprintf(result, size, "%s", path);
        return;
    }
    char base[512], link[64];
    if (folder == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) base[0] = 0;
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t length = readlink(link, base, sizeof base - 1);
        base[length < 0 ? 0 : length] = 0;
    }
    snprintf(result, size, "%.500s/%.500s", base, path);
}

/* Returns 0 to go on, -1 to fail with errno set, 1 to do half of the operation and then call
 * `finish`. */
static int operation(const char *kind, const char *path, int can_be_torn) {
    if (!table) return 0;
    int frees = !strcmp(kind, "unlink") || !strcmp(kind, "rename");
    if (frees && table->writes_only) return 0;
    int64_t number = count(path), at = table->at;
    int action = table->action;
    if (at == 0 || number < at) return 0;
    if (number == at) {
        snprintf(table->path, sizeof table->path, "%s", path);
        snprintf(table->kind, sizeof table->kind, "%s", kind);
        table->stopped = action == STOP_LEADER ? table->leader : getpid();
        __atomic_store_n(&table->fired, 1, __ATOMIC_SEQ_CST);
        if (action == COUNT) return 0;
        if (table->torn && can_be_torn) return 1;
    } else if (action != FULL) {
        return 0;
    }
    if (action == STOP_SELF || action == STOP_LEADER) {
        kill(table->stopped, table->signal);
        return 0;
    }
    /* A full disk still lets files be removed and renamed. */
    if (frees) return 0;
    errno = ENOSPC;
    return -1;
}

/* After half of an operation was done: stop, or fail the rest at the next call. */
static void finish(void) {
    if (table->action == STOP_SELF || table->action == STOP_LEADER)
        kill(table->stopped, table->signal);
}

static int of_descriptor(const char *kind, int descriptor, int can_be_torn) {
    if (!table) return 0;
    int before = errno;
    char link[64], path[1024];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = before;
    if (length <= 0 || path[0] != '/') return 0;
    path[length] = 0;
    return operation(kind, path, can_be_torn);
}

static int of_path(const char *kind, int folder, const char *name) {
    if (!table || !name) return 0;
    char path[1024];
    absolute(folder, name, path, sizeof path);
    return operation(kind, path, 0);
}

#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

#define OPENS(name, call_at, folder, parameters, arguments)                          \
    int name parameters {                                                            \
        REAL(name);                                                                  \
        mode_t mode = 0;                                                             \
        if (flags & (O_CREAT | O_TMPFILE)) {                                         \
            va_list rest;                                                            \
            va_start(rest, flags);                                                   \
            mode = va_arg(rest, mode_t);                                             \
            va_end(rest);                                                            \
        }                                                                            \
        if ((flags & (O_CREAT | O_TRUNC)) && of_path("open", folder, path) < 0) return -1; \
        return real arguments;                                                       \
    }

OPENS(open, , AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))
OPENS(open64, , AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))
OPENS(openat, , directory, (int directory, const char *path, int flags, ...),
      (directory, path, flags, mode))
OPENS(openat64, , directory, (int directory, const char *path, int flags, ...),
      (directory, path, flags, mode))

#define FOPENS(name)                                                                 \
    FILE *name(const char *path, const char *mode) {                                 \
        REAL(name);                                                                  \
        if (strpbrk(mode, "wa+") && of_path("open", AT_FDCWD, path) < 0) return NULL; \
        return real(path, mode);                                                     \
    }

FOPENS(fopen)
FOPENS(fopen64)

ssize_t write(int descriptor, const void *data, size_t size) {
    REAL(write);
    int answer = of_descriptor("write", descriptor, size > 1);
    if (answer < 0) return -1;
    if (answer == 0) return real(descriptor, data, size);
    ssize_t written = real(descriptor, data, size / 2);
    finish();
    return written;
}

#define PWRITES(name, offset_type)                                                   \
    ssize_t name(int descriptor, const void *data, size_t size, offset_type offset) { \
        REAL(name);                                                                  \
        int answer = of_descriptor("write", descriptor, size > 1);                   \
        if (answer < 0) return -1;                                                   \
        if (answer == 0) return real(descriptor, data, size, offset);                \
        ssize_t written = real(descriptor, data, size / 2, offset);                  \
        finish();                                                                    \
        return written;                                                              \
    }

PWRITES(pwrite, off_t)
PWRITES(pwrite64, off64_t)

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    REAL(writev);
    return of_descriptor("write", descriptor, 0) < 0 ? -1 : real(descriptor, parts, count);
}

size_t fwrite(const void *data, size_t size, size_t count, FILE *stream) {
    REAL(fwrite);
    int descriptor = fileno(stream);
    if (descriptor >= 0 && of_descriptor("write", descriptor, 0) < 0) return 0;
    return real(data, size, count, stream);
}

ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t size,
                        unsigned flags) {
    REAL(copy_file_range);
    if (of_descriptor("write", to, 0) < 0) return -1;
    return real(from, from_offset, to, to_offset, size, flags);
}

#define SENDFILES(name, offset_type)                                                 \
    ssize_t name(int to, int from, offset_type *offset, size_t size) {               \
        REAL(name);                                                                  \
        return of_descriptor("write", to, 0) < 0 ? -1 : real(to, from, offset, size); \
    }

SENDFILES(sendfile, off_t)
SENDFILES(sendfile64, off64_t)

#define ON_DESCRIPTOR(name, kind, parameters, arguments)                             \
    int name parameters {                                                            \
        REAL(name);                                                                  \
        return of_descriptor(kind, descriptor, 0) < 0 ? -1 : real arguments;         \
    }

ON_DESCRIPTOR(fsync, "sync", (int descriptor), (descriptor))
ON_DESCRIPTOR(fdatasync, "sync", (int descriptor), (descriptor))
ON_DESCRIPTOR(ftruncate, "truncate", (int descriptor, off_t size), (descriptor, size))
ON_DESCRIPTOR(ftruncate64, "truncate", (int descriptor, off64_t size), (descriptor, size))

int posix_fallocate(int descriptor, off_t offset, off_t size) {
    REAL(posix_fallocate);
    return of_descriptor("write", descriptor, 0) < 0 ? errno : real(descriptor, offset, size);
}

int posix_fallocate64(int descriptor, off64_t offset, off64_t size) {
    REAL(posix_fallocate64);
    return of_descriptor("write", descriptor, 0) < 0 ? errno : real(descriptor, offset, size);
}

#define ON_PATH(name, kind, folder, path, parameters, arguments)                     \
    int name parameters {                                                            \
        REAL(name);                                                                  \
        return of_path(kind, folder, path) < 0 ? -1 : real arguments;                \
    }

ON_PATH(mkdir, "mkdir", AT_FDCWD, path, (const char *path, mode_t mode), (path, mode))
ON_PATH(mkdirat, "mkdir", folder, path, (int folder, const char *path, mode_t mode),
        (folder, path, mode))
ON_PATH(unlink, "unlink", AT_FDCWD, path, (const char *path), (path))
ON_PATH(unlinkat, "unlink", folder, path, (int folder, const char *path, int flags),
        (folder, path, flags))
ON_PATH(rename, "rename", AT_FDCWD, to, (const char *from, const char *to), (from, to))
ON_PATH(renameat, "rename", to_folder, to,
        (int from_folder, const char *from, int to_folder, const char *to),
        (from_folder, from, to_folder, to))
