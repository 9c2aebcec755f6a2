/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>
#include <uv.h>

#include "message/codec.h"

/* What is sent here and has a metatable: a point { x = , y = }, packed as its x. */
static const char *const classes =
    "Point = {}\n"
    "function pack(point) return { point.x, point.y } end\n"
    "function unpack(v)\n"
    "  return type(v) == 'table' and setmetatable({ x = v[1], y = v[2] }, Point) or nil\n"
    "end\n"
    "function same(a, b)\n"
    "  if type(a) ~= 'table' then return math.type(a) == math.type(b) and\n"
    "    (a == b or a ~= a and b ~= b) end\n"
    "  if getmetatable(a) ~= getmetatable(b) then return false end\n"
    "  for k, v in pairs(a) do if not same(v, b[k]) then return false end end\n"
    "  for k in pairs(b) do if a[k] == nil then return false end end\n"
    "  return true\n"
    "end\n";

static int setup(void **state) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  assert_int_equal(luaL_dostring(L, classes), LUA_OK);
  lua_getglobal(L, "pack");
  int pack = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_getglobal(L, "unpack");
  int unpack = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_getglobal(L, "Point");
  codec_define(L, 5, pack, unpack, 0);
  assert_int_equal(lua_gettop(L), 0);
  *state = L;
  return 0;
}

static int teardown(void **state) {
  lua_close(*state);
  return 0;
}

/* pushes the values of a Lua expression list; how many */
static int push(lua_State *L, const char *expressions) {
  int top = lua_gettop(L);
  lua_pushfstring(L, "return %s", expressions);
  assert_int_equal(luaL_dostring(L, lua_tostring(L, -1)), LUA_OK);
  lua_remove(L, top + 1);
  return lua_gettop(L) - top;
}

static int write_all(lua_State *L, const char *expressions, struct codec_buffer *buffer,
                     struct codec_problem *problem) {
  int count = push(L, expressions);
  int r = codec_write(L, 1, count, buffer, problem);
  assert_int_equal(lua_gettop(L), count);
  return r;
}

static void assert_same(lua_State *L, int one, int two, const char *what) {
  lua_getglobal(L, "same");
  lua_pushvalue(L, one);
  lua_pushvalue(L, two);
  lua_call(L, 2, 1);
  if (!lua_toboolean(L, -1)) fail_msg("not the same: %s", what);
  lua_pop(L, 1);
}

static const char *const sendable[] = {
    "nil",
    "true, false, nil",
    "0, 1, -1, 127, 128, -32, -33, 255, 65536",
    "math.maxinteger, math.mininteger, 1 << 53, (1 << 53) + 1",
    "0.0, 1.5, -1e300, math.huge, -math.huge, 0/0, 2^53",
    "'', 'a', ('x'):rep(31), ('x'):rep(32), ('x'):rep(255), ('x'):rep(256)",
    "'\\0\\255\\n', ('\\0'):rep(70000)",
    "{}, { {} }, { 1, 2, 3 }, { a = 1, b = { c = {} } }",
    "{ 1, 2, x = 3 }, { [2] = 2 }, { [-1] = 1, [1.5] = 2, [true] = 3, [false] = 4 }",
    "{ 1, nil, 3 }, { nil, 2 }, { nil, 2, x = 1 }, { [3] = 3, [2] = 2, [1] = 1 }",
    "table.pack(('x'):rep(100, ','):byte(1, -1))",
    "setmetatable({ x = 1, y = 2 }, Point), { setmetatable({ x = { 1 } }, Point) }",
};
enum { SENDABLE = sizeof sendable / sizeof *sendable };

static void writes_and_reads_what_can_be_sent(void **state) {
  lua_State *L = *state;
  for (int i = 0; i < SENDABLE; i++) {
    struct codec_buffer buffer = {.max = 0};
    struct codec_problem problem;
    assert_int_equal(write_all(L, sendable[i], &buffer, &problem), 0);
    int count = lua_gettop(L);
    assert_int_equal(codec_read(L, buffer.bytes, buffer.length, &problem), 0);
    assert_int_equal(lua_getfield(L, -1, "n"), LUA_TNUMBER);
    assert_int_equal(lua_tointeger(L, -1), count);
    for (int n = 1; n <= count; n++) {
      lua_rawgeti(L, count + 1, n);
      assert_same(L, n, lua_gettop(L), sendable[i]);
    }
    codec_buffer_free(&buffer);
    lua_settop(L, 0);
  }
}

static void copies_what_can_be_sent(void **state) {
  lua_State *L = *state;
  for (int i = 0; i < SENDABLE; i++) {
    struct codec_problem problem;
    int count = push(L, sendable[i]);
    assert_int_equal(codec_copy(L, 1, count, 0, 0, &problem), 0);
    for (int n = 1; n <= count; n++) {
      lua_rawgeti(L, count + 1, n);
      assert_same(L, n, lua_gettop(L), sendable[i]);
      if (lua_istable(L, n)) assert_false(lua_rawequal(L, n, lua_gettop(L)));
    }
    lua_settop(L, count);
    for (int n = 1; n <= count; n++) lua_pushvalue(L, n);
    assert_int_equal(codec_copy_values(L, count + 1, count, &problem), 0);
    for (int n = 1; n <= count; n++) {
      assert_same(L, n, count + n, sendable[i]);
      if (lua_istable(L, n)) assert_false(lua_rawequal(L, n, count + n));
    }
    lua_settop(L, 0);
  }
}

static const struct {
  const char *value;
  int code;
  const char *text;
} refused[] = {
    {"print", UV_EINVAL, "cannot send a function"},
    {"{ a = { 1, { b = print } } }", UV_EINVAL, "cannot send a function at .a[2].b"},
    {"coroutine.create(print)", UV_EINVAL, "cannot send a thread"},
    {"io.stdout", UV_EINVAL, "cannot send a userdata"},
    {"setmetatable({}, {})", UV_EINVAL, "cannot send a table with a metatable"},
    {"{ [{}] = 1 }", UV_EINVAL, "cannot send a table as a key"},
    {"{ [print] = 1 }", UV_EINVAL, "cannot send a function"},
    {"(function() local t = {} t.t = t return t end)()", UV_ELOOP,
     "tables nested more than"},
    {"(function() local t = {} for _ = 1, 100 do t = { t } end return t end)()", UV_ELOOP,
     "tables nested more than 100 deep"},
    {"('x'):rep(2000)", UV_E2BIG, "a message of more than 1000 bytes"},
    {"(function() local t = {} for _ = 1, 40 do t = { t, t } end return t end)()",
     UV_E2BIG, "a message of more than 1000 bytes"},
};

static void refuses_the_rest_and_names_the_place(void **state) {
  lua_State *L = *state;
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    struct codec_buffer buffer = {.max = 1000};
    struct codec_problem problem;
    assert_int_equal(write_all(L, "'kept'", &buffer, &problem), 0);
    size_t kept = buffer.length;
    lua_settop(L, 0);
    assert_int_equal(write_all(L, refused[i].value, &buffer, &problem), refused[i].code);
    assert_non_null(strstr(problem.text, refused[i].text));
    assert_int_equal(buffer.length, kept);
    assert_int_equal(codec_copy(L, 1, 1, 0, 1000, &problem), refused[i].code);
    assert_non_null(strstr(problem.text, refused[i].text));
    assert_int_equal(lua_gettop(L), 1);
    if (refused[i].code != UV_E2BIG) {
      assert_int_equal(codec_copy_values(L, 1, 1, &problem), refused[i].code);
      assert_int_equal(lua_gettop(L), 1);
    }
    codec_buffer_free(&buffer);
    lua_settop(L, 0);
  }
}

static void control_just_within_the_limits(void **state) {
  lua_State *L = *state;
  struct codec_buffer buffer = {.max = 1000};
  struct codec_problem problem;
  assert_int_equal(write_all(L, "('x'):rep(995)", &buffer, &problem), 0);
  assert_int_equal(codec_copy(L, 1, 1, 0, 1000, &problem), 0);
  codec_buffer_free(&buffer);
  lua_settop(L, 0);
  const char *deep =
      "(function() local t = {} for _ = 1, 99 do t = { t } end return t end)()";
  assert_int_equal(write_all(L, deep, &buffer, &problem), 0);
  assert_int_equal(codec_read(L, buffer.bytes, buffer.length, &problem), 0);
  assert_int_equal(codec_copy(L, 1, 1, 0, 0, &problem), 0);
  codec_buffer_free(&buffer);
}

/* An empty table one deeper than codec_write goes was read once. */
static void reads_nothing_deeper_than_it_writes(void **state) {
  lua_State *L = *state;
  struct codec_problem problem;
  unsigned char bytes[101]; /* arrays of one array each */
  memset(bytes, 0x91, sizeof bytes);
  for (int end = 0x80; end <= 0x90; end += 0x10) { /* the empty map, the empty array */
    bytes[100] = (unsigned char)end;
    assert_int_equal(codec_read(L, bytes, 101, &problem), UV_EPROTO);
    assert_int_equal(lua_gettop(L), 0);
    bytes[99] = (unsigned char)end;
    assert_int_equal(codec_read(L, bytes, 100, &problem), 0);
    lua_settop(L, 0);
    bytes[99] = 0x91;
  }
}

static void reads_no_part_of_a_message_as_another(void **state) {
  lua_State *L = *state;
  struct codec_buffer buffer = {.max = 0};
  struct codec_problem problem;
  const char *value =
      "{ 'text', 1.5, 1 << 40, { a = { true, nil, ('x'):rep(300) } } },"
      "setmetatable({ x = 1 }, Point)";
  assert_int_equal(write_all(L, value, &buffer, &problem), 0);
  lua_settop(L, 0);
  int read = 0;
  for (size_t length = 0; length < buffer.length; length++) {
    unsigned char *bytes = malloc(length ? length : 1);
    memcpy(bytes, buffer.bytes, length);
    read += codec_read(L, bytes, length, &problem) == 0;
    lua_settop(L, 0);
    free(bytes);
  }
  assert_int_equal(read, 2); /* nothing, and the first of the two values */
  codec_buffer_free(&buffer);
}

static void refuses_bytes_that_nobody_wrote(void **state) {
  lua_State *L = *state;
  static const struct {
    const char *bytes;
    size_t length;
  } damaged[] = {
      {"\xdd\xff\xff\xff\xff", 5},
      {"\xdf\xff\xff\xff\xff", 5},
      {"\xdd\x00\x00\x00\x05\x01", 6},
      {"\xdb\xff\xff\xff\xff"
       "a",
       6},
      {"\x81\xc0\x01", 3},
      {"\x81\x90\x01", 3},
      {"\x81\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00\x01", 11},
      {"\xc1", 1},
      {"\xc7\x01\x05\x01", 4},
      {"\xc9\x00\x00\x00\x01\x09\x01", 7},
      {"\xc9\x00\x00\x00\x01\x05\x01", 7},
      {"\xc9\x00\x00\x00\x05\x05\x90", 7},
      {"\xc9\x00\x00\x00\x00\x05\x90", 7},
      {"\x92\x92\x92\x92\x92\x92\x01", 7},
  };
  for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
    struct codec_problem problem;
    assert_int_equal(codec_read(L, damaged[i].bytes, damaged[i].length, &problem),
                     UV_EPROTO);
    assert_int_equal(lua_gettop(L), 0);
  }
  unsigned char nested[200];
  struct codec_problem problem;
  memset(nested, 0x91, sizeof nested);
  assert_int_equal(codec_read(L, nested, sizeof nested, &problem), UV_EPROTO);
}

/* What stands at the head of a frame, value by value, as codec_read has it. */
static void takes_texts_and_integers(void **state) {
  lua_State *L = *state;
  struct codec_buffer buffer = {.max = 0};
  struct codec_problem problem;
  int count =
      push(L,
           "'', 'short', ('x'):rep(31), ('y'):rep(32), ('z'):rep(300), 0, -1, 127,"
           " -33, math.mininteger, math.maxinteger");
  assert_int_equal(codec_write(L, 1, count, &buffer, &problem), 0);
  struct codec_input in = {buffer.bytes, buffer.bytes + buffer.length};
  for (int i = 1; i <= count; i++) {
    struct codec_text text;
    lua_Integer value;
    bool is_text = lua_type(L, i) == LUA_TSTRING;
    assert_int_equal(codec_take_integer(&in, &value), !is_text);
    assert_int_equal(is_text && codec_take_text(&in, &text), is_text);
    if (is_text)
      lua_pushlstring(L, text.bytes, text.length);
    else
      lua_pushinteger(L, value);
    assert_true(lua_rawequal(L, i, -1));
    lua_pop(L, 1);
  }
  assert_ptr_equal(in.at, in.end);
  codec_buffer_free(&buffer);
}

/* Nothing is taken of what is something else, or cut short. */
static void takes_nothing_else(void **state) {
  lua_State *L = *state;
  static const char *const others[] = {"nil", "true", "1.5", "{}", "{ 1 }", "{ x = 1 }"};
  static const char *const cut[] = {"'short'", "('y'):rep(32)", "('z'):rep(300)",
                                    "1 << 40"};
  struct codec_buffer buffer = {.max = 0};
  struct codec_problem problem;
  struct codec_text text;
  lua_Integer value;
  for (size_t i = 0; i < sizeof others / sizeof *others + sizeof cut / sizeof *cut; i++) {
    bool is_cut = i >= sizeof others / sizeof *others;
    const char *what = is_cut ? cut[i - sizeof others / sizeof *others] : others[i];
    buffer.length = 0;
    assert_int_equal(write_all(L, what, &buffer, &problem), 0);
    lua_settop(L, 0);
    for (size_t length = 0; length < buffer.length + !is_cut; length++) {
      struct codec_input in = {buffer.bytes, buffer.bytes + length};
      assert_false(codec_take_text(&in, &text));
      assert_false(codec_take_integer(&in, &value));
      assert_ptr_equal(in.at, buffer.bytes);
    }
  }
  codec_buffer_free(&buffer);
}

static void keeps_no_large_buffer(void **state) {
  lua_State *L = *state;
  struct codec_buffer buffer = {.max = 1 << 20};
  struct codec_problem problem;
  assert_int_equal(write_all(L, "('x'):rep(1000)", &buffer, &problem), 0);
  codec_buffer_trim(&buffer);
  assert_non_null(buffer.bytes);
  lua_settop(L, 0);
  assert_int_equal(write_all(L, "('x'):rep(200000)", &buffer, &problem), 0);
  codec_buffer_trim(&buffer);
  assert_null(buffer.bytes);
  assert_int_equal(buffer.capacity, 0);
  assert_int_equal(buffer.max, 1 << 20);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(writes_and_reads_what_can_be_sent, setup, teardown),
      cmocka_unit_test_setup_teardown(copies_what_can_be_sent, setup, teardown),
      cmocka_unit_test_setup_teardown(refuses_the_rest_and_names_the_place, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(control_just_within_the_limits, setup, teardown),
      cmocka_unit_test_setup_teardown(reads_nothing_deeper_than_it_writes, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(reads_no_part_of_a_message_as_another, setup,
                                      teardown),
      cmocka_unit_test_setup_teardown(refuses_bytes_that_nobody_wrote, setup, teardown),
      cmocka_unit_test_setup_teardown(takes_texts_and_integers, setup, teardown),
      cmocka_unit_test_setup_teardown(takes_nothing_else, setup, teardown),
      cmocka_unit_test_setup_teardown(keeps_no_large_buffer, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
