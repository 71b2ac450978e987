/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A look-up beside a loop: a thread of its own for each, rather than libuv's pool, since it may wait long
 * for an emulator or for another process's lock, and a pool of four would be full of waiting. The thread is
 * joined on the loop before the callback runs. Its private context has a pipe as a canceller.
 */

#include <errno.h>
#include <fcntl.h>
#include <uv.h>

#include "base/i18n.h"
#include "base/util.h"
#include "emulator/context.h"
#include "emulator/facts.h"
#include "feature/catalogue.h"
#include "store/store.h"

struct MusterLookup {
        uv_async_t finished;
        uv_thread_t thread;
        MusterContext *context;
        int cancel[2];
        MusterStore *store;
        MusterCatalogue *catalogue;
        char *target;
        unsigned flags;
        MusterLookupFn done;
        void *userdata;

        int result;
        MusterFacts *facts;
        MusterLookupInfo info;
        MusterError *error;
};

static void lookup_free(MusterLookup *lookup)
{
        for (size_t i = 0; i < ELEMENTSOF(lookup->cancel); i++)
                if (lookup->cancel[i] >= 0)
                        close(lookup->cancel[i]);
        muster_context_free(lookup->context);
        muster_store_unref(lookup->store);
        muster_catalogue_unref(lookup->catalogue);
        muster_facts_unref(lookup->facts);
        muster_error_free(lookup->error);
        free(lookup->target);
        free(lookup);
}

DEFINE_CLEANUP(MusterLookup, lookup_free);

static void on_closed(uv_handle_t *handle)
{
        lookup_free(handle->data);
}

static void on_finished(uv_async_t *async)
{
        MusterLookup *lookup = async->data;

        uv_thread_join(&lookup->thread);
        lookup->done(lookup->result, lookup->facts, &lookup->info, lookup->error, lookup->userdata);
        uv_close((uv_handle_t *)async, on_closed);
}

static void work(void *userdata)
{
        MusterLookup *lookup = userdata;

        lookup->result = muster_lookup(lookup->store, lookup->context, lookup->catalogue, lookup->target,
                                       lookup->flags, &lookup->facts, &lookup->info, &lookup->error);
        (void)uv_async_send(&lookup->finished);
}

static int copy_context(const MusterContext *context, MusterLookup *lookup)
{
        int r;

        r = muster_context_new(&lookup->context);
        if (r < 0)
                return r;
        lookup->context->timeout_usec = context->timeout_usec;
        lookup->context->change_user = context->change_user;
        lookup->context->uid = context->uid;
        lookup->context->gid = context->gid;
        if (context->user) {
                lookup->context->user = strdup(context->user);
                if (!lookup->context->user)
                        return -ENOMEM;
        }
        if (pipe2(lookup->cancel, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        muster_context_set_cancel_fd(lookup->context, lookup->cancel[0]);
        return 0;
}

static int lookup_new(MusterStore *store, const MusterContext *context, MusterCatalogue *catalogue,
                      const char *target, MusterLookup **ret)
{
        CLEANUP(MusterLookup) MusterLookup *lookup = calloc(1, sizeof(*lookup));
        int r;

        if (!lookup)
                return -ENOMEM;
        lookup->cancel[0] = lookup->cancel[1] = -1;
        lookup->target = strdup(target);
        if (!lookup->target)
                return -ENOMEM;
        lookup->store = muster_store_ref(store);
        lookup->catalogue = muster_catalogue_ref(catalogue);
        r = copy_context(context, lookup);
        if (r < 0)
                return r;
        *ret = TAKE(lookup);
        return 0;
}

_public_ int muster_lookup_start(struct uv_loop_s *loop, MusterStore *store, const MusterContext *context,
                                 MusterCatalogue *catalogue, const char *target, unsigned flags,
                                 MusterLookupFn done, void *userdata, MusterLookup **ret,
                                 MusterError **ret_error)
{
        CLEANUP(MusterLookup) MusterLookup *lookup = NULL;
        int r;

        r = lookup_new(store, context, catalogue, target, &lookup);
        if (r == 0)
                r = uv_async_init(loop, &lookup->finished, on_finished);
        if (r < 0)
                return error_errno(ret_error, r, _("The look-up of %s cannot be started"), target);
        lookup->finished.data = lookup;
        lookup->flags = flags;
        lookup->done = done;
        lookup->userdata = userdata;
        r = uv_thread_create(&lookup->thread, work, lookup);
        if (r < 0) {
                /* The loop has the handle now, so it frees it. */
                uv_close((uv_handle_t *)&lookup->finished, on_closed);
                lookup = NULL;
                return error_errno(ret_error, r, _("No thread can be started to look up %s"), target);
        }
        HAND_OVER(ret, lookup);
        lookup = NULL;
        return 0;
}

_public_ void muster_lookup_cancel(MusterLookup *lookup)
{
        /* Full: it was cancelled already. */
        (void)!write(lookup->cancel[1], "", 1);
}
