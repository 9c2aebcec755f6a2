/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>

#include "directory.h"
#include "launching.h"
#include "output/spool.h"

static uv_loop_t loop;
static uv_timer_t alive; /* the spools alone keep no loop turning */
static struct spools *spools;
static char told[1024];

static void note(void *data, const char *path, int error, unsigned long lines) {
  size_t len = strlen(told);
  (void)data;
  snprintf(told + len, sizeof told - len, "%s %s%s;", path,
           error ? uv_err_name(error) : "well", lines > 0 ? " lost" : "");
}

static void ignore(uv_timer_t *timer) {
  (void)timer;
}

static int setup(void **state) {
  told[0] = '\0';
  if (directory_enter(state) || uv_loop_init(&loop)) return -1;
  uv_timer_init(&loop, &alive);
  uv_timer_start(&alive, ignore, 1000000, 0);
  spools = spools_new(&loop, note, NULL);
  return spools ? 0 : -1;
}

static int teardown(void **state) {
  spools_free(spools, 1000);
  uv_close((uv_handle_t *)&alive, NULL);
  close_loop(&loop);
  return directory_leave(state);
}

static struct spool *open_spool(const char *path) {
  struct spool *spool;
  struct spool_options options = {.file = {.path = path, .keep = 1}};
  assert_int_equal(spool_open(spools, &options, &spool), 0);
  return spool;
}

static void give(struct spool *spool, const char *text) {
  spool_give(spool, chunk_copy(text, strlen(text)));
}

static char *text_of(const char *path) {
  int fd = open(path, O_RDONLY);
  assert_true(fd >= 0);
  char *text = slurp(fd, false);
  close(fd);
  return text;
}

static void in_order(void **state) {
  (void)state;
  struct spool *spool = open_spool("log");
  for (int i = 0; i < 1000; i++) {
    char line[32];
    snprintf(line, sizeof line, "line %03d\n", i);
    give(spool, line);
  }
  assert_true(spools_flush(spools, 1000));
  char *text = text_of("log");
  assert_int_equal(strlen(text), 9000);
  assert_string_equal(text + 8991, "line 999\n");
  spool_release(spool);
}

/* Two that write to one path have one writer, also when one begins as the other ends. */
static void two_writers(void **state) {
  (void)state;
  struct spool *one = open_spool("log"), *two = open_spool("log");
  assert_ptr_equal(one, two);
  give(one, "one\n");
  give(two, "two\n");
  spool_release(one);
  give(two, "three\n");
  spool_release(two);
  struct spool *next = open_spool("log");
  give(next, "four\n");
  spool_release(next);
  assert_true(spools_flush(spools, 1000));
  assert_string_equal(text_of("log"), "one\ntwo\nthree\nfour\n");
  run_for(&loop, 5);
  assert_string_equal(told, "");
}

/* Nothing waits for a full disk, and it is said once. */
static void full_disk(void **state) {
  (void)state;
  struct spool *spool = open_spool("/dev/full");
  struct spool_waiter waiter = {0};
  for (int i = 0; i < 10000; i++) give(spool, "0123456789abcdef\n");
  assert_true(spools_flush(spools, 1000));
  run_for(&loop, 20);
  assert_string_equal(told, "/dev/full ENOSPC lost;");
  assert_false(spool_wait(spool, &waiter));
  spool_release(spool);
  run_for(&loop, 20);
  assert_string_equal(told, "/dev/full ENOSPC lost;/dev/full well lost;");
}

static void recovers(void **state) {
  (void)state;
  mkdir("d", 0700);
  struct spool *spool = open_spool("d/log");
  unlink("d/log");
  rmdir("d");
  spools_reopen(spools);
  give(spool, "lost\n");
  assert_true(spools_flush(spools, 1000));
  run_for(&loop, 10);
  assert_non_null(strstr(told, "d/log ENOENT"));
  assert_null(strstr(told, "well"));
  mkdir("d", 0700);
  for (int i = 0; i < 100 && !strstr(told, "well"); i++) {
    give(spool, "found\n");
    run_for(&loop, 10);
  }
  assert_non_null(strstr(told, "d/log well lost;"));
  assert_string_equal(text_of("d/log"), "found\n");
  spool_release(spool);
}

static void woken(void *data) {
  *(bool *)data = true;
}

static struct chunk *big_chunk(void) {
  struct chunk *chunk = chunk_new(CHUNK_SIZE);
  memset(chunk->bytes, 'x', CHUNK_SIZE);
  chunk->len = CHUNK_SIZE;
  chunk->bytes[CHUNK_SIZE - 1] = '\n';
  return chunk;
}

static int count_bytes(int fd) {
  static char bytes[1 << 16];
  int total = 0;
  for (ssize_t got; (got = read(fd, bytes, sizeof bytes)) > 0;) total += (int)got;
  return total;
}

/* A terminal that nobody reads stands for a disk that hangs: one waits a second for it, no
 * longer, and memory stays bounded. */
static void hanging_disk(void **state) {
  (void)state;
  int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
  bool done = false;
  struct spool_waiter waiter = {.call = woken, .data = &done};
  assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
  struct spool *spool = open_spool(ptsname(master));
  for (int i = 0; i < 9; i++) spool_give(spool, big_chunk());
  assert_true(spool_wait(spool, &waiter));
  uint64_t begun = now_ms();
  assert_true(run_until(&loop, &done, 20000));
  assert_in_range(now_ms() - begun, 500, 15000);
  assert_non_null(strstr(told, "ETIMEDOUT"));
  assert_false(spool_wait(spool, &waiter));
  for (int i = 0; i < 100; i++) spool_give(spool, big_chunk()); /* dropped */
  int taken = 0;
  while (!spools_flush(spools, 10)) taken += count_bytes(master);
  assert_in_range(taken, CHUNK_SIZE, 12 * CHUNK_SIZE);
  run_for(&loop, 10);
  assert_non_null(strstr(told, "well lost"));
  spool_release(spool);
  spools_flush(spools, 1000);
  close(master);
}

static void fill_and_wait(struct spool *spool, struct spool_waiter *waiter) {
  for (int i = 0; i < 9; i++) spool_give(spool, big_chunk());
  assert_true(spool_wait(spool, waiter));
}

/* One that is behind time and again, but never for a second, loses nothing, whenever the
 * last wait began. */
static void slow_disk(void **state) {
  (void)state;
  int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK), taken = 0;
  bool done = false;
  struct spool_waiter waiter = {.call = woken, .data = &done};
  assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
  struct spool *spool = open_spool(ptsname(master));
  for (int i = 0; i < 3; i++) {
    fill_and_wait(spool, &waiter);
    run_for(&loop, 400);
    while (!spools_flush(spools, 5)) taken += count_bytes(master);
    assert_true(run_until(&loop, &done, 20000));
    done = false;
    run_for(&loop, 400);
  }
  taken += count_bytes(master);
  assert_string_equal(told, "");
  assert_true(taken >= 27 * CHUNK_SIZE);
  spool_release(spool);
  spools_flush(spools, 1000);
  close(master);
}

static struct spool *opened;
static int open_error;
static bool was_told;

static void note_opened(void *data, struct spool *spool, int error) {
  (void)data;
  opened = spool;
  open_error = error;
  was_told = true;
}

static void open_later(const char *path) {
  struct spool_options options = {.file = {.path = path, .keep = 1}};
  was_told = false;
  assert_int_equal(spool_open_later(spools, &options, note_opened, NULL), 0);
  assert_false(was_told);
}

static void opens_off_the_loop(void **state) {
  (void)state;
  open_later("log");
  assert_true(run_until(&loop, &was_told, 20000));
  assert_non_null(opened);
  assert_ptr_equal(open_spool("log"), opened);
  struct spool *first = opened;
  open_later("log"); /* open already */
  assert_true(run_until(&loop, &was_told, 20000));
  assert_ptr_equal(opened, first);
  give(opened, "one\n");
  for (int i = 0; i < 3; i++) spool_release(first);
  spools_flush(spools, 1000);
  assert_string_equal(text_of("log"), "one\n");
}

static void says_why_it_cannot(void **state) {
  (void)state;
  open_later("none/log");
  assert_true(run_until(&loop, &was_told, 20000));
  assert_null(opened);
  assert_int_equal(open_error, UV_ENOENT);
  mkdir("none", 0700); /* nothing is left of the attempt */
  open_later("none/log");
  assert_true(run_until(&loop, &was_told, 20000));
  assert_int_equal(open_error, 0);
  spool_release(opened);
  open_later("never"); /* nobody is forgotten at the end */
  spools_free(spools, 1000);
  assert_true(was_told);
  spools = NULL;
}

static void put_never_waits(void **state) {
  static char line[64 * 1024];
  (void)state;
  memset(line, 'x', sizeof line - 1);
  line[sizeof line - 1] = '\n';
  struct spool *spool = open_spool("log");
  for (int i = 0; i < 1000; i++) spool_put(spool, line, sizeof line);
  assert_true(spools_flush(spools, 10000));
  run_for(&loop, 20);
  assert_true(told[0] == '\0' || strstr(told, "ENOBUFS"));
  spool_release(spool);
}

static void reopens_without_output(void **state) {
  (void)state;
  struct spool *spool = open_spool("log");
  give(spool, "old\n");
  spools_flush(spools, 1000);
  rename("log", "moved");
  assert_int_equal(spools_reopen(spools), 1);
  spools_flush(spools, 1000);
  assert_string_equal(text_of("log"), "");
  spool_release(spool);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(in_order),
      TEST(two_writers),
      TEST(full_disk),
      TEST(recovers),
      TEST(hanging_disk),
      TEST(slow_disk),
      TEST(reopens_without_output),
      TEST(opens_off_the_loop),
      TEST(says_why_it_cannot),
      TEST(put_never_waits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
