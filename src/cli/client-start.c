/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"
#include "cli/client.h"
#include "config.h"

/*
 * A user's own daemon is started by whoever needs it first, and stays. Two at once start two: the lock in
 * its directory decides which of them stays, and both of those who started one are served by it.
 *
 * What it says goes to a log, and from there into the error where it ends before it listens.
 */

#define READY_USEC   (60 * USEC_PER_SEC)
#define OTHER_USEC   (10 * USEC_PER_SEC) /* for the other one of a race */
#define LOG_SIZE_MAX (1024 * 1024)
#define LAST_WORDS   2000
#define LOCKS_MAX    (4 * 1024 * 1024)

/* --- which program ---------------------------------------------------------------------------------- */

static bool is_program(const char *path)
{
        return path && access(path, X_OK) == 0;
}

/* Beside muster, as in a build's tree, or where it was installed. */
static int find_program(char **ret, MusterError **ret_error)
{
        static const char *const places[] = {"musterd", "../daemon/musterd", "../sbin/musterd"};
        const char *given = getenv("MUSTER_DAEMON");
        CLEANUP(free) char *self = NULL, *path = NULL;
        char *slash;

        if (!given && read_link("/proc/self/exe", &self) >= 0 && (slash = strrchr(self, '/'))) {
                *slash = '\0';
                for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                        free(path);
                        path = text_format("%s/%s", self, places[i]);
                        if (is_program(path)) {
                                *ret = TAKE(path);
                                return 0;
                        }
                }
        }
        free(path);
        path = strdup(given ?: MUSTER_DAEMON_PATH);
        if (!path)
                return error_oom(ret_error);
        if (!is_program(path))
                return error_errno(ret_error, -errno, _("Your own daemon cannot be started: %s"), path);
        *ret = TAKE(path);
        return 0;
}

/* --- its log ---------------------------------------------------------------------------------------- */

static int make_folders(char *path)
{
        for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                int r;

                *slash = '\0';
                r = mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
                *slash = '/';
                if (r < 0)
                        return r;
        }
        return 0;
}

static int open_log(char **ret_path, int *ret_fd, MusterError **ret_error)
{
        const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
        CLEANUP(free) char *path = NULL;
        CLEANUP(fd) int fd = -1;
        struct stat st;
        int r;

        if (state && state[0] == '/')
                path = text_format("%s/muster/musterd.log", state);
        else
                path = text_format("%s/.local/state/muster/musterd.log",
                                   home && home[0] == '/' ? home : "/");
        if (!path)
                return error_oom(ret_error);
        r = make_folders(path);
        if (r >= 0)
                fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return error_errno(ret_error, r < 0 ? r : -errno, "%s", path);
        if (fstat(fd, &st) == 0 && st.st_size > LOG_SIZE_MAX && ftruncate(fd, 0) < 0)
                return error_errno(ret_error, -errno, "%s", path);
        *ret_path = TAKE(path);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* What was written behind `from`, its end. To free(). */
static char *last_words(int fd, off_t from)
{
        off_t size = lseek(fd, 0, SEEK_END);
        char *text = calloc(1, LAST_WORDS + 1);

        if (size - from > LAST_WORDS)
                from = size - LAST_WORDS;
        if (text && pread(fd, text, LAST_WORDS, from) < 0)
                *text = '\0';
        return text;
}

/* --- the process ------------------------------------------------------------------------------------ */

/* In the grandchild: nothing of whoever needed the daemon first stays with it. */
static void become_daemon(const char *program, const char *socket, int log_fd)
{
        static const char *const managers[] = {"NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "WATCHDOG_USEC"};
        char *const argv[] = {(char *)program, (char *)"--session", (char *)"--socket", (char *)socket,
                              NULL};
        int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        sigset_t none;

        for (size_t i = 0; i < ELEMENTSOF(managers); i++)
                unsetenv(managers[i]);
        if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(log_fd, STDOUT_FILENO) < 0 ||
            dup2(log_fd, STDERR_FILENO) < 0 || chdir("/") < 0)
                _exit(EXIT_FAILURE);
        (void)close_range(STDERR_FILENO + 1, ~0U, 0);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGPIPE, SIG_DFL);
        execv(program, argv);
        dprintf(STDERR_FILENO, "%s: %s\n", program, strerror(errno));
        _exit(EXIT_FAILURE);
}

/* The daemon's process is nobody's child here; its number comes through a pipe. */
static int spawn(const char *program, const char *socket, int log_fd, int *ret_pidfd,
                 MusterError **ret_error)
{
        int fds[2], pidfd = -1;
        pid_t pid, daemon = 0;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return error_errno(ret_error, -errno, _("Cannot start your own daemon"));
        pid = fork();
        if (pid == 0) {
                setsid();
                daemon = fork();
                if (daemon == 0)
                        become_daemon(program, socket, log_fd);
                _exit(daemon > 0 && write(fds[1], &daemon, sizeof(daemon)) == sizeof(daemon) ? 0 : 1);
        }
        close(fds[1]);
        if (pid > 0 && read(fds[0], &daemon, sizeof(daemon)) == sizeof(daemon))
                pidfd = (int)syscall(SYS_pidfd_open, daemon, 0);
        close(fds[0]);
        if (pid > 0)
                while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        /* -1 where it has ended already, and the system has waited for it: the same as one that ends now. */
        *ret_pidfd = pidfd;
        return pid > 0 ? 0 : error_errno(ret_error, -errno, _("Cannot start your own daemon"));
}

/* --- waiting ---------------------------------------------------------------------------------------- */

/* Whether another one has the lock: it was faster, and will listen. Looked up rather than tried, since
 * having the lock for a moment could make a third one fail. */
static bool another_runs(const Client *client)
{
        CLEANUP(free)
        char *path = text_format("%.*s/musterd.lock", (int)(strrchr(client->socket, '/') - client->socket),
                                 client->socket);
        CLEANUP(free) char *locks = NULL, *inode = NULL;
        struct stat st;
        size_t size;

        if (!path || stat(path, &st) < 0 || read_file("/proc/locks", LOCKS_MAX, &locks, &size) < 0)
                return false;
        inode = text_format(":%llu 0 EOF\n", (unsigned long long)st.st_ino);
        return inode && strstr(locks, inode);
}

/* 1: it answers; 0: it does not, and nobody is there who might; -EBUSY: another one is there; -ETIMEDOUT. */
static int wait_for_socket(const Client *client, int pidfd)
{
        uint64_t end = now_usec() + READY_USEC;
        bool runs = pidfd >= 0;

        for (int pause = 1; now_usec() < end; pause = pause < 50 ? pause * 2 : 50) {
                struct pollfd wait = {.fd = runs ? pidfd : -1, .events = POLLIN};
                int fd = client_try_connect(client->socket);

                if (fd >= 0) {
                        close(fd);
                        return 1;
                }
                if (!runs && !another_runs(client))
                        return 0;
                if (poll(&wait, 1, pause) > 0) {
                        runs = false;
                        end = now_usec() + OTHER_USEC;
                }
        }
        return runs ? -ETIMEDOUT : -EBUSY;
}

int client_start_daemon(const Client *client, MusterError **ret_error)
{
        CLEANUP(free) char *program = NULL, *log = NULL, *words = NULL;
        CLEANUP(fd) int log_fd = -1, pidfd = -1;
        off_t from;
        int r;

        r = find_program(&program, ret_error);
        if (r >= 0)
                r = open_log(&log, &log_fd, ret_error);
        if (r < 0)
                return r;
        from = lseek(log_fd, 0, SEEK_END);
        r = spawn(program, client->socket, log_fd, &pidfd, ret_error);
        if (r < 0)
                return r;
        r = wait_for_socket(client, pidfd);
        if (r > 0)
                return 0;
        if (r == -EBUSY)
                return error_set(
                        ret_error, r,
                        _("Another daemon of yours runs, but does not listen at %s; name its socket: "
                          "--connect unix:PATH."),
                        client->socket);
        words = last_words(log_fd, from);
        if (r == 0)
                return error_set_detail(ret_error, -ECHILD, words,
                                        _("Your own daemon ended before it answered; %s says why."), log);
        return error_set_detail(ret_error, r, words, _("Your own daemon does not answer; see %s."), log);
}
