/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * uv_spawn() knows neither resource limits nor a parent-death signal, so muster forks itself. All that
 * allocates or reads the host's databases happens before the fork; between fork() and execve() there are
 * system calls only, since another thread may have held any lock at that moment (a digest is computed in
 * one). Identities change by raw system calls: glibc's wrappers would want to signal threads.
 *
 * PR_SET_PDEATHSIG fires when the *thread* that forked ends, not the process: a caller must not spawn from
 * a thread that ends before the emulator shall.
 *
 * There is no limit on the address space: TCG and sanitizers reserve terabytes that they never touch.
 */

#include "emulator/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"

#define GROUPS_MAX 1024

enum {
        STEP_SESSION,
        STEP_DESCRIPTORS,
        STEP_LIMITS,
        STEP_RIGHTS,
        STEP_DIRECTORY,
        STEP_EXEC,
};

static const char *const step_names[] = {
        [STEP_SESSION] = N_("could not be put into a session of its own"),
        [STEP_DESCRIPTORS] = N_("could not be given its descriptors"),
        [STEP_LIMITS] = N_("could not be put under resource limits"),
        [STEP_RIGHTS] = N_("could not change to its user"),
        [STEP_DIRECTORY] = N_("could not enter its scratch directory"),
        [STEP_EXEC] = N_("could not be run"),
};

static const struct {
        int resource;
        rlim_t limit;
} limits[] = {
        {RLIMIT_CORE, 0},
        /* A check's images are this small; see also SIGXFSZ below. */
        {RLIMIT_FSIZE, 64 * 1024 * 1024},
        {RLIMIT_NOFILE, 1024},
        {RLIMIT_CPU, 60},
};

static int absolute(const char *path, char **ret)
{
        CLEANUP(free) char *here = NULL;

        if (path[0] == '/') {
                *ret = strdup(path);
                return *ret ? 0 : -ENOMEM;
        }
        here = getcwd(NULL, 0);
        if (!here)
                return -errno;
        while (startswith(path, "./"))
                path += strspn(path + 1, "/") + 1;
        if (asprintf(ret, "%s/%s", here, path) < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}

/* Another user must be able to walk to its scratch directory; XDG_RUNTIME_DIR is its owner's alone. */
static bool parent_is_usable(const char *parent, bool change_user)
{
        struct stat st;

        return parent && parent[0] == '/' && stat(parent, &st) == 0 && S_ISDIR(st.st_mode) &&
               (change_user ? (st.st_mode & S_IXOTH) != 0 : access(parent, W_OK | X_OK) == 0);
}

static int make_scratch(Sandbox *sandbox, MusterError **ret_error)
{
        const char *const parents[] = {sandbox->change_user ? NULL : getenv("XDG_RUNTIME_DIR"),
                                       getenv("TMPDIR"), "/tmp"};
        int r = -ENOENT;

        for (size_t i = 0; i < ELEMENTSOF(parents); i++) {
                CLEANUP(free) char *path = NULL;

                if (!parent_is_usable(parents[i], sandbox->change_user))
                        continue;
                if (asprintf(&path, "%s/muster-XXXXXX", parents[i]) < 0) {
                        path = NULL;
                        return error_oom(ret_error);
                }
                if (!mkdtemp(path)) {
                        r = -errno;
                        continue;
                }
                sandbox->scratch = TAKE(path);
                if (sandbox->change_user && chown(sandbox->scratch, sandbox->uid, sandbox->gid) < 0)
                        return error_errno(ret_error, -errno,
                                           _("The scratch directory %s cannot be given away"),
                                           sandbox->scratch);
                return 0;
        }
        return error_errno(ret_error, r,
                           _("No scratch directory can be made in $XDG_RUNTIME_DIR, $TMPDIR or /tmp"));
}

static int bake_cookie(Sandbox *sandbox)
{
        unsigned char bytes[16];
        char *out = stpcpy(sandbox->cookie, SANDBOX_COOKIE "=");

        if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
                return -EIO;
        for (size_t i = 0; i < sizeof(bytes); i++)
                out += sprintf(out, "%02x", bytes[i]);
        return 0;
}

static int make_environment(Sandbox *sandbox)
{
        static const char *const homes[] = {
                "HOME",           "TMPDIR",         "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME",
                "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"};
        int r;

        r = strv_append(&sandbox->environment, "PATH=" SANDBOX_PATH);
        if (r == 0)
                r = strv_append(&sandbox->environment, "LANG=C");
        if (r == 0)
                r = strv_append(&sandbox->environment, sandbox->cookie);
        for (size_t i = 0; r == 0 && i < ELEMENTSOF(homes); i++) {
                CLEANUP(free) char *entry = NULL;

                if (asprintf(&entry, "%s=%s", homes[i], sandbox->scratch) < 0) {
                        entry = NULL;
                        return -ENOMEM;
                }
                r = strv_append(&sandbox->environment, entry);
        }
        return r;
}

int sandbox_take_user(const MusterContext *context, Sandbox *sandbox)
{
        int n = GROUPS_MAX;

        sandbox->change_user = true;
        sandbox->uid = context->uid;
        sandbox->gid = context->gid;
        sandbox->groups = calloc((size_t)n, sizeof(*sandbox->groups));
        if (!sandbox->groups)
                return -ENOMEM;
        if (!context->user) {
                sandbox->groups[0] = context->gid;
                n = 1;
        } else if (getgrouplist(context->user, context->gid, sandbox->groups, &n) < 0) {
                return -E2BIG;
        }
        sandbox->n_groups = n;
        return 0;
}

static int copy_argv(char *const *argv, Sandbox *sandbox)
{
        int r;

        r = absolute(argv[0], &sandbox->program);
        if (r == 0)
                r = strv_append(&sandbox->argv, sandbox->program);
        for (argv++; r == 0 && *argv; argv++)
                r = strv_append(&sandbox->argv, *argv);
        return r;
}

int sandbox_prepare(const MusterContext *context, char *const *argv, Sandbox *ret, MusterError **ret_error)
{
        Sandbox sandbox = {0};
        int r;

        r = copy_argv(argv, &sandbox);
        if (r == 0)
                r = bake_cookie(&sandbox);
        if (r == 0 && context->change_user)
                r = sandbox_take_user(context, &sandbox);
        if (r < 0) {
                sandbox_clear(&sandbox);
                return error_errno(ret_error, r, _("%s cannot be started"), argv[0]);
        }
        r = make_scratch(&sandbox, ret_error);
        if (r == 0 && make_environment(&sandbox) < 0)
                r = error_oom(ret_error);
        if (r < 0) {
                sandbox_clear(&sandbox);
                return r;
        }
        *ret = sandbox;
        return 0;
}

void sandbox_clear(Sandbox *sandbox)
{
        if (sandbox->scratch)
                (void)remove_tree(sandbox->scratch);
        free(sandbox->program);
        strv_free(sandbox->argv);
        strv_free(sandbox->environment);
        free(sandbox->scratch);
        free(sandbox->groups);
        *sandbox = (Sandbox){0};
}

/*
 * From here to sandbox_enter(): async-signal-safe.
 */

int sandbox_drop_rights(const Sandbox *sandbox)
{
        if (!sandbox->change_user)
                return 0;
#ifdef SYS_setgroups32
        if (syscall(SYS_setgroups32, sandbox->n_groups, sandbox->groups) < 0 ||
            syscall(SYS_setresgid32, sandbox->gid, sandbox->gid, sandbox->gid) < 0 ||
            syscall(SYS_setresuid32, sandbox->uid, sandbox->uid, sandbox->uid) < 0)
                return -errno;
#else
        if (syscall(SYS_setgroups, sandbox->n_groups, sandbox->groups) < 0 ||
            syscall(SYS_setresgid, sandbox->gid, sandbox->gid, sandbox->gid) < 0 ||
            syscall(SYS_setresuid, sandbox->uid, sandbox->uid, sandbox->uid) < 0)
                return -errno;
#endif
        /* Rights that were given up shall not come back by a setuid program. */
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

static void reset_signals(void)
{
        struct sigaction action = {.sa_handler = SIG_DFL};
        sigset_t none;

        for (int s = 1; s < NSIG; s++)
                (void)sigaction(s, &action, NULL);
        /* TCG may size a memory file beyond RLIMIT_FSIZE and is content with an error: it must not die of
         * it. */
        action.sa_handler = SIG_IGN;
        (void)sigaction(SIGXFSZ, &action, NULL);
        sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* 0 and 1: the socket, 2: stderr, 3: the report, which execve() closes. */
static int arrange_descriptors(int socket, int stderr_fd, int *report_fd)
{
        /* A caller without stdin has handed out low numbers: get out of our own way first. */
        int in = fcntl(socket, F_DUPFD_CLOEXEC, 10), err = fcntl(stderr_fd, F_DUPFD_CLOEXEC, 10);
        int report = fcntl(*report_fd, F_DUPFD_CLOEXEC, 10);

        if (in < 0 || err < 0 || report < 0)
                return -errno;
        *report_fd = report;
        if (dup2(in, 0) < 0 || dup2(in, 1) < 0 || dup2(err, 2) < 0 || dup3(report, 3, O_CLOEXEC) < 0)
                return -errno;
        *report_fd = 3;
        close_fds_from(4);
        return 0;
}

static int set_limits(void)
{
        for (size_t i = 0; i < ELEMENTSOF(limits); i++) {
                struct rlimit limit;

                if (getrlimit(limits[i].resource, &limit) < 0)
                        return -errno;
                if (limit.rlim_max > limits[i].limit)
                        limit.rlim_max = limits[i].limit;
                limit.rlim_cur = limit.rlim_max;
                if (setrlimit(limits[i].resource, &limit) < 0)
                        return -errno;
        }
        return 0;
}

static _Noreturn void give_up(int report_fd, int step, int error)
{
        SandboxReport report = {.error = error, .step = step};

        (void)!write(report_fd, &report, sizeof(report));
        _exit(127);
}

_Noreturn void sandbox_enter(const Sandbox *sandbox, int socket, int stderr_fd, int report_fd, pid_t parent)
{
        int r;

        if (setsid() < 0)
                give_up(report_fd, STEP_SESSION, errno);
        r = arrange_descriptors(socket, stderr_fd, &report_fd);
        if (r < 0)
                give_up(report_fd, STEP_DESCRIPTORS, -r);
        reset_signals();
        r = set_limits();
        if (r < 0)
                give_up(report_fd, STEP_LIMITS, -r);
        r = sandbox_drop_rights(sandbox);
        if (r < 0)
                give_up(report_fd, STEP_RIGHTS, -r);
        /* A change of user clears the signal, so it comes after; the parent may have died before it was set.
         */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
                give_up(report_fd, STEP_SESSION, ESRCH);
        umask(077);
        if (chdir(sandbox->scratch) < 0)
                give_up(report_fd, STEP_DIRECTORY, errno);
        execve(sandbox->program, sandbox->argv, sandbox->environment);
        give_up(report_fd, STEP_EXEC, errno);
}

/* The program exists, and yet the kernel says ENOENT: what is named within it does not. */
static int explain_missing(const char *program, MusterError **ret_error)
{
        CLEANUP(fd) int fd = open(program, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        CLEANUP(free) char *shown = NULL;
        char head[256];
        ssize_t n = fd >= 0 ? read(fd, head, sizeof(head) - 1) : -1;

        if (n < 2 || head[0] != '#' || head[1] != '!')
                return error_set(
                        ret_error, -ENOENT,
                        _("%s cannot be run: the loader (ld.so) that it names does not exist here; it was "
                          "built for another system, or libraries are missing."),
                        program);
        head[n] = '\0';
        head[strcspn(head, "\n")] = '\0';
        shown = text_for_terminal(head + 2, strlen(head + 2), sizeof(head));
        return error_set(ret_error, -ENOENT,
                         _("%s cannot be run: the interpreter of this script (%s) does not exist."), program,
                         shown ? shown : "?");
}

static int explain_denied(const char *program, MusterError **ret_error)
{
        struct stat st;

        if (stat(program, &st) < 0)
                return error_set(ret_error, -EACCES,
                                 _("%s cannot be run: a folder on the way to it may not be entered."),
                                 program);
        if (S_ISDIR(st.st_mode))
                return error_set(ret_error, -EACCES, _("%s is a directory; name the emulator in it."),
                                 program);
        if (!S_ISREG(st.st_mode))
                return error_set(ret_error, -EACCES, _("%s is no regular file, so it cannot be run."),
                                 program);
        if (!(st.st_mode & 0111))
                return error_set(ret_error, -EACCES,
                                 _("%s is not executable; if it is an emulator, chmod +x it."), program);
        return error_set(ret_error, -EACCES,
                         _("%s may not be run by this user, or lies on a file system mounted noexec."),
                         program);
}

int sandbox_explain_exec(const char *program, int error, MusterError **ret_error)
{
        struct stat st;

        switch (error) {
        case ENOENT:
        case ENOTDIR:
                if (stat(program, &st) == 0)
                        return explain_missing(program, ret_error);
                return error_set(ret_error, -ENOENT, _("There is no file %s."), program);
        case EACCES:
                return explain_denied(program, ret_error);
        case ENOEXEC:
                return error_set(ret_error, -ENOEXEC,
                                 _("%s is neither a program for this machine nor a script with a #! line."),
                                 program);
        default:
                return error_errno(ret_error, -error, "%s %s", program, _(step_names[STEP_EXEC]));
        }
}

int sandbox_explain(const Sandbox *sandbox, const SandboxReport *report, MusterError **ret_error)
{
        const char *program = sandbox->program;

        if (report->step < 0 || report->step > STEP_EXEC || report->error <= 0)
                return error_set(ret_error, -EIO, _("%s could not be started."), program);
        if (report->step != STEP_EXEC)
                return error_errno(ret_error, -report->error, "%s %s", program, _(step_names[report->step]));
        return sandbox_explain_exec(program, report->error, ret_error);
}
