/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"
#include "daemon/api.h"
#include "daemon/log-file.h"
#include "daemon/log.h"
#include "daemon/managed.h"
#include "daemon/life-record.h"
#include "daemon/reopen.h"
#include "daemon/systemd.h"

/*
 * From settings to a loop that serves, and back. The order matters: the lock before anything is read, so
 * that two daemons never hold one domain; what was left behind before the socket answers, so that no client
 * is told that a running domain does not exist.
 */

#define LOG_CHECK_MSEC (60U * 1000)

/* In which closed handles let go of what is theirs. */
#define LAST_TURNS 4U

/* --- folders ---------------------------------------------------------------------------------------- */

static int make_folder(const char *parent, const char *name, mode_t mode, MusterError **ret_error)
{
        CLEANUP(free) char *path = text_format("%s/%s", parent, name);

        if (!path)
                return error_oom(ret_error);
        if (mkdir(path, mode) < 0 && errno != EEXIST)
                return error_errno(ret_error, -errno, "%s", path);
        /* The umask has its say in mkdir(). */
        if (chmod(path, mode) < 0)
                return error_errno(ret_error, -errno, "%s", path);
        return 0;
}

/* Emulators that run as users of their own go through RUN and RUN/domains to what is theirs. */
static int make_folders(const Settings *settings, MusterError **ret_error)
{
        const struct {
                const char *parent, *name;
                mode_t mode;
        } folders[] = {
                {settings->run, "domains", 0711},           {settings->run, "records", 0700},
                {settings->run, "monitors", 0700},          {settings->run, "transfers", 0711},
                {settings->state, "domains", 0711},         {settings->state, "save", 0700},
                {settings->definitions, "autostart", 0700},
        };
        int r;

        r = settings_make_directories(settings, ret_error);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(folders); i++)
                r = make_folder(folders[i].parent, folders[i].name, folders[i].mode, ret_error);
        return r;
}

static int take_lock(Instance *instance, MusterError **ret_error)
{
        const char *run = instance->daemon.settings.run;
        CLEANUP(free) char *path = text_format("%s/musterd.lock", run);

        if (!path)
                return error_oom(ret_error);
        instance->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (instance->lock_fd < 0)
                return error_errno(ret_error, -errno, "%s", path);
        if (flock(instance->lock_fd, LOCK_EX | LOCK_NB) < 0)
                return error_set(ret_error, errno == EWOULDBLOCK ? -EBUSY : -errno,
                                 _("Another musterd has %s: there can be only one for these directories."),
                                 run);
        return 0;
}

/* The folder is the run time's, so it does not survive a boot, or the session. */
static bool is_first_start(const Settings *settings)
{
        CLEANUP(free) char *path = text_format("%s/started", settings->run);
        CLEANUP(fd)
        int fd = path ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;

        return fd >= 0;
}

/* --- parts ------------------------------------------------------------------------------------------ */

static void on_note(const char *sentence, void *userdata)
{
        log_message(LOG_NOTICE, NULL, "store", "%s", sentence);
}

static int find_groups(Daemon *daemon)
{
        size_t n = strv_length(daemon->settings.supplementary_groups);

        daemon->groups = calloc(n ?: 1, sizeof(*daemon->groups));
        if (!daemon->groups)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const struct group *group = getgrnam(daemon->settings.supplementary_groups[i]);

                if (group)
                        daemon->groups[daemon->n_groups++] = group->gr_gid;
        }
        return 0;
}

/* Once, so that a name service that fails later makes no emulator root's. */
static int find_user(Daemon *daemon, MusterError **ret_error)
{
        const Settings *settings = &daemon->settings;
        const struct passwd *user;

        daemon->user_uid = (uid_t)-1;
        if (settings->session || geteuid() != 0 || !settings->user || settings->uid_first != 0)
                return 0;
        user = getpwnam(settings->user);
        if (!user)
                return error_set(ret_error, -ENOENT, _("There is no user %s for emulators."),
                                 settings->user);
        daemon->user_uid = user->pw_uid;
        daemon->user_gid = user->pw_gid;
        return 0;
}

static int make_context(Daemon *daemon, MusterError **ret_error)
{
        const Settings *settings = &daemon->settings;
        int r;

        r = muster_context_new(&daemon->context);
        if (r >= 0)
                r = muster_context_set_timeout(daemon->context, settings->probe_usec);
        if (r < 0)
                return error_oom(ret_error);
        if (!settings->session && settings->user && geteuid() == 0)
                return muster_context_set_user(daemon->context, settings->user, ret_error);
        return 0;
}

static int open_parts(Daemon *daemon, MusterError **ret_error)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        int r;

        r = make_context(daemon, ret_error);
        if (r >= 0)
                r = find_user(daemon, ret_error);
        if (r >= 0)
                r = muster_catalogue_new(&daemon->catalogue, ret_error);
        if (r >= 0 && find_groups(daemon) < 0)
                r = error_oom(ret_error);
        if (r >= 0)
                r = events_open(daemon->settings.run, &daemon->events, ret_error);
        if (r < 0)
                return r;
        if (muster_store_open(daemon->settings.cache, &daemon->store, &error) < 0)
                log_error(LOG_WARNING, NULL, "store", error, _("Every start will ask its emulator anew"));
        else
                muster_store_set_note_handler(daemon->store, on_note, NULL);
        return 0;
}

/* --- the socket ------------------------------------------------------------------------------------- */

static int listen_on(const Settings *settings, int *ret, MusterError **ret_error)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        CLEANUP(fd) int fd = -1;

        if (strlen(settings->socket) >= sizeof(address.sun_path))
                return error_set(ret_error, -ENAMETOOLONG, _("%s is too long for a socket's path."),
                                 settings->socket);
        memcpy(address.sun_path, settings->socket, strlen(settings->socket) + 1);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || (unlink(settings->socket) < 0 && errno != ENOENT) ||
            bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            chmod(settings->socket, settings->session ? 0600 : 0666) < 0 || listen(fd, 128) < 0)
                return error_errno(ret_error, -errno, "%s", settings->socket);
        *ret = TAKE_FD(fd);
        return 0;
}

static int serve(Instance *instance, MusterError **ret_error)
{
        Daemon *daemon = &instance->daemon;
        const HttpLimits limits = {
                .connections = daemon->settings.connections,
                .connections_per_user = daemon->settings.connections_per_user,
                .body = daemon->settings.body_size,
                .idle_usec = daemon->settings.idle_usec,
        };
        int fd = -1, r;

        r = systemd_listen_fd(&fd, ret_error);
        if (r == -ENOENT) {
                r = listen_on(&daemon->settings, &fd, ret_error);
                instance->own_socket = r >= 0;
        }
        return r < 0 ? r
                     : http_server_new(daemon->loop, fd, &limits, api_authorize, api_handle, daemon,
                                       &daemon->server, ret_error);
}

/* --- time and signals ------------------------------------------------------------------------------- */

static void on_log_work(uv_work_t *request)
{
        LogWork *work = request->data;

        for (char **path = work->paths; path && *path; path++)
                (void)log_file_rotate(*path, work->size, work->count, NULL);
}

static void after_log_work(uv_work_t *request, int status)
{
        LogWork *work = request->data;

        strv_free(work->paths);
        free(work);
}

/* An emulator that is loud does not fill the disk. */
static void on_log_check(uv_timer_t *timer)
{
        const Daemon *daemon = timer->data;
        LogWork *work = daemon->n_running > 0 ? calloc(1, sizeof(*work)) : NULL;

        if (!work)
                return;
        work->request.data = work;
        work->size = daemon->settings.log_size;
        work->count = daemon->settings.log_count;
        for (const Managed *managed = daemon->domains; managed; managed = managed->next) {
                CLEANUP(free) char *path = managed->life ? managed_log_path(managed) : NULL;

                if (path)
                        (void)strv_append(&work->paths, path);
        }
        if (uv_queue_work(daemon->loop, &work->request, on_log_work, after_log_work) < 0)
                after_log_work(&work->request, -1);
}

static void on_signal(uv_signal_t *handle, int number)
{
        Instance *instance = handle->data;

        instance_stop(instance);
}

static void watch(Instance *instance)
{
        Daemon *daemon = &instance->daemon;
        const int numbers[] = {SIGTERM, SIGINT};

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                uv_signal_init(daemon->loop, &instance->signals[i]);
                instance->signals[i].data = instance;
                uv_signal_start(&instance->signals[i], on_signal, numbers[i]);
        }
        uv_timer_init(daemon->loop, &instance->log_timer);
        instance->log_timer.data = daemon;
        uv_timer_start(&instance->log_timer, on_log_check, LOG_CHECK_MSEC, LOG_CHECK_MSEC);
        instance->watching = true;
        (void)watchdog_start(daemon->loop, &instance->watchdog);
}

/* --- all of it -------------------------------------------------------------------------------------- */

int instance_start(Instance *instance, MusterError **ret_error)
{
        Daemon *daemon = &instance->daemon;
        int r;

        instance->lock_fd = -1;
        daemon->started = time(NULL);
        r = uv_loop_init(&instance->loop);
        if (r < 0)
                return error_errno(ret_error, r, "uv_loop_init");
        daemon->loop = &instance->loop;
        r = make_folders(&daemon->settings, ret_error);
        if (r >= 0)
                r = take_lock(instance, ret_error);
        if (r >= 0)
                r = open_parts(daemon, ret_error);
        if (r >= 0)
                r = definitions_load(daemon, ret_error);
        if (r < 0)
                return r;
        daemon->first_start = is_first_start(&daemon->settings);
        watch(instance);
        reopen_all(daemon);
        return serve(instance, ret_error);
}

void instance_stop(Instance *instance)
{
        Daemon *daemon = &instance->daemon;

        if (daemon->stopping)
                return;
        daemon->stopping = true;
        systemd_notify("STOPPING=1");
        daemon->server = http_server_close(daemon->server);
        uv_stop(daemon->loop);
}

/* Operations that are under way end by what they wait for being closed; the next daemon finishes them. */
static void drop_domains(Daemon *daemon)
{
        for (Managed *managed = daemon->domains, *next; managed; managed = next) {
                next = managed->next;
                managed_ref(managed);
                for (size_t i = 0; managed->operations && i < 100; i++)
                        operation_cancel(managed->operations);
                managed_unref(managed);
        }
        while (daemon->domains) {
                Managed *managed = daemon->domains;

                daemon->domains = managed->next;
                managed_unref(managed);
        }
}

bool instance_clear(Instance *instance)
{
        Daemon *daemon = &instance->daemon;
        bool busy = false;

        instance->watchdog = watchdog_stop(instance->watchdog);
        if (instance->watching) {
                uv_close((uv_handle_t *)&instance->signals[0], NULL);
                uv_close((uv_handle_t *)&instance->signals[1], NULL);
                uv_close((uv_handle_t *)&instance->log_timer, NULL);
        }
        if (daemon->server)
                daemon->server = http_server_close(daemon->server);
        if (daemon->events)
                drop_domains(daemon);
        for (unsigned i = 0; daemon->loop && i < LAST_TURNS; i++)
                uv_run(daemon->loop, UV_RUN_NOWAIT);
        busy = daemon->loop && uv_loop_alive(daemon->loop);
        if (instance->own_socket)
                (void)unlink(daemon->settings.socket);
        /* The pool may be at something with all of this: a probe that takes its time, a disk that hangs. */
        if (busy) {
                log_message(LOG_DEBUG, NULL, NULL, _("Ended while something was under way."));
                return true;
        }
        events_close(daemon->events);
        muster_store_unref(daemon->store);
        muster_catalogue_unref(daemon->catalogue);
        muster_context_free(daemon->context);
        free(daemon->groups);
        settings_clear(&daemon->settings);
        if (instance->lock_fd >= 0)
                close(instance->lock_fd);
        return false;
}
