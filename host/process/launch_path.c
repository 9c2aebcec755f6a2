/* SPDX-License-Identifier: Apache-2.0 */
/* Launch path: see launch_path.h. Thread: any. */
#include "process/launch_path.h"

#include <stdlib.h>
#include <string.h>

static const char *const default_path = "/usr/local/bin:/usr/bin:/bin";

static const char *path_of(char *const *envp) {
  for (; envp && *envp; envp++)
    if (strncmp(*envp, "PATH=", 5) == 0) return *envp + 5;
  return default_path;
}

static size_t entry_count(const char *path) {
  size_t count = 1;
  for (; *path; path++)
    if (*path == ':') count++;
  return count;
}

static char *append(char *out, const char *bytes, size_t len) {
  memcpy(out, bytes, len);
  return out + len;
}

static char *append_entry(char *out, const char *entry, size_t len, const char *file) {
  if (len == 0 || entry[0] != '/') return out;
  out = append(out, entry, len);
  out = append(out, "/", 1);
  return append(out, file, strlen(file) + 1);
}

char *launch_path_candidates(const char *file, char *const *envp) {
  const char *path = strchr(file, '/') ? "" : path_of(envp);
  size_t room = strlen(path) + (entry_count(path) + 1) * (strlen(file) + 2) + 1;
  char *list = malloc(room), *out = list;
  if (!list) return NULL;
  if (strchr(file, '/')) out = append(out, file, strlen(file) + 1);
  while (*path && *file) {
    size_t len = strcspn(path, ":");
    out = append_entry(out, path, len, file);
    path += len + (path[len] == ':');
  }
  *out = '\0';
  return list;
}
