/* SPDX-License-Identifier: Apache-2.0 */
/* Who says so much that the spool's thread reads it: nothing is lost, nothing changes places. */
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "launching.h"
#include "output/output.h"

enum { LINE = 64, LINES = 50000 };

static uv_loop_t loop;
static uv_timer_t alive; /* the spools alone keep no loop turning */
static struct spools *spools;
static struct output *all;
static char dir[32], told[256];

static void note(void *data, const char *path, int error, unsigned long lines) {
  (void)data, (void)path, (void)lines;
  snprintf(told, sizeof told, "%s", error ? uv_err_name(error) : "well");
}

static void ignore(uv_timer_t *timer) {
  (void)timer;
}

static int setup(void **state) {
  (void)state;
  told[0] = '\0';
  strcpy(dir, "/tmp/feed.XXXXXX");
  if (!mkdtemp(dir) || chdir(dir) || uv_loop_init(&loop)) return -1;
  uv_timer_init(&loop, &alive);
  uv_timer_start(&alive, ignore, 1000000, 0);
  spools = spools_new(&loop, note, NULL);
  return spools ? 0 : -1;
}

static int teardown(void **state) {
  char command[64];
  (void)state;
  while (all) output_free(all);
  spools_free(spools, 1000);
  uv_close((uv_handle_t *)&alive, NULL);
  close_loop(&loop);
  snprintf(command, sizeof command, "rm -rf %s", dir);
  return chdir("/") || system(command);
}

static struct spool *open_spool(const char *path) {
  struct spool *spool;
  struct spool_options options = {.file = {.path = path, .keep = 1}};
  assert_int_equal(spool_open(spools, &options, &spool), 0);
  return spool;
}

/* ---- an output ---- */

static atomic_int wanted, written; /* lines */

/* Numbered lines, as fast as they are taken. */
static void *talk(void *arg) {
  char text[LINE * 64];
  int fd = *(int *)arg;
  while (written < wanted) {
    for (int i = 0; i < 64; i++) {
      char *line = text + i * LINE;
      snprintf(line, LINE, "%-*d", LINE - 1, written + i);
      line[LINE - 1] = '\n';
    }
    if (write(fd, text, sizeof text) != (ssize_t)sizeof text) break;
    written += 64;
  }
  return NULL;
}

static void check_log(const char *prefix) {
  char line[128];
  FILE *file = fopen("log", "r");
  for (int i = 0; i < written; i++) {
    assert_non_null(fgets(line, sizeof line, file));
    assert_memory_equal(line, prefix, strlen(prefix));
    assert_int_equal(strlen(line), strlen(prefix) + LINE);
    assert_int_equal(atoi(line + strlen(prefix)), i);
  }
  assert_null(fgets(line, sizeof line, file));
  fclose(file);
}

static bool is_wide(int fd) {
  return fcntl(fd, F_GETPIPE_SZ) > 64 * 1024;
}

static void turn(unsigned ms) {
  for (uint64_t until = now_ms() + ms; now_ms() < until;) uv_run(&loop, UV_RUN_NOWAIT);
}

/* The pipe is widened when the thread begins to read it: then [is_fed]. Every now and then the
 * loop reads it all the same. */
static void talk_to(struct output *output, int fd, bool is_fed) {
  pthread_t talker;
  wanted = is_fed ? INT_MAX - 64 : LINES;
  written = 0;
  assert_int_equal(pthread_create(&talker, NULL, talk, &fd), 0);
  for (uint64_t until = now_ms() + 30000; is_fed && !is_wide(fd) && now_ms() < until;)
    turn(1);
  if (is_fed) wanted = written + LINES;
  while (written < wanted) {
    turn(15);
    output_catch_up(output);
  }
  pthread_join(talker, NULL);
  assert_int_equal(is_wide(fd), is_fed);
}

static void busy(const struct lines_style *style, bool is_fed, lines_tap_fn *tap) {
  char last[TAIL_SIZE];
  uint64_t total;
  int fd, error;
  struct tail *tail = tail_new();
  struct output_target target = {
      .style = style, .spool = open_spool("log"), .tail = tail, .all = &all, .tap = tap};
  struct output *output = output_new(&loop, &target, &fd, &error);
  assert_non_null(output);
  talk_to(output, fd, is_fed);
  close(fd);
  output_drain(output, 1000);
  assert_true(spools_flush(spools, 5000));
  check_log(style ? style->prefix : "");
  assert_int_equal(tail_copy(tail, 0, sizeof last, last, &total), sizeof last);
  assert_int_equal(atoi(last), written - TAIL_SIZE / LINE);
  tail_release(tail);
  assert_string_equal(told, "");
}

static void ignore_line(void *data, const char *line, size_t len) {
  (void)data, (void)line, (void)len;
}

static void busy_bytes(void **state) {
  (void)state;
  busy(NULL, true, NULL);
}

static void busy_lines(void **state) {
  struct lines_style style = {.prefix = "p | "};
  (void)state;
  busy(&style, true, NULL);
}

/* The control: whose lines are listened to stays with the loop. */
static void busy_tapped(void **state) {
  struct lines_style style = {.prefix = "p | "};
  (void)state;
  busy(&style, false, ignore_line);
}

/* ---- a feed ---- */

static bool is_over;

static void note_over(void *data) {
  (void)data;
  is_over = true;
}

static ssize_t fetch_much(void *data, struct chunk **chunk) {
  (void)data;
  memset((*chunk)->bytes, 'x', (*chunk)->room);
  (*chunk)->len = (*chunk)->room;
  return (ssize_t)(*chunk)->room;
}

static ssize_t fetch_nothing(void *data, struct chunk **chunk) {
  (void)data, (void)chunk;
  return 0;
}

static void begin(struct spool_feed *feed, struct spool *spool) {
  is_over = false;
  feed->over = note_over;
  assert_true(spool_feed(spool, feed));
  assert_false(spool_feed(spool, &(struct spool_feed){.fetch = fetch_much}));
}

/* The loop has it back when there is nothing to fetch. */
static void gives_back(void **state) {
  struct spool_feed feed = {.fetch = fetch_nothing};
  struct spool *spool = open_spool("log");
  (void)state;
  begin(&feed, spool);
  assert_true(run_until(&loop, &is_over, 20000));
  assert_null(feed.spool);
  spool_release(spool);
}

/* And when the disk hangs, for which a terminal stands that nobody reads. */
static void hanging_disk(void **state) {
  int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
  char bytes[4096];
  struct spool_feed feed = {.fetch = fetch_much};
  (void)state;
  assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
  struct spool *spool = open_spool(ptsname(master));
  begin(&feed, spool);
  assert_true(run_until(&loop, &is_over, 20000));
  assert_string_equal(told, "ETIMEDOUT");
  assert_false(spool_feed(spool, &feed));
  while (!spools_flush(spools, 10))
    while (read(master, bytes, sizeof bytes) > 0) continue;
  spool_release(spool);
  close(master);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(busy_bytes), TEST(busy_lines),   TEST(busy_tapped),
      TEST(gives_back), TEST(hanging_disk),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
