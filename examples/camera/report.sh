#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# How many frames there were so far, and how many bad ends.
set -eu
cd "$CAMERA_DATA"
{
  echo "last frame: $(cat frame.json 2> /dev/null || echo none)"
  echo "bad ends: $(cat events.txt 2> /dev/null | wc -l)"
} > report.part
mv report.part report.txt
