/* Stands between a program and the C library (LD_PRELOAD) and does two things with the files of one folder:
 *
 * - it writes down every write, truncation, sync, removal and renaming, in the order in which they happened
 *   (SHIM_JOURNAL), from which tests/src/powerloss rebuilds what a power cut would leave;
 * - it lets the disk be full: writes fail with ENOSPC once the number of bytes in the file SHIM_ROOM is used up
 *   (a negative number is endless room; another process changes it at any time).
 *
 * The folder is SHIM_FOLDER, with a slash at its end. Memory-mapped files (the -shm of a database in WAL mode) are not
 * seen, and need not be: SQLite makes them anew.
 *
 * A record of the journal: kind, length of the name (32 bits each), offset, length of the data (64 bits each), all
 * little-endian as the machine has them; then the name within the folder; then the data.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum kind { WRITE = 1, TRUNCATE = 2, SYNC = 3, UNLINK = 4, RENAME = 5 };

#define MAX_FDS 4096
#define MAX_NAME 256

static int (*real_open)(const char *, int, ...);
static int (*real_open64)(const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_unlink)(const char *);
static int (*real_rename)(const char *, const char *);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char names[MAX_FDS][MAX_NAME]; /* of open files of the folder; empty for all others */
static const char *folder;
static size_t folder_length;
static int journal = -1;
static _Atomic int64_t *room;

__attribute__((constructor)) static void start(void)
{
    real_open = dlsym(RTLD_NEXT, "open");
    real_open64 = dlsym(RTLD_NEXT, "open64");
    real_close = dlsym(RTLD_NEXT, "close");
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    real_rename = dlsym(RTLD_NEXT, "rename");
    folder = getenv("SHIM_FOLDER");
    folder_length = folder ? strlen(folder) : 0;
    const char *path = getenv("SHIM_JOURNAL");
    if (path)
        journal = real_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    path = getenv("SHIM_ROOM");
    if (path) {
        int fd = real_open(path, O_RDWR | O_CLOEXEC);
        void *shared = fd < 0 ? MAP_FAILED : mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (shared == MAP_FAILED) {
            fputs("shim: SHIM_ROOM cannot be read\n", stderr);
            abort();
        }
        room = shared;
        real_close(fd);
    }
}

/* The name within the folder; "." is the folder itself, whose sync makes removals last. */
static const char *within(const char *path)
{
    if (!folder_length || !path || strncmp(path, folder, folder_length - 1) != 0)
        return NULL;
    if (path[folder_length - 1] == 0)
        return ".";
    return path[folder_length - 1] == '/' ? path + folder_length : NULL;
}

static const char *name_of(int fd)
{
    return fd >= 0 && fd < MAX_FDS && names[fd][0] ? names[fd] : NULL;
}

static void remember(int fd, const char *path)
{
    const char *name = within(path);
    if (fd >= 0 && fd < MAX_FDS)
        snprintf(names[fd], MAX_NAME, "%s", name ? name : "");
}

/* What cannot be written down must not go on: the replay would be of something else. */
static void put(const void *data, size_t length)
{
    while (length > 0) {
        ssize_t done = real_write(journal, data, length);
        if (done <= 0)
            abort();
        data = (const char *)data + done;
        length -= (size_t)done;
    }
}

static void record(enum kind kind, const char *name, uint64_t offset, const void *data, uint64_t length)
{
    if (journal < 0)
        return;
    struct {
        uint32_t kind, name_length;
        uint64_t offset, length;
    } head = {kind, (uint32_t)strlen(name), offset, length};
    put(&head, sizeof head);
    put(name, head.name_length);
    put(data, length);
}

/* How many of these bytes still fit on the disk; takes them. */
static size_t take_room(size_t wanted)
{
    if (!room)
        return wanted;
    int64_t left = atomic_load(room);
    while (left >= 0) {
        size_t taken = (int64_t)wanted < left ? wanted : (size_t)left;
        if (atomic_compare_exchange_weak(room, &left, left - (int64_t)taken))
            return taken;
    }
    return wanted;
}

static ssize_t do_write(int fd, const char *name, const void *data, size_t length, off_t offset, int positioned)
{
    size_t fits = take_room(length);
    if (fits == 0 && length > 0) {
        errno = ENOSPC;
        return -1;
    }
    pthread_mutex_lock(&lock);
    if (!positioned)
        offset = lseek(fd, 0, (fcntl(fd, F_GETFL) & O_APPEND) ? SEEK_END : SEEK_CUR);
    ssize_t done = positioned ? real_pwrite(fd, data, fits, offset) : real_write(fd, data, fits);
    if (done > 0)
        record(WRITE, name, (uint64_t)offset, data, (uint64_t)done);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t write(int fd, const void *data, size_t length)
{
    const char *name = name_of(fd);
    return name ? do_write(fd, name, data, length, 0, 0) : real_write(fd, data, length);
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset)
{
    const char *name = name_of(fd);
    return name ? do_write(fd, name, data, length, offset, 1) : real_pwrite(fd, data, length, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset)
{
    return pwrite(fd, data, length, offset);
}

int ftruncate(int fd, off_t length)
{
    const char *name = name_of(fd);
    if (!name)
        return real_ftruncate(fd, length);
    pthread_mutex_lock(&lock);
    int result = real_ftruncate(fd, length);
    if (result == 0)
        record(TRUNCATE, name, (uint64_t)length, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate64(int fd, off64_t length)
{
    return ftruncate(fd, length);
}

static int do_sync(int fd, int (*real)(int))
{
    const char *name = name_of(fd);
    if (!name || journal < 0)
        return real(fd);
    /* the file is on the machine's real disk, which needs no protection: only the order counts */
    pthread_mutex_lock(&lock);
    record(SYNC, name, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return 0;
}

int fsync(int fd)
{
    return do_sync(fd, real_fsync);
}

int fdatasync(int fd)
{
    return do_sync(fd, real_fdatasync);
}

int unlink(const char *path)
{
    const char *name = within(path);
    if (!name)
        return real_unlink(path);
    pthread_mutex_lock(&lock);
    int result = real_unlink(path);
    if (result == 0)
        record(UNLINK, name, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}

int rename(const char *from, const char *to)
{
    const char *name = within(from), *new_name = within(to);
    if (!name || !new_name)
        return real_rename(from, to);
    pthread_mutex_lock(&lock);
    int result = real_rename(from, to);
    if (result == 0)
        record(RENAME, name, 0, new_name, strlen(new_name));
    pthread_mutex_unlock(&lock);
    return result;
}

static int opened(int fd, const char *path)
{
    remember(fd, path);
    return fd;
}

static mode_t mode_of(int flags, va_list arguments)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return opened(real_open(path, flags, mode), path);
}

int open64(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return opened(real_open64(path, flags, mode), path);
}

int close(int fd)
{
    if (fd >= 0 && fd < MAX_FDS)
        names[fd][0] = 0;
    return real_close(fd);
}
