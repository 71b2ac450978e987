/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Between fork() and execve(): system calls only, since another thread may have held any lock at the fork.
 * Identities change by raw system calls for that reason: glibc's wrappers would want to signal threads.
 *
 * Everything but execve() is done before the process is held, so what waits there has neither the daemon's
 * rights nor its descriptors any more. It still has a copy of its memory, which nobody can read: a change of
 * ids or capabilities makes a process undumpable until it executes.
 */

#include "daemon/process-child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"
#include "emulator/sandbox.h"

#define FIRST_FD 3

static const char *const step_names[_CHILD_STEP_MAX] = {
        [CHILD_READY] = N_("could not be started"),
        [CHILD_SESSION] = N_("could not be put into a session of its own"),
        [CHILD_OOM] = N_("could not be given the usual priority for when memory runs out"),
        [CHILD_DESCRIPTORS] = N_("could not be given its descriptors"),
        [CHILD_LIMITS] = N_("could not be put under its resource limits"),
        [CHILD_USER] = N_("could not change to its user"),
        [CHILD_DIRECTORY] = N_("could not enter its working directory"),
        [CHILD_EXEC] = N_("could not be run"),
};

int child_explain(const char *program, const ChildReport *report, MusterError **ret_error)
{
        if (report->step <= CHILD_READY || report->step >= _CHILD_STEP_MAX || report->error <= 0)
                return error_set(ret_error, -EIO, _("%s could not be started."), program);
        if (report->step == CHILD_EXEC)
                return sandbox_explain_exec(program, report->error, ret_error);
        return error_errno(ret_error, -report->error, "%s %s", program, _(step_names[report->step]));
}

static _Noreturn void give_up(int channel, ChildStep step, int error)
{
        ChildReport report = {.step = (int)step, .error = error};

        (void)send(channel, &report, sizeof(report), MSG_NOSIGNAL);
        _exit(127);
}

static void reset_signals(void)
{
        struct sigaction action = {.sa_handler = SIG_DFL};
        sigset_t none;

        for (int s = 1; s < NSIG; s++)
                (void)sigaction(s, &action, NULL);
        sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int reset_oom(void)
{
        CLEANUP(fd) int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        return write(fd, "0", 1) == 1 ? 0 : -errno;
}

/*
 * A source may have the number of another one's target, or be named twice: so all are moved out of the way
 * at first. The channel ends up behind the last of them, where execve() closes it.
 */
static int arrange_descriptors(const ChildPlan *plan, int *ret_channel)
{
        const ProcessSpec *spec = plan->spec;
        int last = FIRST_FD + (int)spec->n_fds, input, output, channel;

        input = fcntl(plan->input, F_DUPFD_CLOEXEC, last + 1);
        output = fcntl(plan->output, F_DUPFD_CLOEXEC, last + 1);
        channel = fcntl(plan->channel, F_DUPFD_CLOEXEC, last + 1);
        if (input < 0 || output < 0 || channel < 0)
                return -errno;
        *ret_channel = channel;
        for (size_t i = 0; i < spec->n_fds; i++) {
                plan->moved[i] = fcntl(spec->fds[i], F_DUPFD_CLOEXEC, last + 1);
                if (plan->moved[i] < 0)
                        return -errno;
        }
        if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
            dup2(output, STDERR_FILENO) < 0)
                return -errno;
        for (size_t i = 0; i < spec->n_fds; i++)
                if (dup2(plan->moved[i], FIRST_FD + (int)i) < 0)
                        return -errno;
        if (dup3(channel, last, O_CLOEXEC) < 0)
                return -errno;
        *ret_channel = last;
        close_fds_from(last + 1);
        return 0;
}

/* An instance without CAP_SYS_RESOURCE gives what it has. */
static int set_limit(int resource, uint64_t value)
{
        struct rlimit old, limit = {.rlim_cur = value, .rlim_max = value};

        if (setrlimit((__rlimit_resource_t)resource, &limit) == 0)
                return 0;
        if (errno != EPERM || getrlimit((__rlimit_resource_t)resource, &old) < 0)
                return -errno;
        limit.rlim_cur = limit.rlim_max = old.rlim_max;
        return setrlimit((__rlimit_resource_t)resource, &limit) < 0 ? -errno : 0;
}

static int set_limits(const ProcessSpec *spec)
{
        int r;

        r = set_limit(RLIMIT_CORE, spec->core ? RLIM_INFINITY : 0);
        if (r == 0 && spec->nofile > 0)
                r = set_limit(RLIMIT_NOFILE, spec->nofile);
        if (r == 0 && spec->memlock > 0)
                r = set_limit(RLIMIT_MEMLOCK, spec->memlock);
        return r;
}

static int drop_capabilities(void)
{
        struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
        struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

        /* A kernel without ambient capabilities has none to clear. */
        (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

static int change_ids(const ProcessUser *user)
{
#ifdef SYS_setgroups32
        if (syscall(SYS_setgroups32, user->n_groups, user->groups) < 0 ||
            syscall(SYS_setresgid32, user->gid, user->gid, user->gid) < 0 ||
            syscall(SYS_setresuid32, user->uid, user->uid, user->uid) < 0)
                return -errno;
#else
        if (syscall(SYS_setgroups, user->n_groups, user->groups) < 0 ||
            syscall(SYS_setresgid, user->gid, user->gid, user->gid) < 0 ||
            syscall(SYS_setresuid, user->uid, user->uid, user->uid) < 0)
                return -errno;
#endif
        return 0;
}

static int take_user(const ProcessSpec *spec)
{
        int r;

        if (!spec->user)
                return 0;
        r = change_ids(spec->user);
        if (r == 0)
                r = drop_capabilities();
        if (r == 0 && !spec->privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                r = -errno;
        return r;
}

/* Until the byte comes. Anything else says that nobody wants it any more. */
static void await_release(int channel)
{
        ChildReport ready = {.step = CHILD_READY};
        char byte;
        ssize_t n;

        if (send(channel, &ready, sizeof(ready), MSG_NOSIGNAL) != sizeof(ready))
                _exit(127);
        do
                n = recv(channel, &byte, sizeof(byte), 0);
        while (n < 0 && errno == EINTR);
        if (n != sizeof(byte))
                _exit(127);
}

_Noreturn void child_enter(const ChildPlan *plan)
{
        const ProcessSpec *spec = plan->spec;
        int channel = plan->channel, r;

        if (setsid() < 0)
                give_up(channel, CHILD_SESSION, errno);
        r = spec->reset_oom ? reset_oom() : 0;
        if (r < 0)
                give_up(channel, CHILD_OOM, -r);
        r = arrange_descriptors(plan, &channel);
        if (r < 0)
                give_up(channel, CHILD_DESCRIPTORS, -r);
        reset_signals();
        r = set_limits(spec);
        if (r < 0)
                give_up(channel, CHILD_LIMITS, -r);
        r = take_user(spec);
        if (r < 0)
                give_up(channel, CHILD_USER, -r);
        umask(077);
        if (chdir(plan->directory) < 0)
                give_up(channel, CHILD_DIRECTORY, errno);
        await_release(channel);
        execve(spec->argv[0], spec->argv, plan->environment);
        give_up(channel, CHILD_EXEC, errno);
}
