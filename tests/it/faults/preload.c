/* System calls that fail, are cut short, or are the last thing that a process does.
 *
 * Loaded with LD_PRELOAD by the fault harness. What it does stands in the environment:
 *
 *   FAULT_ROOT   calls on paths below this folder are meant
 *   FAULT_ALLOW  and below this one as well things may be changed; changes elsewhere are counted
 *   FAULT_PLAN   KIND:FIRST:TIMES:ACTION, the call of a kind that is hit, how many from there on (0: all), and how: a
 *                number of errno, `short`, `before` and `after` (the process is killed)
 *   FAULT_BYTES  bytes that may be written below the root before the disk is full
 *   FAULT_CLOCK  seconds by which the clock is off; with a leading `~`: it jumps there and back with every look
 *   FAULT_LOG    a file that gets every change below the root, in order
 *   FAULT_SHARED a file with the counters below, which survives the process
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind { OPEN, READ, WRITE, SYNC, RENAME, UNLINK, LINK, TRUNCATE, MKDIR, STAT, LIST, MODE, KINDS };
static const char *const NAMES[KINDS] = {"open", "read",     "write", "sync", "rename", "unlink",
                                         "link", "truncate", "mkdir", "stat", "list",   "mode"};

struct shared {
  uint64_t loaded, hits, outside, calls[KINDS];
  char what[512]; /* the first change outside */
};

static struct shared *shared, none;
static char root[PATH_MAX], allow[PATH_MAX];
static size_t root_length, allow_length;
static int plan_kind = -1, log_fd = -1, jumps;
static uint64_t plan_first, plan_times, bytes_left = UINT64_MAX, looks;
static char plan_action[32];
static long clock_off;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

static int raw_open(const char *path, int flags) { return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0600); }

__attribute__((constructor)) static void begin(void) {
  const char *text = getenv("FAULT_SHARED");
  shared = &none;
  if (text) {
    int fd = raw_open(text, O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
      void *at = mmap(NULL, sizeof none, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
      if (at != MAP_FAILED) shared = at;
      syscall(SYS_close, fd);
    }
  }
  shared->loaded++;
  if ((text = getenv("FAULT_ALLOW"))) allow_length = strlen(strcpy(allow, text));
  if ((text = getenv("FAULT_BYTES"))) bytes_left = strtoull(text, NULL, 10);
  if ((text = getenv("FAULT_CLOCK"))) {
    jumps = *text == '~';
    clock_off = atol(text + jumps);
  }
  if ((text = getenv("FAULT_LOG"))) {
    int fd = raw_open(text, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC);
    log_fd = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 900);
    syscall(SYS_close, fd);
  }
  if ((text = getenv("FAULT_PLAN"))) {
    char kind[16];
    unsigned long long first, times;
    if (sscanf(text, "%15[^:]:%llu:%llu:%31s", kind, &first, &times, plan_action) == 4) {
      for (int i = 0; i < KINDS; i++)
        if (!strcmp(kind, NAMES[i])) plan_kind = i;
      plan_first = first, plan_times = times;
    }
  }
  /* Last: from here on calls are looked at. */
  if ((text = getenv("FAULT_ROOT"))) root_length = strlen(strcpy(root, text));
}

static int is_below(const char *path, const char *folder, size_t length) {
  return length && !strncmp(path, folder, length) && (path[length] == 0 || path[length] == '/');
}

static int is_meant(const char *path) { return is_below(path, root, root_length); }

/* The absolute path of what a call names. */
static void path_of(int dirfd, const char *path, char *out) {
  out[0] = 0;
  if (!path || *path == '/') {
    snprintf(out, PATH_MAX, "%s", path ? path : "");
    return;
  }
  char link[64], folder[PATH_MAX];
  size_t length;
  if (dirfd == AT_FDCWD)
    snprintf(link, sizeof link, "/proc/self/cwd");
  else
    snprintf(link, sizeof link, "/proc/self/fd/%d", dirfd);
  long n = syscall(SYS_readlinkat, AT_FDCWD, link, folder, PATH_MAX - 1);
  if (n < 0) return;
  folder[n] = 0;
  length = strlen(path);
  if (n + length + 2 > PATH_MAX) return;
  memcpy(out, folder, n + 1);
  if (length) out[n] = '/', memcpy(out + n + 1, path, length + 1);
}

static void die(void) {
  for (;;) syscall(SYS_kill, getpid(), SIGKILL);
}

/* Counts a call; whether it fails. `*then` is what becomes of one that doesn't. */
enum then { GO, SHORT, DIE };
static int hit(enum kind kind, enum then *then) {
  *then = GO;
  uint64_t at = ++shared->calls[kind];
  if (plan_kind != (int)kind || at < plan_first || (plan_times && at >= plan_first + plan_times)) return 0;
  shared->hits++;
  if (!strcmp(plan_action, "short")) *then = SHORT;
  else if (!strcmp(plan_action, "after")) *then = DIE;
  else if (!strcmp(plan_action, "before")) die();
  else {
    errno = atoi(plan_action);
    return 1;
  }
  return 0;
}

static void done(enum then then) {
  if (then == DIE) die();
}

static int is_full(void) {
  if (bytes_left) return 0;
  errno = ENOSPC;
  return 1;
}

/* A change of something that is nobody's business here. */
static void changes(const char *path) {
  if (!root_length || is_meant(path) || is_below(path, allow, allow_length)) return;
  if (!strncmp(path, "/dev/", 5) || !strncmp(path, "/proc/", 6)) return;
  if (!shared->outside++) snprintf(shared->what, sizeof shared->what, "%s", path);
}

static void note(const char *line, const void *bytes, size_t length) {
  if (log_fd < 0) return;
  int saved = errno;
  struct iovec parts[2] = {{(void *)line, strlen(line)}, {(void *)bytes, length}};
  syscall(SYS_writev, log_fd, parts, bytes ? 2 : 1);
  errno = saved;
}

static void note_path(char what, int fd, const char *path) {
  char line[PATH_MAX + 64];
  struct stat st = {0};
  if (log_fd < 0) return;
  if (fd >= 0) syscall(SYS_fstat, fd, &st);
  snprintf(line, sizeof line, "%c\t%llu\t%s\n", what, (unsigned long long)st.st_ino, path);
  note(line, NULL, 0);
}

static void note_two(char what, const char *from, const char *to) {
  char line[2 * PATH_MAX + 64];
  snprintf(line, sizeof line, "%c\t%s\t%s\n", what, from, to);
  note(line, NULL, 0);
}

static void note_fd(char what, int fd, unsigned long long number) {
  char line[128];
  struct stat st = {0};
  if (log_fd < 0) return;
  syscall(SYS_fstat, fd, &st);
  snprintf(line, sizeof line, "%c\t%llu\t%llu\n", what, (unsigned long long)st.st_ino, number);
  note(line, NULL, 0);
}

static void note_write(int fd, unsigned long long at, const void *bytes, size_t length) {
  char line[128];
  struct stat st = {0};
  if (log_fd < 0) return;
  syscall(SYS_fstat, fd, &st);
  snprintf(line, sizeof line, "W\t%llu\t%llu\t%zu\n", (unsigned long long)st.st_ino, at, length);
  note(line, bytes, length);
}

/* --- open --- */

static int opened(int dirfd, const char *given, int flags, mode_t mode) {
  char path[PATH_MAX];
  path_of(dirfd, given, path);
  int writes = (flags & O_ACCMODE) != O_RDONLY || flags & (O_CREAT | O_TRUNC);
  if (!is_meant(path)) {
    if (writes) changes(path);
    return (int)syscall(SYS_openat, dirfd, given, flags, mode);
  }
  enum then then;
  int fd = -1;
  pthread_mutex_lock(&lock);
  if (!hit(OPEN, &then)) {
    struct stat st;
    int is_new = flags & O_CREAT && syscall(SYS_newfstatat, dirfd, given, &st, AT_SYMLINK_NOFOLLOW) != 0;
    if (!(is_new && is_full())) fd = (int)syscall(SYS_openat, dirfd, given, flags, mode);
    if (fd >= 0) {
      note_path(is_new ? 'C' : 'O', fd, path);
      if (!is_new && flags & O_TRUNC) note_fd('T', fd, 0);
    }
    done(then);
  }
  pthread_mutex_unlock(&lock);
  return fd;
}

#define MODE_OF(flags, mode)            \
  mode_t mode = 0;                      \
  if (flags & (O_CREAT | O_TMPFILE)) {  \
    va_list list;                       \
    va_start(list, flags);              \
    mode = va_arg(list, mode_t);        \
    va_end(list);                       \
  }

static int raised(long outcome) {
  /* syscall() has set errno. */
  return (int)outcome;
}

int open(const char *path, int flags, ...) {
  MODE_OF(flags, mode);
  return opened(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  MODE_OF(flags, mode);
  return opened(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}
int openat(int dirfd, const char *path, int flags, ...) {
  MODE_OF(flags, mode);
  return opened(dirfd, path, flags, mode);
}
int openat64(int dirfd, const char *path, int flags, ...) {
  MODE_OF(flags, mode);
  return opened(dirfd, path, flags | O_LARGEFILE, mode);
}

/* --- read and write --- */

static int is_meant_fd(int fd) {
  char path[PATH_MAX];
  if (!root_length) return 0;
  path_of(fd, "", path);
  return is_meant(path);
}

static ssize_t reads(int fd, void *bytes, size_t length, int64_t at) {
  enum then then = GO;
  ssize_t n = -1;
  if (is_meant_fd(fd)) {
    pthread_mutex_lock(&lock);
    int fails = hit(READ, &then);
    pthread_mutex_unlock(&lock);
    if (fails) return -1;
    if (then == SHORT && length > 1) length /= 2;
  }
  n = at < 0 ? syscall(SYS_read, fd, bytes, length) : syscall(SYS_pread64, fd, bytes, length, at);
  done(then);
  return n;
}

static ssize_t writes(int fd, const void *bytes, size_t length, int64_t at) {
  if (!is_meant_fd(fd))
    return at < 0 ? syscall(SYS_write, fd, bytes, length) : syscall(SYS_pwrite64, fd, bytes, length, at);
  enum then then;
  ssize_t n = -1;
  pthread_mutex_lock(&lock);
  if (!hit(WRITE, &then) && !(length && is_full())) {
    if (then == SHORT && length > 1) length /= 2;
    if (length > bytes_left) length = bytes_left;
    int64_t place = at;
    if (at < 0) {
      int flags = (int)syscall(SYS_fcntl, fd, F_GETFL);
      place = syscall(SYS_lseek, fd, 0, flags & O_APPEND ? SEEK_END : SEEK_CUR);
      n = syscall(SYS_write, fd, bytes, length);
    } else {
      n = syscall(SYS_pwrite64, fd, bytes, length, at);
    }
    if (n > 0) {
      if (bytes_left != UINT64_MAX) bytes_left -= n;
      note_write(fd, place, bytes, n);
    }
    done(then);
  }
  pthread_mutex_unlock(&lock);
  return n;
}

ssize_t read(int fd, void *bytes, size_t length) { return reads(fd, bytes, length, -1); }
ssize_t pread(int fd, void *bytes, size_t length, off_t at) { return reads(fd, bytes, length, at); }
ssize_t pread64(int fd, void *bytes, size_t length, off64_t at) { return reads(fd, bytes, length, at); }
ssize_t write(int fd, const void *bytes, size_t length) { return writes(fd, bytes, length, -1); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return writes(fd, bytes, length, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) { return writes(fd, bytes, length, at); }
/* A part of what was asked for is as good. */
ssize_t readv(int fd, const struct iovec *parts, int count) {
  return count > 0 && is_meant_fd(fd) ? reads(fd, parts->iov_base, parts->iov_len, -1)
                                      : syscall(SYS_readv, fd, parts, count);
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
  if (!is_meant_fd(fd)) return syscall(SYS_writev, fd, parts, count);
  while (count > 1 && parts->iov_len == 0) parts++, count--;
  return writes(fd, parts->iov_base, parts->iov_len, -1);
}

/* --- what makes it last --- */

static int synced(int fd, long number) {
  if (!is_meant_fd(fd)) return raised(syscall(number, fd));
  enum then then;
  int outcome = -1;
  pthread_mutex_lock(&lock);
  if (!hit(SYNC, &then)) {
    /* The disk itself is not needed: what would be on it is worked out from the log. */
    outcome = 0;
    note_fd('F', fd, 0);
    done(then);
  }
  pthread_mutex_unlock(&lock);
  return outcome;
}
int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

static int truncated(int fd, off_t size) {
  if (!is_meant_fd(fd)) return raised(syscall(SYS_ftruncate, fd, size));
  enum then then;
  int outcome = -1;
  pthread_mutex_lock(&lock);
  if (!hit(TRUNCATE, &then)) {
    outcome = raised(syscall(SYS_ftruncate, fd, size));
    if (!outcome) note_fd('T', fd, size);
    done(then);
  }
  pthread_mutex_unlock(&lock);
  return outcome;
}
int ftruncate(int fd, off_t size) { return truncated(fd, size); }
int ftruncate64(int fd, off64_t size) { return truncated(fd, size); }

/* --- names --- */

#define NAMED(kind, meant, call, noted)   \
  enum then then;                         \
  int outcome = -1;                       \
  if (!(meant)) return raised(call);      \
  pthread_mutex_lock(&lock);              \
  if (!hit(kind, &then)) {                \
    outcome = raised(call);               \
    if (!outcome) noted;                  \
    done(then);                           \
  }                                       \
  pthread_mutex_unlock(&lock);            \
  return outcome;

int rename(const char *from, const char *to) {
  char a[PATH_MAX], b[PATH_MAX];
  path_of(AT_FDCWD, from, a), path_of(AT_FDCWD, to, b);
  changes(a), changes(b);
  NAMED(RENAME, is_meant(a) || is_meant(b), syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0), note_two('R', a, b))
}

static int removed(int dirfd, const char *given, int flags) {
  char path[PATH_MAX];
  path_of(dirfd, given, path);
  changes(path);
  NAMED(UNLINK, is_meant(path), syscall(SYS_unlinkat, dirfd, given, flags),
        note_two(flags & AT_REMOVEDIR ? 'D' : 'U', path, ""))
}
int unlink(const char *path) { return removed(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return removed(AT_FDCWD, path, AT_REMOVEDIR); }
int unlinkat(int dirfd, const char *path, int flags) { return removed(dirfd, path, flags); }

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags) {
  char a[PATH_MAX], b[PATH_MAX];
  path_of(from_fd, from, a), path_of(to_fd, to, b);
  changes(b);
  NAMED(LINK, is_meant(b), syscall(SYS_linkat, from_fd, from, to_fd, to, flags), note_two('L', a, b))
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

static int made(int dirfd, const char *given, mode_t mode) {
  char path[PATH_MAX];
  path_of(dirfd, given, path);
  changes(path);
  NAMED(MKDIR, is_meant(path), is_full() ? -1 : syscall(SYS_mkdirat, dirfd, given, mode), note_two('M', path, ""))
}
int mkdir(const char *path, mode_t mode) { return made(AT_FDCWD, path, mode); }
int mkdirat(int dirfd, const char *path, mode_t mode) { return made(dirfd, path, mode); }

int chmod(const char *given, mode_t mode) {
  char path[PATH_MAX];
  path_of(AT_FDCWD, given, path);
  changes(path);
  NAMED(MODE, is_meant(path), syscall(SYS_fchmodat, AT_FDCWD, given, mode), (void)0)
}
int fchmod(int fd, mode_t mode) { NAMED(MODE, is_meant_fd(fd), syscall(SYS_fchmod, fd, mode), (void)0) }

/* --- looking --- */

static int looked(int dirfd, const char *given) {
  char path[PATH_MAX];
  enum then then;
  path_of(dirfd, given, path);
  if (!is_meant(path)) return 0;
  pthread_mutex_lock(&lock);
  int fails = hit(STAT, &then);
  pthread_mutex_unlock(&lock);
  done(then);
  return fails;
}
int statx(int dirfd, const char *restrict path, int flags, unsigned mask, struct statx *restrict out) {
  return looked(dirfd, path) ? -1 : raised(syscall(SYS_statx, dirfd, path, flags, mask, out));
}
int stat64(const char *restrict path, struct stat64 *restrict out) {
  return looked(AT_FDCWD, path) ? -1 : raised(syscall(SYS_newfstatat, AT_FDCWD, path, out, 0));
}
int lstat64(const char *restrict path, struct stat64 *restrict out) {
  return looked(AT_FDCWD, path) ? -1 : raised(syscall(SYS_newfstatat, AT_FDCWD, path, out, AT_SYMLINK_NOFOLLOW));
}
int fstat64(int fd, struct stat64 *out) { return looked(fd, "") ? -1 : raised(syscall(SYS_fstat, fd, out)); }
int fstatat64(int dirfd, const char *restrict path, struct stat64 *restrict out, int flags) {
  return looked(dirfd, path) ? -1 : raised(syscall(SYS_newfstatat, dirfd, path, out, flags));
}
int access(const char *path, int mode) {
  return looked(AT_FDCWD, path) ? -1 : raised(syscall(SYS_faccessat, AT_FDCWD, path, mode));
}

DIR *opendir(const char *given) {
  char path[PATH_MAX];
  enum then then = GO;
  path_of(AT_FDCWD, given, path);
  if (is_meant(path)) {
    pthread_mutex_lock(&lock);
    int fails = hit(LIST, &then);
    pthread_mutex_unlock(&lock);
    if (fails) return NULL;
    done(then);
  }
  return REAL(opendir)(given);
}
struct dirent64 *readdir64(DIR *folder) {
  enum then then = GO;
  if (is_meant_fd(dirfd(folder))) {
    pthread_mutex_lock(&lock);
    int fails = hit(LIST, &then);
    pthread_mutex_unlock(&lock);
    if (fails) return NULL;
    done(then);
  }
  return REAL(readdir64)(folder);
}

/* --- time --- */

static long off(void) { return jumps && __atomic_add_fetch(&looks, 1, __ATOMIC_RELAXED) % 2 ? -clock_off : clock_off; }

int clock_gettime(clockid_t clock, struct timespec *out) {
  int outcome = raised(syscall(SYS_clock_gettime, clock, out));
  if (!outcome && clock_off && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) out->tv_sec += off();
  return outcome;
}
int gettimeofday(struct timeval *restrict out, void *restrict zone) {
  int outcome = raised(syscall(SYS_gettimeofday, out, zone));
  if (!outcome && clock_off) out->tv_sec += off();
  return outcome;
}
time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}
