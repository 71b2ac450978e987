/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How an emulator is started with nothing but a monitor, so that every release from 2.12 on, with or without
 * TCG or KVM, greets:
 *
 *   accel=tcg:kvm:qtest   The first that works is taken, and the names that a build lacks are passed over
 * with a word on stderr. TCG first: KVM may be there and not be ours. QTest is in every build and needs
 * nothing, so that a KVM-only one (Debian's microvm) starts without /dev/kvm. -display none -nographic would
 * put a serial line and the human monitor on our stdio as well. -S                    no guest code runs, as
 * there is none.
 *
 * The storage daemon has neither machine nor -qmp. Which of the two a file is, its name tells as a rule;
 * where it does not, the complaint about the other's options does.
 */

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/i18n.h"
#include "base/util.h"
#include "emulator/run-private.h"

static const char *const system_arguments[] = {
        "-S",       "-no-user-config",          "-nodefaults", "-display", "none",
        "-machine", "none,accel=tcg:kvm:qtest", "-qmp",        "stdio",    NULL,
};

static const char *const storage_daemon_arguments[] = {
        "--chardev", "stdio,id=monitor", "--monitor", "chardev=monitor,mode=control", NULL,
};

static int make_argv(const char *path, MusterEmulatorKind kind, char ***ret)
{
        CLEANUP(strv) char **argv = NULL;
        const char *const *argument =
                kind == MUSTER_EMULATOR_STORAGE_DAEMON ? storage_daemon_arguments : system_arguments;
        int r;

        r = strv_append(&argv, path);
        for (; r == 0 && *argument; argument++)
                r = strv_append(&argv, *argument);
        if (r < 0)
                return r;
        *ret = TAKE(argv);
        return 0;
}

static bool mentions(const char *words, const char *const *phrases)
{
        for (; words && *phrases; phrases++)
                if (strcasestr(words, *phrases))
                        return true;
        return false;
}

static bool complains_of_usage(const Run *run, const char *words)
{
        static const char *const phrases[] = {"invalid option", "unrecognized option",
                                              "unknown option", "is not a valid char driver",
                                              "mode=control",   NULL};

        return run->exited && WIFEXITED(run->status) && WEXITSTATUS(run->status) != 0 &&
               mentions(words, phrases);
}

/* Why there was no greeting; *ret_other is set if the other kind of emulator may be worth a try. */
static int explain_silence(Run *run, bool *ret_other, MusterError **ret_error)
{
        static const char *const loader[] = {"error while loading shared libraries",
                                             "Error loading shared library", NULL};
        CLEANUP(free) char *words = NULL, *how = NULL;

        if (run->cancelled)
                return run_explain_end(run, ret_error);
        /* It greeted, so it is one; then it hung or died. */
        if (run->client && qmp_session_greeting(qmp_client_session(run->client)))
                return run_explain_end(run, ret_error);
        if (!run->closed) {
                words = run_stderr(run);
                return error_set_detail(
                        ret_error, -ETIMEDOUT, words,
                        _("%s gave no QMP greeting within %.3g s: it hangs, or is no emulator."), run->name,
                        (double)run->context->timeout_usec / (double)USEC_PER_SEC);
        }
        if (!run_died(run))
                return run_explain_end(run, ret_error);
        run_linger(run);
        words = run_stderr(run);
        if (run->exited && WIFEXITED(run->status) && mentions(words, loader))
                return error_set_detail(ret_error, -ENOEXEC, words,
                                        _("%s needs a shared library that is missing; install it."),
                                        run->name);
        how = run_how_it_ended(run);
        if (run->exited && WIFSIGNALED(run->status)) {
                (void)error_set_detail(ret_error, -ECONNRESET, words,
                                       _("%s ended before its QMP greeting: it %s."), run->name,
                                       how ? how : "?");
                run_mark_killed(run, ret_error);
                return -ECONNRESET;
        }
        *ret_other = complains_of_usage(run, words);
        return error_set_detail(ret_error, -EPROTO, words,
                                _("%s is no emulator, or cannot start: it %s without a QMP greeting."),
                                run->name, how ? how : "?");
}

static int spawn_once(MusterContext *context, const char *path, MusterEmulatorKind kind, uint64_t deadline,
                      bool *ret_other, Run **ret, MusterError **ret_error)
{
        CLEANUP(Run) Run *run = NULL;
        CLEANUP(strv) char **argv = NULL;
        QmpClient *client = NULL;
        int r;

        r = run_new(context, path, deadline, &run, ret_error);
        if (r < 0)
                return r;
        run->kind = kind;
        if (make_argv(path, kind, &argv) < 0)
                return error_oom(ret_error);
        r = child_spawn(&run->loop, context, argv, run_on_exit, run, &run->child, ret_error);
        if (r < 0)
                return r;
        r = qmp_client_open_socket(&run->loop, child_take_socket(run->child), &client, ret_error);
        if (r < 0)
                return r;
        run_attach(run, client);
        if (!run_turn(run, &run->ready))
                return explain_silence(run, ret_other, ret_error);
        if (identity_find_speaker(child_pid(run->child), child_socket_inode(run->child), &run->speaker) < 0)
                run->speaker = child_pid(run->child);
        *ret = TAKE(run);
        return 0;
}

int run_spawn_until(MusterContext *context, const char *path, MusterEmulatorKind kind, bool either,
                    uint64_t deadline, Run **ret, MusterError **ret_error)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        bool other = false;
        int r;

        r = spawn_once(context, path, kind, deadline, &other, ret, &error);
        if (r < 0 && other && either) {
                kind = kind == MUSTER_EMULATOR_SYSTEM ? MUSTER_EMULATOR_STORAGE_DAEMON
                                                      : MUSTER_EMULATOR_SYSTEM;
                /* If that fails too, the first complaint is the one that says what is wrong. */
                if (spawn_once(context, path, kind, deadline, &other, ret, /* ret_error= */ NULL) == 0)
                        return 0;
        }
        if (r < 0)
                HAND_OVER(ret_error, error);
        return r;
}

int run_spawn(MusterContext *context, const char *path, MusterEmulatorKind kind, bool either, Run **ret,
              MusterError **ret_error)
{
        return run_spawn_until(context, path, kind, either, now_usec() + context->timeout_usec, ret,
                               ret_error);
}
