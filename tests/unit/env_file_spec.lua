-- SPDX-License-Identifier: Apache-2.0

local env_file = require "luvisor.core.env_file"

local function reads(expected, text)
  assert.same(expected, assert(env_file.parse(text)))
end

local function refused(line, expected, text)
  local variables, message, at = env_file.parse(text)
  assert.is_nil(variables)
  assert.equal(expected, message)
  assert.equal(line, at)
end

describe("an environment file", function()
  it("has a NAME=value a line, blank lines and comments (basic_parse_and_comments)", function()
    reads({ A = "1", B = "two words", C_3 = "" }, "A=1\n\n  # a comment = x\n; another\n\tB = two words \nC_3=\n")
    reads({ A = "1" }, "A=1")
    reads({ A = "1", B = "2" }, "A=1\r\nB=2\r\n")
    reads({}, "")
    reads({}, "\n \n#\n#x\\\n")
  end)

  it("takes the last of a name", function() reads({ A = "2" }, "A=1\nA=2\n") end)

  it("keeps what stands in a value: =, #, ;, quotes inside, no expansion", function()
    reads({ A = "b=c #d;e", B = [[x"y"'z']], C = "$HOME `id` $(id) %i" },
      "A=b=c #d;e\nB=x\"y\"'z'\nC=$HOME `id` $(id) %i\n")
  end)

  it("takes single quotes literally, over several lines", function()
    reads({ A = [[ a "b" \n ]], B = "one\ntwo", C = "x" }, [[A=' a "b" \n ']] .. "\nB='one\ntwo'\nC=x\n")
  end)

  it("takes a backslash in double quotes where a shell would", function()
    reads({ A = [[a"b\c`d$e\f]] }, [[A="a\"b\\c\`d\$e\f"]])
    reads({ A = "onetwo\nthree" }, "A=\"one\\\ntwo\nthree\"\n")
  end)

  it("takes a backslash without quotes: the next character, or the next line", function()
    reads({ A = [[a b\c]], B = "2" }, "A=a\\ b\\\\c\nB=2\n")
    reads({ A = "one two", B = "2" }, "A=one \\\ntwo\nB=2\n")
    reads({ A = "ends in a blank ", B = "last" }, "A=ends in a blank\\   \nB=last\\")
  end)

  it("joins quoted parts, as systemd does", function()
    reads({ A = "one twothree" }, "A=\"one \"'two'three  \n")
    reads({ A = "" }, "A=\"\"\n")
  end)

  it("names the line of what is malformed, and shows none of it (malformed_line_is_hard_error)", function()
    refused(2, "expected NAME=value", "A=1\nsecret\nB=2\n")
    refused(5, "expected NAME=value", "A='1\n2'\nB=x\\\ny\nz")
    local name = 'not the name of a variable before the "=" (letters, digits and _, no export)'
    refused(1, name, "export A=1\n")
    refused(1, name, "=1\n")
    refused(1, name, "1A=1\n")
    refused(3, name, "\n\nA-B=1\n")
    refused(2, "unbalanced single quote", "A=1\nB='x\nC=2\n")
    refused(1, "unbalanced double quote", 'A="x\\"\n')
    refused(1, "a NUL in the value", "A=x\0y\n")
  end)
end)
