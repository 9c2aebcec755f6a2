/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lauxlib.h>

#include "message/mailbox.h"
#include "message/names.h"

enum { STORE = 1, ROUNDS = 20000 };

static struct names names;

static int setup(void **state) {
  lua_State *L = luaL_newstate();
  lua_newtable(L);
  names_open(&names, L);
  lua_pushliteral(L, "known");
  names_keep(&names, L, -1);
  lua_pop(L, 1);
  *state = L;
  return 0;
}

static int teardown(void **state) {
  lua_close(*state);
  return 0;
}

/* Value [i] of the request with that number; now and then there is one that is none of
 * those that lie in the request itself. */
static void push_value(lua_State *L, lua_Integer number, int i) {
  if (i == 1) {
    lua_pushstring(L, number % 5 ? "known" : "unknown");
    return;
  }
  switch ((number + i) % 6) {
    case 0: lua_pushnil(L); break;
    case 1: lua_pushboolean(L, i % 2); break;
    case 2: lua_pushnumber(L, (lua_Number)number / 4); break;
    case 3: lua_pushfstring(L, "%I", number + i); break;
    default: lua_pushinteger(L, number << 33 | i);
  }
}

static void append(lua_State *L, struct mailbox *box, lua_Integer number) {
  struct request request = {.kind = REQUEST_CAST, .wait = (uint32_t)number};
  int first = lua_gettop(L) + 1;
  request.values = (uint8_t)(1 + number % MAILBOX_VALUES);
  for (int i = 1; i <= request.values; i++) push_value(L, number, i);
  mailbox_pack(L, box, &request, first);
  mailbox_append(L, box, STORE, &request, first);
  lua_settop(L, STORE);
}

static void check_served(lua_State *L, const struct mailbox *box, lua_Integer number) {
  assert_int_equal(box->served.wait, number);
  assert_int_equal(box->served.values, 1 + number % MAILBOX_VALUES);
  for (int i = 1; i <= box->served.values; i++) {
    mailbox_push_value(L, box, STORE, i);
    push_value(L, number, i);
    assert_true(lua_rawequal(L, -1, -2));
    assert_int_equal(lua_isinteger(L, -1), lua_isinteger(L, -2));
  }
  lua_settop(L, STORE);
}

/* Whatever comes and goes in whatever order, all are served in the order in which they
 * came, and what is served keeps its values while others come. */
static void test_order(void **state) {
  lua_State *L = *state;
  struct mailbox box = {.limit = 1000, .names = &names};
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
  struct mailbox box = {.limit = 1000, .names = &names};
  for (lua_Integer number = 1; number <= 50; number++) append(L, &box, number);
  while (mailbox_begin(&box)) mailbox_end(L, &box, STORE);
  for (lua_Integer at = 1; at <= (lua_Integer)box.room * MAILBOX_VALUES; at++) {
    assert_int_equal(lua_rawgeti(L, STORE, at), LUA_TBOOLEAN);
    lua_pop(L, 1);
  }
  mailbox_close(&box);
}

/* Where no value is an object, there is no table. */
static void test_packed(void **state) {
  lua_State *L = *state;
  struct mailbox box = {.limit = 1000, .names = &names};
  struct request request = {.kind = REQUEST_CALL, .values = 3};
  lua_pushliteral(L, "known");
  lua_pushinteger(L, LUA_MININTEGER);
  lua_pushnumber(L, 1.0);
  for (int i = 0; i < 50; i++) {
    assert_true(mailbox_pack(L, &box, &request, STORE + 1));
    assert_false(mailbox_needs_store(&box, &request));
    mailbox_append(L, &box, 0, &request, 0);
  }
  assert_int_equal(lua_rawlen(L, STORE), 0);
  lua_pushliteral(L, "long");
  request.values = 4;
  request.name = 0;
  assert_false(mailbox_pack(L, &box, &request, STORE + 1)); /* the control */
  assert_true(mailbox_needs_store(&box, &request));
  mailbox_close(&box);
}

/* A name without room stays a string, as does a long one, and what is no string. */
static void test_names(void **state) {
  lua_State *L = *state;
  char text[64] = "";
  int known = 0;
  for (int i = 0; i < 10 * NAMES; i++) {
    lua_settop(L, STORE);
    lua_pushfstring(L, "name%d", i);
    uint8_t number = names_keep(&names, L, -1);
    assert_int_equal(names_find(&names, L, -1), number);
    if (!number) continue;
    known++;
    names_push(&names, L, number);
    assert_true(lua_rawequal(L, -1, -2));
    lua_pushlightuserdata(L, (void *)lua_topointer(L, -1));
    assert_int_equal(names_find(&names, L, -1), 0);
  }
  assert_int_equal(known, NAMES - 1); /* and one of setup */
  memset(text, 'x', sizeof text - 1);
  lua_pushstring(L, text);
  lua_pushinteger(L, 1);
  names_open(&names, L);
  assert_int_equal(names_keep(&names, L, -1), 0);
  assert_int_equal(names_keep(&names, L, -2), 0);
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
      cmocka_unit_test_setup_teardown(test_packed, setup, teardown),
      cmocka_unit_test_setup_teardown(test_names, setup, teardown),
      cmocka_unit_test(test_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
