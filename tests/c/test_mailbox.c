/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <lauxlib.h>

#include "message/mailbox.h"

enum { STORE = 1, ROUNDS = 20000 };

static int setup(void **state) {
  lua_State *L = luaL_newstate();
  lua_newtable(L);
  *state = L;
  return 0;
}

static int teardown(void **state) {
  lua_close(*state);
  return 0;
}

/* Appends a request with its number and, now and then, more values. */
static void append(lua_State *L, struct mailbox *box, lua_Integer number) {
  struct request request = {.kind = REQUEST_CAST, .wait = (uint32_t)number};
  int first = lua_gettop(L) + 1;
  request.values = (uint8_t)(1 + number % MAILBOX_VALUES);
  for (int i = 0; i < request.values; i++) lua_pushinteger(L, number + i);
  mailbox_append(L, box, STORE, &request, first);
  lua_settop(L, STORE);
}

static void check_served(lua_State *L, const struct mailbox *box, lua_Integer number) {
  assert_int_equal(box->served.wait, number);
  for (int i = 1; i <= box->served.values; i++) {
    mailbox_push_value(L, box, STORE, i);
    assert_int_equal(lua_tointeger(L, -1), number + i - 1);
  }
  lua_settop(L, STORE);
}

/* Whatever comes and goes in whatever order, all are served in the order in which they
 * came, and what is served keeps its values while others come. */
static void test_order(void **state) {
  lua_State *L = *state;
  struct mailbox box = {.limit = 1000};
  lua_Integer last = 0, served = 0;
  unsigned random = 12345;
  for (int round = 0; round < ROUNDS; round++) {
    random = random * 1103515245 + 12345;
    if (box.waiting < 300 && (random >> 16) % 5 < 3) append(L, &box, ++last);
    if (box.serving && (random >> 20) % 2) {
      check_served(L, &box, served);
      mailbox_end(L, &box, STORE);
    } else if (!box.serving && mailbox_begin(&box)) {
      check_served(L, &box, ++served);
    }
  }
  assert_int_equal(last - served, box.waiting);
  assert_true(box.room >= 4 && box.room <= 512);
  mailbox_close(&box);
}

static void test_nothing_is_kept(void **state) {
  lua_State *L = *state;
  struct mailbox box = {.limit = 1000};
  for (lua_Integer number = 1; number <= 50; number++) append(L, &box, number);
  while (mailbox_begin(&box)) mailbox_end(L, &box, STORE);
  for (lua_Integer at = 1; at <= (lua_Integer)box.room * MAILBOX_VALUES; at++) {
    assert_int_equal(lua_rawgeti(L, STORE, at), LUA_TBOOLEAN);
    lua_pop(L, 1);
  }
  mailbox_close(&box);
}

static void test_none(void **state) {
  (void)state;
  struct mailbox box = {.limit = 1};
  assert_false(mailbox_begin(&box));
  mailbox_close(&box);
  assert_true(box.closed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_order, setup, teardown),
      cmocka_unit_test_setup_teardown(test_nothing_is_kept, setup, teardown),
      cmocka_unit_test(test_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
