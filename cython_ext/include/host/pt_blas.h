/* The threads of a BLAS library: limited to one, and pieces of one call distributed over ours.

   The threads of a library synchronize inside a product. If another process occupies a CPU, each
   barrier lasts until the operating system schedules the missing thread, and a product takes up to
   a hundred times longer than on one thread. So during our calls the library is limited to one
   thread; and independent pieces of a large call are taken from a counter by the calling thread and
   by helpers. The caller never waits for a helper to start, only for a piece that one has begun. */
#ifndef PT_BLAS_H
#define PT_BLAS_H

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>

/* The setting of one library. It has `get` and `set`, for the process; or `get` and `set_here`, for
   the calling thread (which returns the previous value); or none. */
typedef struct pt_bound {
    int (*get)(void);
    void (*set)(int);
    int (*set_here)(int);
    pthread_mutex_t lock;
    int holders; /* calls and samplers that limit the library to one thread */
    int before;  /* the value to restore when the last of them leaves; 0: none */
    struct pt_bound *next;
} pt_bound;

static pt_bound *pt_bounds = NULL;
static int pt_forks = 0; /* number of forks since the first process, in forked children */

/* A fork copies the memory and one thread. In the child no lock may be held by a missing thread,
   and no call of one counted; `before` is preserved, and restored by the next to leave. */
static void pt_before_fork(void) {
    for (pt_bound *b = pt_bounds; b; b = b->next) pthread_mutex_lock(&b->lock);
}

static void pt_in_parent(void) {
    for (pt_bound *b = pt_bounds; b; b = b->next) pthread_mutex_unlock(&b->lock);
}

static void pt_in_child(void) {
    pt_forks += 1;
    for (pt_bound *b = pt_bounds; b; b = b->next) {
        b->holders = 0;
        pthread_mutex_init(&b->lock, NULL);
    }
}

/* The setting of a library, shared by all modules that call it. Never freed. NULL: no memory. */
static pt_bound *pt_bound_of(void *get, void *set, void *set_here) {
    pt_bound *b = pt_bounds;
    while (b && ((void *)b->set != set || (void *)b->set_here != set_here)) b = b->next;
    if (b || !(b = calloc(1, sizeof *b))) return b;
    b->get = (int (*)(void))get;
    b->set = (void (*)(int))set;
    b->set_here = (int (*)(int))set_here;
    pthread_mutex_init(&b->lock, NULL);
    if (!pt_bounds) pthread_atfork(pt_before_fork, pt_in_parent, pt_in_child);
    b->next = pt_bounds;
    pt_bounds = b;
    return b;
}

/* Limit the library to one thread until `pt_leave` with the same token. Returns how many threads
   the library would have used; 1 if another call is active or there is no setting. */
static int pt_enter(pt_bound *b, int *token) {
    int threads = 1, inside = __atomic_load_n(&b->holders, __ATOMIC_ACQUIRE);
    if (b->set_here) {
        if (__atomic_fetch_add(&b->holders, 1, __ATOMIC_ACQ_REL) == 0) threads = b->get();
        *token = b->set_here(1);
        return threads;
    }
    if (!b->set) return 1;
    /* Only the first to enter and the last to leave change the setting, so only they take the lock.
       */
    while (inside > 0)
        if (__atomic_compare_exchange_n(&b->holders, &inside, inside + 1, 1, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            return 1;
    pthread_mutex_lock(&b->lock);
    if (__atomic_load_n(&b->holders, __ATOMIC_ACQUIRE) == 0) {
        if (!b->before) {
            threads = b->get();
            if (threads > 1) {
                b->set(1);
                b->before = threads;
            }
        } else {
            threads = b->before;
        }
    }
    __atomic_fetch_add(&b->holders, 1, __ATOMIC_ACQ_REL);
    pthread_mutex_unlock(&b->lock);
    return threads;
}

/* Restore the previous value, unless it was changed since. Called with the lock. */
static void pt_restore(pt_bound *b) {
    if (b->before && b->get() == 1) b->set(b->before);
    b->before = 0;
}

static void pt_leave(pt_bound *b, int token) {
    int inside = __atomic_load_n(&b->holders, __ATOMIC_ACQUIRE);
    if (b->set_here) {
        b->set_here(token);
        __atomic_fetch_sub(&b->holders, 1, __ATOMIC_ACQ_REL);
        return;
    }
    if (!b->set) return;
    while (inside > 1)
        if (__atomic_compare_exchange_n(&b->holders, &inside, inside - 1, 1, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            return;
    pthread_mutex_lock(&b->lock);
    if (__atomic_fetch_sub(&b->holders, 1, __ATOMIC_ACQ_REL) == 1) pt_restore(b);
    pthread_mutex_unlock(&b->lock);
}

/* In a child: the active calls are the parent's. */
static void pt_restore_all(void) {
    for (pt_bound *b = pt_bounds; b; b = b->next) {
        pthread_mutex_lock(&b->lock);
        if (!b->holders && b->set) pt_restore(b);
        pthread_mutex_unlock(&b->lock);
    }
}

/* Pieces of one call. It outlives the call: a helper that starts late finds no pieces left, and
   does not access `context`, which is the caller's. */
#define PT_SHARES 256

typedef void (*pt_piece_fn)(void *context, int64_t piece);

typedef struct {
    pt_piece_fn work;
    void *context;
    int (*set_here)(int);
    int64_t pieces, step, next, done; /* `step`: pieces taken at a time */
    int users;
    pthread_mutex_t lock;
    pthread_cond_t finished;
} pt_share;

static void pt_take(pt_share *s) {
    int64_t first, end;
    while ((first = __atomic_fetch_add(&s->next, s->step, __ATOMIC_RELAXED)) < s->pieces) {
        end = first + s->step < s->pieces ? first + s->step : s->pieces;
        for (int64_t piece = first; piece < end; piece++) s->work(s->context, piece);
        pthread_mutex_lock(&s->lock);
        s->done += end - first;
        if (s->done == s->pieces) pthread_cond_signal(&s->finished);
        pthread_mutex_unlock(&s->lock);
    }
}

static void pt_drop(pt_share *s) {
    pthread_mutex_lock(&s->lock);
    int left = --s->users;
    pthread_mutex_unlock(&s->lock);
    if (left) return;
    pthread_cond_destroy(&s->finished);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static void *pt_help(void *share) {
    pt_share *s = share;
    if (s->set_here) s->set_here(1);
    pt_take(s);
    pt_drop(s);
    return NULL;
}

/* Start up to `helpers` threads, with signals blocked. */
static void pt_start_helpers(pt_share *s, int helpers) {
    pthread_t thread;
    pthread_attr_t detached;
    sigset_t all, mine;
    if (pthread_attr_init(&detached)) return;
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mine);
    for (; helpers > 0; helpers--) {
        pthread_mutex_lock(&s->lock);
        s->users++;
        pthread_mutex_unlock(&s->lock);
        if (pthread_create(&thread, &detached, pt_help, s)) {
            pt_drop(s);
            break;
        }
    }
    pthread_sigmask(SIG_SETMASK, &mine, NULL);
    pthread_attr_destroy(&detached);
}

/* work(context, piece) for each piece, on up to `threads` threads; returns after all are done. */
static void pt_share_out(pt_bound *b, pt_piece_fn work, void *context, int64_t pieces,
                         int64_t threads) {
    pt_share *s = threads > 1 && pieces > 1 ? calloc(1, sizeof *s) : NULL;
    if (!s) {
        for (int64_t piece = 0; piece < pieces; piece++) work(context, piece);
        return;
    }
    s->work = work;
    s->context = context;
    s->set_here = b->set_here;
    s->pieces = pieces;
    s->step = pieces > PT_SHARES ? pieces / PT_SHARES : 1;
    s->users = 1;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->finished, NULL);
    pt_start_helpers(s, (int)(threads < pieces ? threads : pieces) - 1);
    pt_take(s);
    pthread_mutex_lock(&s->lock);
    while (s->done < s->pieces) pthread_cond_wait(&s->finished, &s->lock);
    pthread_mutex_unlock(&s->lock);
    pt_drop(s);
}

#endif
