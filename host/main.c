/* SPDX-License-Identifier: Apache-2.0 */
/* Main: hands the command line to the host. */
#include <stdio.h>
#include <uv.h>

#include "host.h"

int main(int argc, char **argv) {
  struct host *host;
  argv = uv_setup_args(argc, argv);
  int r = host_new(&host);
  if (r < 0) {
    fprintf(stderr, "luvisor: cannot start: %s\n", uv_strerror(r));
    return 1;
  }
  int code = host_run(host, argc, argv);
  host_free(host);
  return code;
}
