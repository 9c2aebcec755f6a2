/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "launching.h"
#include "output/outlet.h"
#include "output/writer.h"

enum { LONG_MS = 5000 }; /* what would block does so for ever, or many times as long */

static void put(struct outlet *outlet, const char *text) {
  outlet_put(outlet, text, strlen(text));
}

static void in_order(void **state) {
  (void)state;
  int ends[2];
  char line[32];
  assert_int_equal(pipe(ends), 0);
  struct outlet *outlet = outlet_new(ends[1], 4096);
  put(outlet, "first\n");
  put(outlet, "second\nthird\n");
  assert_true(outlet_flush(outlet, LONG_MS));
  for (int i = 0; i < 1000; i++) { /* round the ring several times */
    snprintf(line, sizeof line, "line %d\n", i);
    put(outlet, line);
    if (i % 100 == 99) assert_true(outlet_flush(outlet, LONG_MS));
  }
  outlet_free(outlet);
  close(ends[1]);
  char *text = slurp(ends[0], false);
  assert_memory_equal(text, "first\nsecond\nthird\nline 0\nline 1\n", 33);
  assert_non_null(strstr(text, "line 998\nline 999\n"));
  assert_null(strstr(text, "dropped"));
  close(ends[0]);
}

/* Nobody reads: putting does not block, whole lines are dropped, and the mark says how
 * many. */
static void full(void **state) {
  (void)state;
  int ends[2], dropped = 0, kept = 0;
  assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
  while (write(ends[1], "0123456789abcdef\n", 17) == 17) kept--;
  fcntl(ends[0], F_SETFL, 0);
  fcntl(ends[1], F_SETFL, 0);
  struct outlet *outlet = outlet_new(ends[1], 8192);
  uint64_t begun = now_ms();
  for (int i = 0; i < 20000; i++) put(outlet, "0123456789abcdef\n");
  assert_true(now_ms() - begun < LONG_MS);
  assert_false(outlet_flush(outlet, 50)); /* bounded */
  FILE *in = fdopen(ends[0], "r");
  char line[64];
  while (kept + dropped < 20000) {
    int count = 0;
    assert_non_null(fgets(line, sizeof line, in));
    if (sscanf(line, "[%d line", &count) != 1) {
      assert_string_equal(line, "0123456789abcdef\n");
      kept++;
    }
    dropped += count;
  }
  assert_true(dropped > 0);
  assert_int_equal(kept + dropped, 20000);
  assert_true(outlet_flush(outlet, LONG_MS));
  put(outlet, "after\n");
  assert_non_null(fgets(line, sizeof line, in));
  assert_string_equal(line, "after\n");
  outlet_free(outlet);
  close(ends[1]);
  fclose(in);
}

static void mark_comes_before_later_lines(void **state) {
  (void)state;
  int ends[2];
  char chunk[4096], line[8192];
  assert_int_equal(pipe(ends), 0);
  struct outlet *outlet = outlet_new(ends[1], sizeof chunk);
  memset(chunk, 'x', sizeof chunk);
  chunk[sizeof chunk - 1] = '\n';
  for (int i = 0; i < 17; i++) { /* the pipe takes 16 and the thread holds one */
    outlet_put(outlet, chunk, sizeof chunk);
    outlet_flush(outlet, i < 16 ? 10000 : 1000); /* which the last one never is */
  }
  put(outlet, "kept\n");
  outlet_put(outlet, chunk, sizeof chunk); /* does not fit */
  put(outlet, "later\n");
  FILE *in = fdopen(ends[0], "r");
  for (int i = 0; i < 17; i++)
    assert_int_equal(strlen(fgets(line, sizeof line, in)), sizeof chunk);
  assert_string_equal(fgets(line, sizeof line, in), "kept\n");
  assert_string_equal(fgets(line, sizeof line, in), "[1 line dropped]\n");
  assert_string_equal(fgets(line, sizeof line, in), "later\n");
  outlet_free(outlet);
  close(ends[1]);
  fclose(in);
}

static void nobody_at_the_other_end(void **state) {
  (void)state;
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  close(ends[0]);
  struct outlet *outlet = outlet_new(ends[1], 4096);
  for (int i = 0; i < 10000; i++) put(outlet, "nobody hears\n");
  assert_true(outlet_flush(outlet, LONG_MS));
  put(outlet, "nor this\n");
  assert_true(outlet_flush(outlet, LONG_MS));
  outlet_free(outlet);
  close(ends[1]);
}

static void full_disk(void **state) {
  (void)state;
  int fd = open("/dev/full", O_WRONLY);
  struct outlet *outlet = outlet_new(fd, 4096);
  put(outlet, "lost\n");
  assert_false(outlet_flush(outlet, 50)); /* still at it, but nobody waits */
  uint64_t begun = now_ms();
  for (int i = 0; i < 100; i++) put(outlet, "lost too\n"); /* each without its rest */
  assert_true(now_ms() - begun < LONG_MS);
  outlet_free(outlet);
  usleep(150000); /* the thread frees it after its rest */
  close(fd);
}

static void freed_while_it_hangs(void **state) {
  (void)state;
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  struct outlet *outlet = outlet_new(ends[1], 1 << 20);
  for (int i = 0; i < 10000; i++) put(outlet, "0123456789abcdef\n");
  assert_false(outlet_flush(outlet, 50));
  uint64_t begun = now_ms();
  outlet_free(outlet);
  assert_true(now_ms() - begun < LONG_MS); /* and not for ever */
  close(ends[0]);                          /* its write ends now, so the thread does */
  usleep(50000);
}

static void non_blocking_descriptor(void **state) {
  (void)state;
  int ends[2];
  assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
  fcntl(ends[0], F_SETFL, 0);
  struct outlet *outlet = outlet_new(ends[1], 1 << 20);
  for (int i = 0; i < 10000; i++) put(outlet, "0123456789abcdef\n");
  char bytes[4096];
  for (size_t total = 0; total < 170000;) {
    ssize_t got = read(ends[0], bytes, sizeof bytes);
    assert_true(got > 0);
    total += (size_t)got;
  }
  assert_true(outlet_flush(outlet, LONG_MS));
  outlet_free(outlet);
  close(ends[0]);
  close(ends[1]);
}

static void *put_many(void *outlet) {
  for (int i = 0; i < 2000; i++) put(outlet, "0123456789abcdef\n");
  return NULL;
}

static void many_threads(void **state) {
  (void)state;
  int ends[2], lines = 0;
  char line[64];
  pthread_t threads[4];
  assert_int_equal(pipe(ends), 0);
  struct outlet *outlet = outlet_new(ends[1], 1 << 20);
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, put_many, outlet);
  FILE *in = fdopen(ends[0], "r");
  for (; lines < 8000; lines++) {
    assert_non_null(fgets(line, sizeof line, in));
    assert_string_equal(line, "0123456789abcdef\n");
  }
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  assert_true(outlet_flush(outlet, LONG_MS));
  outlet_free(outlet);
  close(ends[1]);
  fclose(in);
}

/* A stuck stdout does not hold up stderr. */
static void writer_keeps_them_apart(void **state) {
  (void)state;
  int out[2], err[2], old_out = dup(1), old_err = dup(2);
  assert_int_equal(pipe(out), 0);
  assert_int_equal(pipe(err), 0);
  dup2(out[1], 1);
  dup2(err[1], 2);
  for (int i = 0; i < 10000; i++) writer_put(1, "0123456789abcdef\n", 17);
  writer_put(2, "heard\n", 6);
  char *heard = slurp(err[0], true);
  bool flushed = writer_flush(50);
  char bytes[4096];
  for (size_t total = 0; total < 170000;)
    total += (size_t)read(out[0], bytes, sizeof bytes);
  writer_stop(1000);
  dup2(old_out, 1);
  dup2(old_err, 2);
  assert_string_equal(heard, "heard\n");
  assert_false(flushed);
  int fds[] = {out[0], out[1], err[0], err[1], old_out, old_err};
  for (int i = 0; i < 6; i++) close(fds[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(in_order),
      cmocka_unit_test(full),
      cmocka_unit_test(mark_comes_before_later_lines),
      cmocka_unit_test(nobody_at_the_other_end),
      cmocka_unit_test(full_disk),
      cmocka_unit_test(freed_while_it_hangs),
      cmocka_unit_test(non_blocking_descriptor),
      cmocka_unit_test(many_threads),
      cmocka_unit_test(writer_keeps_them_apart),
  };
  signal(SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
