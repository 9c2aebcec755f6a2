/* SPDX-License-Identifier: Apache-2.0 */
/* report: prints what it was started with, one "key value" a line. */
#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static void report_fds(void) {
  DIR *dir = opendir("/proc/self/fd");
  struct dirent *entry;
  printf("fds");
  while (dir && (entry = readdir(dir)) != NULL)
    if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(dir))
      printf(" %s", entry->d_name);
  puts("");
  if (dir) closedir(dir);
}

static void report_signals(void) {
  sigset_t blocked;
  struct sigaction action;
  sigprocmask(SIG_SETMASK, NULL, &blocked);
  for (int i = 1; i < NSIG; i++) {
    if (sigismember(&blocked, i) == 1) printf("blocked %d\n", i);
    if (sigaction(i, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
      printf("ignored %d\n", i);
  }
}

static void report_limit(const char *name, int resource) {
  struct rlimit limit;
  getrlimit(resource, &limit);
  printf("%s %llu %llu\n", name, (unsigned long long)limit.rlim_cur,
         (unsigned long long)limit.rlim_max);
}

static void report_oom_score(void) {
  int score = 0;
  FILE *file = fopen("/proc/self/oom_score_adj", "r");
  if (file && fscanf(file, "%d", &score) == 1) printf("oom_score %d\n", score);
  if (file) fclose(file);
}

static void report_identity(void) {
  gid_t groups[64];
  int count = getgroups(64, groups);
  printf("uid %d %d\ngid %d %d\ngroups", getuid(), geteuid(), getgid(), getegid());
  for (int i = 0; i < count; i++) printf(" %d", groups[i]);
  printf("\nleads %d %d\n", getpid() == getsid(0), getpid() == getpgid(0));
}

int main(int argc, char **argv) {
  char cwd[PATH_MAX];
  int death = 0;
  mode_t mask = umask(0);
  prctl(PR_GET_PDEATHSIG, &death);
  report_fds();
  report_signals();
  report_identity();
  printf("umask %03o\nnice %d\ncwd %s\n", mask, getpriority(PRIO_PROCESS, 0),
         getcwd(cwd, sizeof cwd));
  report_limit("cpu", RLIMIT_CPU);
  printf("pdeathsig %d\nno_new_privs %d\n", death,
         prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  report_limit("nofile", RLIMIT_NOFILE);
  report_limit("fsize", RLIMIT_FSIZE);
  report_oom_score();
  for (int i = 0; i < argc; i++) printf("arg %s\n", argv[i]);
  for (char **item = environ; *item; item++) printf("env %s\n", *item);
  return 0;
}
