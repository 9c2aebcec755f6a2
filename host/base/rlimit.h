/* SPDX-License-Identifier: Apache-2.0 */
/* Rlimit: the names of the resources that setrlimit() bounds. Owns nothing. Thread: any. */
#pragma once
#include <sys/resource.h>

/* The name of a resource, as in RLIMIT_NOFILE -> "nofile", or NULL when there is none.
 * Static. Thread: any. */
const char *rlimit_name(int resource);

/* The resource of that name, or a negative libuv code. Thread: any. */
int rlimit_resource(const char *name);
