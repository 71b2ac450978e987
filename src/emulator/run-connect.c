/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A monitor takes one client. While another holds it, the kernel still accepts our connection into the
 * listener's queue and nothing ever comes: so the greeting, which QEMU sends at once, gets a short deadline
 * of its own.
 */

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "emulator/run-private.h"

#define GREETING_USEC (3 * USEC_PER_SEC)

static void on_greeting_overdue(uv_timer_t *timer)
{
        *(bool *)timer->data = true;
}

static void on_timer_closed(uv_handle_t *handle)
{
        *(bool *)handle->data = true;
}

/* 0, or -EAGAIN when the time for the greeting is over, or what ended the run. */
static int await_ready(Run *run, MusterError **ret_error)
{
        bool over = false, late;
        uv_timer_t timer;
        int r;

        r = uv_timer_init(&run->loop, &timer);
        if (r < 0)
                return error_errno(ret_error, r, _("No timer can be made"));
        timer.data = &over;
        (void)uv_timer_start(&timer, on_greeting_overdue, GREETING_USEC / USEC_PER_MSEC, /* repeat= */ 0);
        while (!run->ready && !over && !run->closed && !run->cancelled && !run->overdue)
                (void)uv_run(&run->loop, UV_RUN_ONCE);
        late = over || run->overdue;
        over = false;
        uv_close((uv_handle_t *)&timer, on_timer_closed);
        while (!over)
                (void)uv_run(&run->loop, UV_RUN_NOWAIT);
        if (run->ready)
                return 0;
        return late && !run->closed && !run->cancelled ? -EAGAIN : run_explain_end(run, ret_error);
}

int run_connect(MusterContext *context, const char *address, Run **ret, MusterError **ret_error)
{
        CLEANUP(Run) Run *run = NULL;
        QmpClient *client = NULL;
        const char *path = startswith(address, "unix:");
        int r;

        if (!path || !*path)
                return error_set(ret_error, -EINVAL, _("%s is no address of a monitor; write unix:PATH."),
                                 address);
        r = run_new(context, address, now_usec() + context->timeout_usec, &run, ret_error);
        if (r < 0)
                return r;
        r = qmp_client_connect(&run->loop, path, &client, ret_error);
        if (r < 0)
                return r;
        run_attach(run, client);
        r = await_ready(run, ret_error);
        if (r == -EAGAIN && !qmp_session_greeting(qmp_client_session(client)))
                return error_set(ret_error, -EBUSY,
                                 _("The monitor at %s does not greet: another client holds it, or the "
                                   "emulator hangs; "
                                   "give the emulator a second -qmp socket."),
                                 path);
        if (r == -EAGAIN)
                return error_set(ret_error, -ETIMEDOUT, _("The monitor at %s greeted and then fell silent."),
                                 path);
        if (r < 0)
                return r;
        r = qmp_client_peer_pid(client, &run->speaker);
        if (r < 0 || run->speaker <= 0)
                return error_set(
                        ret_error, r < 0 ? r : -ESRCH,
                        _("The process behind %s cannot be seen from here; run muster where it runs."),
                        path);
        /* A storage daemon is told by its answers (probe.c); until then it is taken for what most are. */
        run->kind = MUSTER_EMULATOR_SYSTEM;
        *ret = TAKE(run);
        return 0;
}
