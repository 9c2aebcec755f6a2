/* SPDX-License-Identifier: Apache-2.0 */
/* Main: hands the command line to the host. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <uv.h>

#include "host.h"

/* Started without them, the host would get other files as 0, 1 and 2, and write its log
 * there. */
static void fill_standard_fds(void) {
  for (int fd = 0; fd <= 2; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0) _exit(1);
}

int main(int argc, char **argv) {
  struct host *host;
  fill_standard_fds();
  argv = uv_setup_args(argc, argv);
  int r = host_new(&host);
  if (r < 0) {
    fprintf(stderr, "luvisor: cannot start: %s\n", uv_strerror(r));
    return 1;
  }
  int code = host_run(host, argc, argv);
  if (!host_free(host)) _exit(code); /* a blocked call holds on to the loop */
  return code;
}
