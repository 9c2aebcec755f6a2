/* SPDX-License-Identifier: Apache-2.0 */
/* Crew: the threads of libuv's pool, made before libuv asks for them. libuv makes all of them at
 * the first request that needs one (a name to look up, a file to read in the background), and
 * aborts where there can be none, as under a limit of processes. So they are made here first, and
 * handed to it; where one is wanting, the request is answered with UV_ECANCELED, and the next one
 * tries again. The linker puts these functions before those of libuv (see CMakeLists.txt).
 * Owns the threads until they are handed over. Thread: any. */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <uv.h>

enum { USUAL = 4, MOST = 1024 }; /* as libuv has it */

struct hand {
  pthread_t thread;
  uv_thread_cb work; /* NULL: it is not needed */
  void *arg;
  uv_sem_t go;
  struct hand *next;
};

int __real_uv_queue_work(uv_loop_t *loop, uv_work_t *request, uv_work_cb work,
                         uv_after_work_cb done);
int __wrap_uv_queue_work(uv_loop_t *loop, uv_work_t *request, uv_work_cb work,
                         uv_after_work_cb done);
void __real_uv__work_submit(uv_loop_t *loop, struct uv__work *request, int kind,
                            void (*work)(struct uv__work *),
                            void (*done)(struct uv__work *, int));
int __real_uv_thread_create(uv_thread_t *thread, uv_thread_cb work, void *arg);
void __wrap_uv__work_submit(uv_loop_t *loop, struct uv__work *request, int kind,
                            void (*work)(struct uv__work *),
                            void (*done)(struct uv__work *, int));
int __wrap_uv_thread_create(uv_thread_t *thread, uv_thread_cb work, void *arg);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool complete;                   /* libuv has its threads */
static _Thread_local struct hand *idle; /* while they are handed over */

static void *wait_for_work(void *arg) {
  struct hand *hand = arg;
  uv_sem_wait(&hand->go);
  uv_thread_cb work = hand->work;
  void *with = hand->arg;
  uv_sem_destroy(&hand->go);
  free(hand);
  if (work) work(with);
  return NULL;
}

static int wanted(void) {
  const char *said = getenv("UV_THREADPOOL_SIZE");
  int count = said ? atoi(said) : USUAL;
  return count < 1 ? 1 : count > MOST ? MOST : count;
}

static bool add_hand(void) {
  struct hand *hand = calloc(1, sizeof *hand);
  if (!hand) return false;
  uv_sem_init(&hand->go, 0);
  if (pthread_create(&hand->thread, NULL, wait_for_work, hand) == 0) {
    hand->next = idle;
    idle = hand;
    return true;
  }
  uv_sem_destroy(&hand->go);
  free(hand);
  return false;
}

static struct hand *take_hand(void) {
  struct hand *hand = idle;
  if (hand) idle = hand->next;
  return hand;
}

static void send_home(void) {
  for (struct hand *hand; (hand = take_hand()) != NULL;) {
    pthread_detach(hand->thread);
    uv_sem_post(&hand->go);
  }
}

int __wrap_uv_thread_create(uv_thread_t *thread, uv_thread_cb work, void *arg) {
  struct hand *hand = take_hand();
  if (!hand) return __real_uv_thread_create(thread, work, arg);
  hand->work = work;
  hand->arg = arg;
  *thread = hand->thread;
  uv_sem_post(&hand->go);
  return 0;
}

/* The function that hears of the end is kept where libuv has the one that does the work. */
union function {
  void (*work)(struct uv__work *);
  void (*done)(struct uv__work *, int);
};

static void refused(struct uv__work *request, int status) {
  union function kept = {.work = request->work};
  (void)status;
  kept.done(request, UV_ECANCELED);
}

/* Has the loop hear of it as of a request that is over. */
static void refuse(uv_loop_t *loop, struct uv__work *request,
                   void (*done)(struct uv__work *, int)) {
  request->loop = loop;
  request->work = (union function){.done = done}.work;
  request->done = refused;
  uv_mutex_lock(&loop->wq_mutex);
  void **last = loop->wq[1];
  request->wq[0] = loop->wq;
  request->wq[1] = last;
  last[0] = request->wq;
  loop->wq[1] = request->wq;
  uv_async_send(&loop->wq_async);
  uv_mutex_unlock(&loop->wq_mutex);
}

/* Whether libuv has all the threads that it wants, or finds them here. Followed by end_muster. */
static bool muster(void) {
  pthread_mutex_lock(&lock);
  bool enough = true;
  for (int i = complete ? 0 : wanted(); i > 0 && enough; i--) enough = add_hand();
  return enough;
}

static void end_muster(bool used) {
  complete = complete || used;
  send_home();
  pthread_mutex_unlock(&lock);
}

void __wrap_uv__work_submit(uv_loop_t *loop, struct uv__work *request, int kind,
                            void (*work)(struct uv__work *),
                            void (*done)(struct uv__work *, int)) {
  bool enough = muster();
  if (enough) __real_uv__work_submit(loop, request, kind, work, done);
  end_muster(enough);
  if (!enough) refuse(loop, request, done);
}

/* libuv's own goes to the other one without passing by here. */
int __wrap_uv_queue_work(uv_loop_t *loop, uv_work_t *request, uv_work_cb work,
                         uv_after_work_cb done) {
  bool enough = muster();
  int status = enough ? __real_uv_queue_work(loop, request, work, done) : UV_EAGAIN;
  end_muster(enough && status == 0);
  return status;
}
