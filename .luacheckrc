-- SPDX-License-Identifier: Apache-2.0
std = "lua54"
max_line_length = 120
exclude_files = { "build" }
files["tests"] = { std = "+busted" }
files["tests/support/busted.lua"] = { globals = { "arg" } }
files["lua/meta"] = { ignore = { "212" } } -- declarations use no argument
