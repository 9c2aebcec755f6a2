/* SPDX-License-Identifier: Apache-2.0 */
/* Syslogger: lines to the system's log, each a message "<PRIORITY>TIME IDENT: LINE" to a
 * datagram socket, or a stream socket, such as /dev/log.
 *
 * Connects again when it is lost. A log that takes nothing for a quarter of a second is an
 * error, and what was to be sent is lost: nobody waits for it longer than that.
 * Owns the socket. Thread: one at a time. */
#pragma once
#include <stddef.h>

struct syslogger;

struct syslogger_options {
  const char *path;  /* of the socket; copied, as is the next */
  const char *ident; /* what the messages are from */
  int priority;      /* facility * 8 + severity */
};

/* Returns owned, not connected yet; NULL without memory. */
struct syslogger *syslogger_new(const struct syslogger_options *options);

/* Sends whole lines. On failure returns a negative libuv code, and the rest of the lines is
 * lost: [lost] counts them. */
int syslogger_write(struct syslogger *logger, const char *bytes, size_t len,
                    unsigned long *lost);

/* NULL is fine. */
void syslogger_free(struct syslogger *logger);
