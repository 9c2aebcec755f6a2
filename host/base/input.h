/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a file that a program reads as its stdin. Owns nothing. Thread: any. */
#pragma once

/* Opens [path] for reading and returns an owned fd or a negative libuv code; anything but a
 * regular file or a character device is refused (UV_EINVAL). Never waits. Thread: any. */
int input_open_file(const char *path);
