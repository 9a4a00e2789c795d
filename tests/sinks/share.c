/* A file system that lacks what network shares lack, for what lies below the folder SHARE.
 *
 * Preload it: SHARE_LACKS names what fails, separated by commas (lock, record-lock, map,
 * folder-sync), and SHARE_ERRNO with which number locks fail.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int lacks(const char *what, int descriptor) {
    const char *share = getenv("SHARE"), *list = getenv("SHARE_LACKS");
    char link[64], path[4096];
    if (!share || !list || descriptor < 0) return 0;
    for (const char *at = list; (at = strstr(at, what)); at += strlen(what)) {
        char after = at[strlen(what)];
        if ((at == list || at[-1] == ',') && (after == ',' || after == 0)) {
            snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
            ssize_t length = readlink(link, path, sizeof path - 1);
            if (length < 0) return 0;
            path[length] = 0;
            return strncmp(path, share, strlen(share)) == 0;
        }
    }
    return 0;
}

static int refuse(int number) {
    errno = number;
    return -1;
}

static int lock_errno(void) {
    const char *number = getenv("SHARE_ERRNO");
    return number ? atoi(number) : EOPNOTSUPP;
}

int flock(int descriptor, int operation) {
    static int (*real)(int, int);
    if (!real) real = dlsym(RTLD_NEXT, "flock");
    return lacks("lock", descriptor) ? refuse(lock_errno()) : real(descriptor, operation);
}

static int control(const char *name, int descriptor, int command, void *argument) {
    int (*real)(int, int, ...) = dlsym(RTLD_NEXT, name);
    int is_lock = command == F_SETLK || command == F_SETLKW || command == F_GETLK;
    if (is_lock && lacks("record-lock", descriptor)) return refuse(lock_errno());
    return real(descriptor, command, argument);
}

int fcntl(int descriptor, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return control("fcntl", descriptor, command, argument);
}

int fcntl64(int descriptor, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return control("fcntl64", descriptor, command, argument);
}

int fsync(int descriptor) {
    static int (*real)(int);
    struct stat found;
    if (!real) real = dlsym(RTLD_NEXT, "fsync");
    int is_folder = fstat(descriptor, &found) == 0 && S_ISDIR(found.st_mode);
    return is_folder && lacks("folder-sync", descriptor) ? refuse(EINVAL) : real(descriptor);
}

void *mmap(void *where, size_t length, int access, int flags, int descriptor, off_t offset) {
    static void *(*real)(void *, size_t, int, int, int, off_t);
    if (!real) real = dlsym(RTLD_NEXT, "mmap");
    if (flags & MAP_SHARED && lacks("map", descriptor)) {
        errno = ENODEV;
        return MAP_FAILED;
    }
    return real(where, length, access, flags, descriptor, offset);
}

void *mmap64(void *where, size_t length, int access, int flags, int descriptor, off_t offset) {
    return mmap(where, length, access, flags, descriptor, offset);
}
