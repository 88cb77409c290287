// Preloaded into a program, notes what it has made durable below DBGATE_POWER_ROOT, in DBGATE_POWER_ROOT.journal:
//   F time inode size            a file was flushed when it had so many bytes
//   D time path inode/name/…     a directory was flushed when it had these files
// The time (ns) is that of the look, before the flush: of two flushes at once the one that saw less may end last.
// What a line speaks of is linked into DBGATE_POWER_ROOT.inodes: its number is given to no other file, and what was
// renamed over or removed since can be had back. power_loss.py takes everything else away.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { most_bytes = 1 << 20 };

static void refuse(const char* what) {
  perror(what);
  abort();  // a journal with holes would blame the program
}

static void note(const char* line, size_t size) {
  char path[4096];
  snprintf(path, sizeof path, "%s.journal", getenv("DBGATE_POWER_ROOT"));
  const int journal = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (journal < 0 || write(journal, line, size) != (ssize_t)size) refuse("the journal of what is durable");
  close(journal);
}

static void keep(int directory, const char* name, unsigned long inode) {
  char path[4096];
  snprintf(path, sizeof path, "%s.inodes/%lu", getenv("DBGATE_POWER_ROOT"), inode);
  if (linkat(directory, name, AT_FDCWD, path, AT_SYMLINK_FOLLOW) != 0 && errno != EEXIST && errno != ENOENT)
    refuse("a link to what is durable");
}

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

// The files of a directory, as a line of the journal. @return its length
static size_t list(int directory, const char* path, char* line) {
  size_t used = (size_t)snprintf(line, most_bytes, "D %lld %s ", now(), path);
  DIR* const entries = fdopendir(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (entries == NULL) refuse("a directory");
  for (const struct dirent* entry; (entry = readdir(entries)) != NULL;) {
    if (entry->d_type != DT_REG) continue;
    keep(directory, entry->d_name, entry->d_ino);
    used += (size_t)snprintf(line + used, most_bytes - used, "%lu/%s/", (unsigned long)entry->d_ino, entry->d_name);
    if (used >= most_bytes - 512) refuse("too many files");
  }
  closedir(entries);
  line[used++] = '\n';
  return used;
}

static int flush(int file, int (*real)(int)) {
  const char* const root = getenv("DBGATE_POWER_ROOT");
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (root == NULL || length < 0 || strncmp(path, root, strlen(root)) != 0) return real(file);
  path[length] = '\0';
  // As it is before: what others write meanwhile may miss the flush.
  const long long looked = now();
  struct stat status;
  if (fstat(file, &status) != 0) return real(file);
  char* const line = malloc(most_bytes);
  size_t size = 0;
  if (S_ISDIR(status.st_mode)) {
    size = list(file, path, line);
  } else {
    keep(AT_FDCWD, link, status.st_ino);
    size = (size_t)snprintf(line, most_bytes, "F %lld %lu %lld\n", looked, (unsigned long)status.st_ino, (long long)status.st_size);
  }
  const int failed = real(file);
  if (failed == 0) note(line, size);
  free(line);
  return failed;
}

int fsync(int file) {
  static int (*real)(int);
  if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  return flush(file, real);
}

int fdatasync(int file) {
  static int (*real)(int);
  if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  return flush(file, real);
}
