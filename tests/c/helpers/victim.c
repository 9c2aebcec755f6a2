/* SPDX-License-Identifier: Apache-2.0 */
/* victim DIR NAME [OPTION=N]...: a program to be tormented. It holds the lock DIR/NAME.lock,
 * with all that it forks, for as long as any of them lives; one that finds it taken is a
 * duplicate, and says so in DIR/violations. DIR/NAME.lock has its pid.
 *   children=N  forks so many, each with a child of its own     stubborn=1  these ignore TERM
 *   escape=1    and one in a session of its own, forked twice   notify=1    says READY=1
 *   say=N       says a line of N bytes every 10 ms              listen=1    on DIR/NAME.sock
 *   crash=N     exits 1 within N ms, unless there is DIR/calm */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { PATH = 512 };

static struct {
  const char *dir, *name;
  long children, escape, stubborn, notify, say, listen, crash;
} my;

static void join(char path[PATH], const char *suffix) {
  snprintf(path, PATH, "%s/%s%s", my.dir, my.name, suffix);
}

static int complain(int lock) {
  char path[PATH], text[256] = "", line[700];
  const char *mark = getenv("LUVISOR_UNIT");
  ssize_t len = pread(lock, text, sizeof text - 1, 0);
  snprintf(path, PATH, "%s/violations", my.dir);
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  len =
      snprintf(line, sizeof line, "duplicate of %s: pid %d (%s), while there is: %.*s\n",
               my.name, (int)getpid(), mark ? mark : "no mark", (int)len, text);
  if (write(fd, line, (size_t)len) < 0) perror(path);
  return 3;
}

static int take_lock(void) {
  char path[PATH], text[300];
  const char *mark = getenv("LUVISOR_UNIT");
  join(path, ".lock");
  int fd = open(path, O_RDWR | O_CREAT, 0644);
  if (fd < 0) return 4;
  if (flock(fd, LOCK_EX | LOCK_NB) < 0) return complain(fd);
  int len = snprintf(text, sizeof text, "%d %s", (int)getpid(), mark ? mark : "no mark");
  if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)len, 0) < 0) return 4;
  return 0;
}

static void survive(void) {
  if (my.stubborn) signal(SIGTERM, SIG_IGN);
  for (;;) pause();
}

static void fork_all(void) {
  for (long i = 0; i < my.children; i++) {
    if (fork() != 0) continue;
    if (fork() >= 0) survive();
  }
  if (my.escape && fork() == 0) {
    setsid();
    if (fork() == 0) survive();
    _exit(0);
  }
}

static void listen_on(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s/%s.sock", my.dir, my.name);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  unlink(address.sun_path);
  if (bind(fd, (void *)&address, sizeof address) < 0 || listen(fd, 8) < 0) exit(5);
}

static void notify(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const char *path = getenv("NOTIFY_SOCKET");
  if (!path || strlen(path) >= sizeof address.sun_path) return;
  size_t len = strlen(path);
  memcpy(address.sun_path, path, len);
  if (path[0] == '@') address.sun_path[0] = '\0';
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  len += offsetof(struct sockaddr_un, sun_path);
  if (sendto(fd, "READY=1", 7, 0, (void *)&address, (socklen_t)len) < 0) exit(6);
  close(fd);
}

static void read_option(const char *text) {
  const char *equals = strchr(text, '=');
  long n = equals ? atol(equals + 1) : 0;
  if (strncmp(text, "children=", 9) == 0) my.children = n;
  if (strncmp(text, "escape=", 7) == 0) my.escape = n;
  if (strncmp(text, "stubborn=", 9) == 0) my.stubborn = n;
  if (strncmp(text, "notify=", 7) == 0) my.notify = n;
  if (strncmp(text, "say=", 4) == 0) my.say = n;
  if (strncmp(text, "listen=", 7) == 0) my.listen = n;
  if (strncmp(text, "crash=", 6) == 0) my.crash = n;
}

/* One write a line: a pipe takes up to 4 KiB whole, or not at all. */
static void say(unsigned long number) {
  char line[4096];
  int len = snprintf(line, sizeof line, "%s %d %lu ", my.name, (int)getpid(), number);
  if (my.say <= len || my.say >= (long)sizeof line) return;
  memset(line + len, 'x', (size_t)(my.say - len));
  line[my.say - 1] = '\n';
  if (write(STDOUT_FILENO, line, (size_t)my.say) < 0 && errno == EPIPE) exit(8);
}

static void live(void) {
  struct timespec pause_between = {.tv_nsec = 10 * 1000 * 1000};
  char calm[PATH];
  long life = my.crash > 0 ? (long)getpid() * 7919 % my.crash / 10 + 1 : 0;
  snprintf(calm, PATH, "%s/calm", my.dir);
  if (my.say == 0 && my.crash == 0) survive();
  for (unsigned long i = 1;; i++) {
    nanosleep(&pause_between, NULL);
    if (my.say > 0) say(i);
    if (life > 0 && i % (unsigned long)life == 0 && access(calm, F_OK) < 0) exit(1);
  }
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  my.dir = argv[1];
  my.name = argv[2];
  for (int i = 3; i < argc; i++) read_option(argv[i]);
  signal(SIGCHLD, SIG_IGN); /* its own children leave no zombies */
  signal(SIGPIPE, SIG_IGN);
  int failed = take_lock();
  if (failed) return failed;
  fork_all();
  if (my.listen) listen_on();
  if (my.notify) notify();
  live();
}
