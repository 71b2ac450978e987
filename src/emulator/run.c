/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One emulator, one private loop, one deadline. Between calls the loop stands still; within a call it turns
 * until what was waited for, or one of four ends: the session closed, the deadline, the canceller.
 *
 * The end of an emulator is the end of its stream, not that of the child: bytes that it wrote before it died
 * are still to be read then, and a wrapper may leave the talking to another process. Only afterwards the
 * child's status is waited for, briefly, since it belongs into the sentence.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "base/i18n.h"
#include "base/util.h"
#include "emulator/run-private.h"

#define LINGER_MSEC 250
#define WHY_MAX     512

unsigned low_fds_occupy(void)
{
        unsigned low_fds = 0;
        int fd;

        while ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0 && fd <= STDERR_FILENO)
                low_fds |= 1U << fd;
        if (fd >= 0)
                close(fd);
        return low_fds;
}

void low_fds_release(unsigned low_fds)
{
        for (int fd = 0; fd <= STDERR_FILENO; fd++)
                if (low_fds & (1U << fd))
                        close(fd);
}

static void on_deadline(uv_timer_t *timer)
{
        Run *run = timer->data;

        run->overdue = true;
}

static void on_cancel(uv_poll_t *poll, int status, int events)
{
        Run *run = poll->data;

        run->cancelled = true;
        (void)uv_poll_stop(poll);
}

static uint64_t remaining_msec(const Run *run)
{
        uint64_t now = now_usec();

        return run->deadline > now ? (run->deadline - now) / USEC_PER_MSEC + 1 : 0;
}

uint64_t run_remaining_usec(const Run *run)
{
        return (remaining_msec(run) + 1) * USEC_PER_MSEC;
}

/* libuv makes the descriptor non-blocking; it is the caller's, so it gets its flags back. */
static int watch_cancel_fd(Run *run, int fd)
{
        int flags = fcntl(fd, F_GETFL), r;

        if (flags < 0)
                return -errno;
        r = uv_poll_init(&run->loop, &run->cancel, fd);
        (void)fcntl(fd, F_SETFL, flags);
        if (r < 0)
                return r;
        run->has_cancel = true;
        run->cancel.data = run;
        return uv_poll_start(&run->cancel, UV_READABLE, on_cancel);
}

static int open_loop(Run *run)
{
        int r;

        r = uv_loop_init(&run->loop);
        if (r < 0)
                return r;
        run->has_loop = true;
        r = uv_timer_init(&run->loop, &run->timer);
        if (r < 0)
                return r;
        run->has_timer = true;
        run->timer.data = run;
        r = uv_timer_start(&run->timer, on_deadline, remaining_msec(run), /* repeat= */ 0);
        if (r < 0)
                return r;
        return run->context->cancel_fd >= 0 ? watch_cancel_fd(run, run->context->cancel_fd) : 0;
}

/*
 * libuv writes without MSG_NOSIGNAL, and a write to an emulator that just died would raise SIGPIPE, which
 * kills a program that has not thought of it. Handlers and dispositions are the program's, so the signal is
 * held back in this thread, and taken off before it is let through again.
 */
static void hold_sigpipe(Run *run)
{
        sigset_t pipe_only, old;

        sigemptyset(&pipe_only);
        sigaddset(&pipe_only, SIGPIPE);
        if (pthread_sigmask(SIG_BLOCK, &pipe_only, &old) == 0)
                run->holds_sigpipe = !sigismember(&old, SIGPIPE);
}

static void release_sigpipe(Run *run)
{
        const struct timespec now = {0};
        sigset_t pipe_only;

        if (!run->holds_sigpipe)
                return;
        sigemptyset(&pipe_only);
        sigaddset(&pipe_only, SIGPIPE);
        while (sigtimedwait(&pipe_only, NULL, &now) > 0)
                ;
        (void)pthread_sigmask(SIG_UNBLOCK, &pipe_only, NULL);
}

int run_new(MusterContext *context, const char *name, uint64_t deadline, Run **ret, MusterError **ret_error)
{
        CLEANUP(Run) Run *run = calloc(1, sizeof(*run));
        int r;

        if (!run)
                return error_oom(ret_error);
        hold_sigpipe(run);
        run->low_fds = low_fds_occupy();
        run->context = context;
        run->deadline = deadline;
        run->name = strdup(name);
        if (!run->name)
                return error_oom(ret_error);
        r = open_loop(run);
        if (r < 0)
                return error_errno(ret_error, r, _("No event loop can be made for %s"), name);
        *ret = TAKE(run);
        return 0;
}

static void on_ready(void *userdata)
{
        Run *run = userdata;

        run->ready = true;
}

static void on_closed(int error, const MusterError *why, void *userdata)
{
        const char *text = why ? muster_error_message(why) : NULL;
        Run *run = userdata;

        run->closed = true;
        run->closed_error = error;
        free(run->closed_why);
        /* It may quote what came, which may be anything. */
        run->closed_why = text ? text_for_terminal(text, strlen(text), WHY_MAX) : NULL;
}

void run_on_exit(int status, void *userdata)
{
        Run *run = userdata;

        run->exited = true;
        run->status = status;
}

void run_attach(Run *run, QmpClient *client)
{
        run->client = client;
        qmp_client_set_handlers(client, on_ready, on_closed, /* event= */ NULL, run);
}

bool run_died(const Run *run)
{
        switch (run->closed ? -run->closed_error : 0) {
        case ECONNRESET:
        case EPIPE:
        case ESHUTDOWN:
        case ENOTCONN:
                return true;
        default:
                return false;
        }
}

static void on_linger_over(uv_timer_t *timer)
{
        *(bool *)timer->data = true;
}

static void on_linger_closed(uv_handle_t *handle)
{
        *(bool *)handle->data = true;
}

void run_linger(Run *run)
{
        bool over = false;
        uv_timer_t timer;

        if (!run->child || run->exited || uv_timer_init(&run->loop, &timer) < 0)
                return;
        timer.data = &over;
        if (uv_timer_start(&timer, on_linger_over, LINGER_MSEC, /* repeat= */ 0) == 0)
                while (!over && !run->exited && !run->cancelled)
                        (void)uv_run(&run->loop, UV_RUN_ONCE);
        over = false;
        uv_close((uv_handle_t *)&timer, on_linger_closed);
        while (!over)
                (void)uv_run(&run->loop, UV_RUN_NOWAIT);
}

char *run_how_it_ended(const Run *run)
{
        if (run->exited)
                return child_describe_status(run->status);
        return strdup(_("closed its monitor"));
}

void run_mark_killed(const Run *run, MusterError **ret_error)
{
        static const int signals[] = {SIGKILL, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGXCPU, SIGSTOP};

        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                if (run->exited && WIFSIGNALED(run->status) && WTERMSIG(run->status) == signals[i])
                        error_mark_passing(ret_error);
}

int run_explain_end(Run *run, MusterError **ret_error)
{
        CLEANUP(free) char *how = NULL, *words = NULL;

        if (run->cancelled)
                return error_set(ret_error, -ECANCELED, _("%s: cancelled."), run->name);
        if (!run->closed) {
                words = run_stderr(run);
                return error_set_detail(
                        ret_error, -ETIMEDOUT, words,
                        _("%s did not answer within %.3g s; it hangs, or needs a longer --timeout."),
                        run->name, (double)run->context->timeout_usec / (double)USEC_PER_SEC);
        }
        if (run_died(run))
                run_linger(run);
        words = run_stderr(run);
        if (!run_died(run))
                return error_set_detail(ret_error, -EPROTO, words, _("%s does not speak QMP: %s"), run->name,
                                        run->closed_why ? run->closed_why : strerror(-run->closed_error));
        how = run_how_it_ended(run);
        (void)error_set_detail(ret_error, -ECONNRESET, words, _("%s ended before it had answered: it %s."),
                               run->name, how ? how : "?");
        run_mark_killed(run, ret_error);
        return -ECONNRESET;
}

bool run_turn(Run *run, const bool *done)
{
        while (!*done && !run->closed && !run->cancelled && !run->overdue)
                (void)uv_run(&run->loop, UV_RUN_ONCE);
        return *done;
}

int run_until(Run *run, const bool *done, MusterError **ret_error)
{
        return run_turn(run, done) ? 0 : run_explain_end(run, ret_error);
}

typedef struct Answer {
        bool done;
        json_object *result;
        char *class_name;
        char *description;
        int error;
} Answer;

static void on_answer(json_object *result, const QmpFault *fault, int error, void *userdata)
{
        Answer *answer = userdata;

        answer->done = true;
        answer->error = error;
        answer->result = json_object_get(result);
        if (fault) {
                answer->class_name = strdup(fault->class_name);
                answer->description = strdup(fault->description);
        }
}

static int explain_fault(const Run *run, const char *command, Answer *answer, char **ret_class,
                         MusterError **ret_error)
{
        CLEANUP(free)
        char *class_name = answer->class_name, *description = answer->description, *shown = NULL;

        shown = description ? text_for_terminal(description, strlen(description), 1024) : NULL;
        HAND_OVER(ret_class, class_name);
        return error_set(ret_error, -EIO, _("%s refused %s: %s"), run->name, command, shown ? shown : "?");
}

int run_call(Run *run, const char *command, json_object *arguments, json_object **ret_result,
             char **ret_class, MusterError **ret_error)
{
        Answer answer = {0};
        QmpSlot *slot = NULL;
        int r;

        if (run->closed || run->cancelled || run->overdue)
                return run_explain_end(run, ret_error);
        r = qmp_client_call(run->client, command, arguments, /* flags= */ 0, run_remaining_usec(run),
                            on_answer, &answer, &slot);
        if (r < 0)
                return run->closed
                               ? run_explain_end(run, ret_error)
                               : error_errno(ret_error, r, _("%s cannot be sent to %s"), command, run->name);
        r = run_until(run, &answer.done, ret_error);
        if (r < 0) {
                /* The slot must not outlive this frame. */
                if (!answer.done)
                        qmp_slot_cancel(slot);
                json_object_put(answer.result);
                return r;
        }
        if (answer.error == -EIO)
                return explain_fault(run, command, &answer, ret_class, ret_error);
        if (answer.error < 0) {
                /* The session completes its calls just before it says that it closed. */
                if (answer.error == -ETIMEDOUT)
                        run->overdue = true;
                else if (!run->closed)
                        on_closed(answer.error, /* why= */ NULL, run);
                return run_explain_end(run, ret_error);
        }
        if (ret_result)
                *ret_result = answer.result;
        else
                json_object_put(answer.result);
        return 0;
}

MusterEmulatorKind run_kind(const Run *run)
{
        return run->kind;
}

pid_t run_pid(const Run *run)
{
        return run->speaker;
}

const char *run_scratch(const Run *run)
{
        return run->child ? child_scratch(run->child) : NULL;
}

QmpClient *run_client(Run *run)
{
        return run->client;
}

uv_loop_t *run_loop(Run *run)
{
        return &run->loop;
}

char *run_stderr(Run *run)
{
        CLEANUP(free) char *words = run->child ? child_stderr(run->child) : NULL;

        return words && *words ? TAKE(words) : NULL;
}

void run_kill(Run *run)
{
        if (run->child)
                child_kill(run->child);
}

Run *run_close(Run *run)
{
        if (!run)
                return NULL;
        child_close(run->child);
        if (run->client)
                qmp_client_close(run->client);
        if (run->has_timer)
                uv_close((uv_handle_t *)&run->timer, /* close_cb= */ NULL);
        if (run->has_cancel)
                uv_close((uv_handle_t *)&run->cancel, /* close_cb= */ NULL);
        if (run->has_loop) {
                (void)uv_run(&run->loop, UV_RUN_DEFAULT);
                (void)uv_loop_close(&run->loop);
        }
        low_fds_release(run->low_fds);
        release_sigpipe(run);
        free(run->closed_why);
        free(run->name);
        free(run);
        return NULL;
}
