/* SPDX-License-Identifier: Apache-2.0 */
/* Limits: the work of the drivers in ../luvisor on bare coroutines, see workers.h. It shows
 * what the machine and Lua cost, not what could be supervised with it.
 * usage: limits FIGURE N [SECONDS or SAMPLES] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtimes.h"
#include "workers.h"

static void report(const char *name, double value, const char *unit) {
  printf("%s\t%.9g\t%s\n", name, value, unit);
}

static double resident(void) {
  double size = 0, pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file || fscanf(file, "%lf %lf", &size, &pages) != 2) exit(1);
  fclose(file);
  return pages * (double)sysconf(_SC_PAGESIZE);
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double percentile(double *list, size_t count, double share) {
  qsort(list, count, sizeof *list, compare);
  return list[(size_t)((double)(count - 1) * share)];
}

static void start_all(size_t count, const char *body) {
  for (size_t i = 0; i < count; i++) workers_start(i, body);
}

static void start(size_t count, size_t unused) {
  (void)unused;
  double before = resident(), began = workers_now();
  start_all(count, "idle");
  report("start.time", (workers_now() - began) / (double)count * 1e6, "us");
  report("start.memory", (resident() - before) / (double)count, "B");
}

static void restart(size_t count, size_t samples) {
  double *latencies = calloc(samples, sizeof *latencies);
  start_all(count, "crashing");
  for (size_t i = 0; i < samples; i++) {
    double began = workers_now();
    workers_crash(0);
    latencies[i] = workers_now() - began;
  }
  report("restart.p50", percentile(latencies, samples, 0.5) * 1e6, "us");
  report("restart.p99", percentile(latencies, samples, 0.99) * 1e6, "us");
  free(latencies);
}

static void sustained(size_t count, size_t duration) {
  size_t crashes = 0;
  start_all(count, "crashing");
  double began = workers_now(), end = began + (double)duration;
  while (workers_now() < end)
    for (size_t i = 0; i < count; i++, crashes++) workers_crash(i);
  report("sustained.rate", (double)crashes / (workers_now() - began), "1/s");
}

static void one_for_all(size_t count, size_t samples) {
  double *times = calloc(samples, sizeof *times);
  start_all(count, "idle");
  for (size_t sample = 0; sample < samples; sample++) {
    double began = workers_now();
    for (size_t i = count; i-- > 0;) workers_stop(i);
    start_all(count, "idle");
    times[sample] = workers_now() - began;
  }
  report("one_for_all.time", percentile(times, samples, 0.5) * 1e3, "ms");
  free(times);
}

static void heartbeat(size_t count, size_t duration) {
  start_all(count, "beating");
  workers_run(1.5);
  double cpu = workers_cpu(), began = workers_now();
  uint64_t before = workers_beats();
  workers_run((double)duration);
  double used = workers_cpu() - cpu;
  report("heartbeat.cpu", used / (workers_now() - began) * 100, "%");
  report("heartbeat.beat", used / (double)(workers_beats() - before) * 1e6, "us");
}

static void cold(size_t count, size_t unused) {
  (void)unused;
  start_all(count, "idle");
  puts("running");
  fflush(stdout);
}

static void report_runtimes(const char *executor, struct runtimes seen) {
  const double values[] = {seen.start, seen.again, seen.trip};
  const char *const names[] = {"start", "again", "trip"};
  char name[32];
  for (int i = 0; i < 3; i++) {
    snprintf(name, sizeof name, "%s.%s", executor, names[i]);
    report(name, values[i] * 1e6, "us");
  }
}

static void thread(size_t count, size_t samples) {
  report_runtimes("thread", runtimes_thread(count, samples));
}

static void process(size_t count, size_t samples) {
  report_runtimes("process", runtimes_process(count, samples));
}

static void echo(size_t unused, size_t unused_too) {
  (void)unused;
  (void)unused_too;
  runtimes_echo();
}

static const struct {
  const char *name;
  void (*run)(size_t count, size_t samples);
} figures[] = {
    {"start", start},         {"restart", restart},
    {"sustained", sustained}, {"one_for_all", one_for_all},
    {"heartbeat", heartbeat}, {"cold", cold},
    {"thread", thread},       {"process", process},
    {"echo", echo},
};

int main(int argc, char **argv) {
  size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
  size_t samples = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
  for (size_t i = 0; argc > 1 && i < sizeof figures / sizeof *figures; i++) {
    if (strcmp(figures[i].name, argv[1]) != 0) continue;
    workers_open(count);
    figures[i].run(count, samples);
    workers_close();
    return 0;
  }
  fprintf(stderr, "usage: limits FIGURE N [SECONDS or SAMPLES]\n");
  return 2;
}
