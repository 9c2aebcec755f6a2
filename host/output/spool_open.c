/* SPDX-License-Identifier: Apache-2.0 */
/* Spool: see spool.h; how one comes to be. Thread: loop. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "output/spool_store.h"

static int start_thread(struct spools *spools) {
  sigset_t all, old;
  if (spools->started) return 0;
  sigfillset(&all); /* the thread takes none, not even its own SIGXFSZ */
  pthread_sigmask(SIG_SETMASK, &all, &old);
  int error = pthread_create(&spools->thread, NULL, spool_run, spools);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  spools->started = error == 0;
  return -error;
}

static struct spool *find(struct spools *spools, const char *path) {
  struct spool *spool = spools->all;
  pthread_mutex_lock(&spools->lock);
  while (spool && (spool->closed || strcmp(spool->path, path) != 0)) spool = spool->next;
  if (spool) spool->users++;
  pthread_mutex_unlock(&spools->lock);
  return spool;
}

/* What it is known by; each sender to the system's log has one of its own. */
static char *name_of(const struct spool_options *options) {
  const struct syslogger_options *syslog = &options->syslog;
  if (!syslog->path) return strdup(options->file.path);
  size_t size = strlen(syslog->path) + strlen(syslog->ident) + 32;
  char *name = malloc(size);
  if (name)
    snprintf(name, size, "syslog %s %s/%d", syslog->path, syslog->ident,
             syslog->priority);
  return name;
}

static void destroy(struct spool *spool) {
  if (!spool) return;
  free(spool->path);
  syslogger_free(spool->logger);
  free(spool);
}

static struct squeezer *squeezer_for(struct spools *spools,
                                     const struct spool_options *options) {
  if (options->gzip && !spools->squeezer) spools->squeezer = squeezer_new();
  return options->gzip ? spools->squeezer : NULL;
}

bool spools_limit(struct spools *spools, const struct spool_options *options) {
  struct spool *spool = find(spools, options->file.path);
  if (!spool) return false;
  struct squeezer *squeezer = squeezer_for(spools, options);
  pthread_mutex_lock(&spools->lock);
  spool->limits = options->file;
  spool->limits.path = spool->path;
  spool->limits.squeezer = squeezer;
  spool->limit = true;
  spool_line_up(spool);
  pthread_mutex_unlock(&spools->lock);
  spool_release(spool);
  return true;
}

/* Takes the name over. */
static struct spool *make(struct spools *spools, const struct spool_options *options,
                          char *name) {
  struct spool *spool = calloc(1, sizeof *spool);
  if (!spool) {
    free(name);
    return NULL;
  }
  spool->spools = spools;
  spool->path = name;
  spool->users = 1;
  spool->options = options->file;
  spool->options.path = name;
  spool->options.squeezer = squeezer_for(spools, options);
  if (!options->syslog.path) return spool;
  spool->logger = syslogger_new(&options->syslog);
  if (spool->logger) return spool;
  destroy(spool);
  return NULL;
}

/* Finds the spool, or makes one: *made. */
static int obtain(struct spools *spools, const struct spool_options *options,
                  struct spool **out, bool *made) {
  char *name = name_of(options);
  *out = NULL;
  *made = false;
  if (!name) return UV_ENOMEM;
  *out = find(spools, name);
  if (*out) {
    free(name);
    return 0;
  }
  *made = true;
  *out = make(spools, options, name);
  return *out ? start_thread(spools) : UV_ENOMEM;
}

static void enlist(struct spool *spool) {
  spool->next = spool->spools->all;
  spool->spools->all = spool;
}

/* Nobody may hold what may not come to be. */
static int join_open(struct spool *spool) {
  pthread_mutex_lock(&spool->spools->lock);
  bool opening = spool->opening;
  pthread_mutex_unlock(&spool->spools->lock);
  if (!opening) return 0;
  spool_release(spool);
  return UV_EBUSY;
}

int spool_open(struct spools *spools, const struct spool_options *options,
               struct spool **out) {
  bool made;
  int error = obtain(spools, options, out, &made);
  if (!made && !error) return join_open(*out);
  if (!error && !(*out)->logger) error = logfile_open(&(*out)->options, &(*out)->file);
  if (error) {
    destroy(*out);
    *out = NULL;
    return error;
  }
  enlist(*out);
  return 0;
}

static void line_up_to_open(struct spool *spool) {
  enlist(spool);
  if (spool->logger) return;
  pthread_mutex_lock(&spool->spools->lock);
  spool->opening = true;
  spool_line_up(spool);
  pthread_mutex_unlock(&spool->spools->lock);
}

int spool_open_later(struct spools *spools, const struct spool_options *options,
                     spool_opened call, void *data) {
  struct spool *spool;
  bool made;
  struct spool_opener *opener = calloc(1, sizeof *opener);
  int error = opener ? obtain(spools, options, &spool, &made) : UV_ENOMEM;
  if (error) {
    if (opener && made) destroy(spool);
    free(opener);
    return error;
  }
  *opener = (struct spool_opener){spool->openers, call, data};
  spool->openers = opener;
  if (made) line_up_to_open(spool);
  uv_async_send(&spools->news); /* it may be open already */
  return 0;
}

void spool_tell_openers(struct spool *spool) {
  pthread_mutex_lock(&spool->spools->lock);
  bool is_known = !spool->opening;
  int error = spool->open_error;
  if (is_known && error) spool->users = 0;
  pthread_mutex_unlock(&spool->spools->lock);
  if (!is_known) return;
  for (struct spool_opener *opener; (opener = spool->openers);) {
    spool->openers = opener->next;
    opener->call(opener->data, error ? NULL : spool, error);
    free(opener);
  }
}
