/* SPDX-License-Identifier: Apache-2.0 */
/* Alarm: see alarm.h. */
#include "base/alarm.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/interrupt.h"

enum { TEXT = 512, GRACE = 250000 }; /* us between two steps */

static struct interrupt *target;
static char message[TEXT];
static volatile sig_atomic_t rung;

static void give_up(void) {
  ssize_t written = write(STDERR_FILENO, message, strlen(message));
  (void)written;
  _exit(ALARM_EXIT);
}

static void on_alarm(int number) {
  static const enum interrupt_level levels[] = {INTERRUPT_CANCEL, INTERRUPT_KILL};
  (void)number;
  if (rung < 2)
    interrupt_order(target, levels[rung++]);
  else
    give_up();
}

int alarm_set(struct interrupt *interrupt, uint64_t ns, const char *text) {
  struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
  struct itimerval timer = {.it_interval = {.tv_usec = GRACE}};
  target = interrupt;
  rung = 0;
  memccpy(message, text, '\0', TEXT - 1);
  timer.it_value.tv_sec = (time_t)(ns / 1000000000);
  timer.it_value.tv_usec = (suseconds_t)(ns / 1000 % 1000000);
  if (sigaction(SIGALRM, &action, NULL) < 0) return -errno;
  return setitimer(ITIMER_REAL, &timer, NULL) < 0 ? -errno : 0;
}

bool alarm_clear(void) {
  static const struct itimerval off;
  setitimer(ITIMER_REAL, &off, NULL);
  signal(SIGALRM, SIG_DFL);
  return rung > 0;
}
