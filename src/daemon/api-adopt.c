/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/stat.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/adopt.h"
#include "daemon/api.h"
#include "daemon/monitor.h"
#include "daemon/start.h"
#include "domain/host.h"
#include "emulator/proc.h"

/*
 * Until its name is known there is no domain, so this part is no operation: connect, greeting, name, UUID,
 * process. A monitor takes one client; while another one has it, the kernel accepts our connection and
 * nothing ever comes: so the greeting, which QEMU sends at once, has a deadline of its own.
 */

#define GREETING_USEC (3 * USEC_PER_SEC)

typedef struct Adopt {
        ApiCall *call;
        QmpClient *client;
        uv_timer_t *timer;
        uv_work_t work;
        char *path, *name;
        char uuid[UUID_TEXT_SIZE];
        ino_t inode;
        pid_t peer, pid;
        uint64_t start;
        bool searching; /* the pool has it */
        int result;
        MusterError *error;
} Adopt;

static void on_timer_closed(uv_handle_t *handle)
{
        free(handle);
}

static void stop_timer(Adopt *adopt)
{
        uv_timer_t *timer = TAKE(adopt->timer);

        if (timer)
                uv_close((uv_handle_t *)timer, on_timer_closed);
}

static void adopt_free(void *pointer)
{
        Adopt *adopt = pointer;

        stop_timer(adopt);
        if (adopt->client) {
                qmp_client_set_handlers(adopt->client, NULL, NULL, NULL, NULL);
                qmp_client_close(adopt->client);
        }
        muster_error_free(adopt->error);
        free(adopt->path);
        free(adopt->name);
        free(adopt);
}

static void fail(Adopt *adopt, int r)
{
        CLEANUP(MusterError) MusterError *error = TAKE(adopt->error);

        api_fail(adopt->call, r, error, NULL);
}

/* --- the process ----------------------------------------------------------------------------------- */

static void on_search(uv_work_t *work)
{
        Adopt *adopt = work->data;
        ProcStat stat;

        adopt->result = adopt_find_speaker(adopt->inode, adopt->peer, &adopt->pid, &adopt->error);
        if (adopt->result < 0)
                return;
        if (proc_stat(adopt->pid, &stat) < 0)
                adopt->result = error_set(&adopt->error, -ESRCH, _("The emulator has ended meanwhile."));
        else
                adopt->start = stat.start;
}

/* The same process twice would be two domains that end each other. */
static int check_process(const Adopt *adopt, MusterError **ret_error)
{
        for (const Managed *managed = adopt->call->daemon->domains; managed; managed = managed->next)
                if (managed->life && managed->life->process &&
                    process_pid(managed->life->process) == adopt->pid)
                        return error_set(ret_error, -EEXIST,
                                         _("Process %d is that of the domain %s already."), (int)adopt->pid,
                                         managed->name);
        return 0;
}

static int find_managed(Adopt *adopt, Managed **ret)
{
        Daemon *daemon = adopt->call->daemon;
        Managed *managed = daemon_find_name(daemon, adopt->name);

        /* One that is defined, and was started past the daemon. */
        if (managed && streq(managed->uuid, adopt->uuid)) {
                *ret = managed;
                return 0;
        }
        return managed_new(daemon, adopt->name, adopt->uuid, ret, &adopt->error);
}

static void after_search(uv_work_t *work, int status)
{
        Adopt *adopt = work->data;
        ApiCall *call = adopt->call;
        Managed *managed = NULL;
        AdoptData data = {};
        int r = status < 0 ? status : adopt->result;

        if (r >= 0 && !adopt->client)
                r = error_set(&adopt->error, -ESRCH, _("The emulator has ended meanwhile."));
        if (r >= 0)
                r = check_process(adopt, &adopt->error);
        if (r >= 0)
                r = find_managed(adopt, &managed);
        if (r < 0) {
                fail(adopt, r);
                return;
        }
        call->managed = managed_ref(managed);
        data = (AdoptData){.client = TAKE(adopt->client),
                           .path = TAKE(adopt->path),
                           .pid = adopt->pid,
                           .start = adopt->start};
        qmp_client_set_handlers(data.client, NULL, NULL, NULL, NULL);
        api_submit_to(call, managed, &op_adopt, &data, 201);
}

/* --- name and UUID --------------------------------------------------------------------------------- */

static void make_uuid(Adopt *adopt)
{
        CLEANUP(DomainHost) DomainHost *host = NULL;
        uint8_t bytes[16];

        if (host_local(&host, NULL) < 0 || host->random(host, bytes, sizeof(bytes)) < 0)
                return;
        bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
        bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
        for (size_t i = 0, at = 0; i < sizeof(bytes); i++) {
                if (i == 4 || i == 6 || i == 8 || i == 10)
                        adopt->uuid[at++] = '-';
                snprintf(adopt->uuid + at, 3, "%02x", bytes[i]);
                at += 2;
        }
}

static void on_uuid(json_object *result, const QmpFault *fault, int error, void *userdata)
{
        Adopt *adopt = userdata;
        const char *uuid = result ? json_get_string(result, "UUID") : NULL;

        if (error < 0 && !fault)
                return; /* it is closed, or it is late: that answers */
        if (!uuid || value_uuid(uuid, adopt->uuid) < 0 || adopt->uuid[strspn(adopt->uuid, "0-")] == 0)
                make_uuid(adopt);
        stop_timer(adopt);
        adopt->work.data = adopt;
        adopt->searching = true;
        if (uv_queue_work(adopt->call->daemon->loop, &adopt->work, on_search, after_search) < 0)
                fail(adopt, -ENOMEM);
}

static void ask(Adopt *adopt, const char *command, QmpReplyFn fn)
{
        int r = qmp_client_call(adopt->client, command, NULL, 0, adopt->call->daemon->settings.call_usec, fn,
                                adopt, NULL);

        if (r < 0)
                fail(adopt, r);
}

static void on_name(json_object *result, const QmpFault *fault, int error, void *userdata)
{
        Adopt *adopt = userdata;
        const char *name = result ? json_get_string(result, "name") : NULL;

        if (error < 0 && !fault)
                return;
        if (!adopt->name && name)
                adopt->name = strdup(name);
        if (!adopt->name) {
                (void)error_set(&adopt->error, -EINVAL,
                                _("This emulator was started without -name; say what the domain is to be "
                                  "called: \"name\"."));
                fail(adopt, -EINVAL);
                return;
        }
        ask(adopt, "query-uuid", on_uuid);
}

/* --- the connection -------------------------------------------------------------------------------- */

static void on_ready(void *userdata)
{
        ask(userdata, "query-name", on_name);
}

static void on_closed(int error, const MusterError *why, void *userdata)
{
        Adopt *adopt = userdata;

        if (adopt->searching) {
                adopt->client = qmp_client_close(adopt->client);
                return;
        }
        if (why)
                (void)error_set(&adopt->error, -EPROTO,
                                _("What listens at %s does not speak QMP as an emulator does: %s"),
                                adopt->path, muster_error_message(why));
        else
                (void)error_set(&adopt->error, -EPROTO, _("What listens at %s has closed the connection."),
                                adopt->path);
        fail(adopt, -EPROTO);
}

static void on_late(uv_timer_t *timer)
{
        Adopt *adopt = timer->data;
        bool greeted = qmp_session_greeting(qmp_client_session(adopt->client)) != NULL;

        if (greeted)
                (void)error_set(&adopt->error, -ETIMEDOUT,
                                _("The monitor at %s greeted and then fell silent."), adopt->path);
        else
                (void)error_set(&adopt->error, -EBUSY,
                                _("The monitor at %s does not greet: another client holds it, or the "
                                  "emulator hangs; "
                                  "end that client, or give the emulator a second -qmp socket."),
                                adopt->path);
        fail(adopt, greeted ? -ETIMEDOUT : -EBUSY);
}

static int start_timer(Adopt *adopt)
{
        adopt->timer = malloc(sizeof(*adopt->timer));
        if (!adopt->timer)
                return error_oom(&adopt->error);
        uv_timer_init(adopt->call->daemon->loop, adopt->timer);
        adopt->timer->data = adopt;
        uv_timer_start(adopt->timer, on_late, GREETING_USEC / USEC_PER_MSEC, 0);
        return 0;
}

static int connect_to_monitor(Adopt *adopt)
{
        struct stat stat;
        int fd = -1, r;

        r = monitor_connect(adopt->path, &fd);
        if (r == -EAGAIN)
                return error_set(&adopt->error, -EBUSY,
                                 _("The monitor at %s takes no more clients: its emulator hangs."),
                                 adopt->path);
        if (r == -ECONNREFUSED)
                return error_set(&adopt->error, r,
                                 _("Nobody listens at %s any more; its emulator has ended."), adopt->path);
        if (r < 0)
                return error_errno(&adopt->error, r, "%s", adopt->path);
        adopt->inode = fstat(fd, &stat) < 0 ? 0 : stat.st_ino;
        r = qmp_client_open_socket(adopt->call->daemon->loop, fd, &adopt->client, &adopt->error);
        if (r < 0)
                return r;
        if (qmp_client_peer_pid(adopt->client, &adopt->peer) < 0)
                adopt->peer = 0;
        qmp_client_set_handlers(adopt->client, on_ready, on_closed, NULL, adopt);
        return start_timer(adopt);
}

static void post_adopt(ApiCall *call)
{
        const char *address = api_text(call, "address"), *name = api_text(call, "name"),
                   *path = address ? startswith(address, "unix:") : NULL;
        Adopt *adopt;
        int r;

        if (!path || *path != '/') {
                api_refuse(call, -EINVAL,
                           _("Say where its monitor is: {\"address\": \"unix:/path/to/socket\"}."));
                return;
        }
        adopt = calloc(1, sizeof(*adopt));
        if (!adopt) {
                api_fail(call, -ENOMEM, NULL, NULL);
                return;
        }
        call->data = adopt;
        call->free_data = adopt_free;
        adopt->call = call;
        adopt->path = strdup(path);
        adopt->name = name ? strdup(name) : NULL;
        r = adopt->path && (!name || adopt->name) ? 0 : -ENOMEM;
        if (r >= 0 && name)
                r = managed_check_name(name, &adopt->error);
        if (r >= 0)
                r = connect_to_monitor(adopt);
        if (r < 0)
                fail(adopt, r);
}

static void post_release(ApiCall *call)
{
        api_submit(call, &op_release, NULL);
}

const ApiRoute api_adopt_routes[] = {
        {"POST", "/v1/adopt", HTTP_RIGHT_ALL, API_BODY_JSON, post_adopt, NULL, "address:string name:string"},
        {"POST", "/v1/domains/{domain}/release", HTTP_RIGHT_ALL, API_BODY_JSON, post_release, NULL, NULL},
        {},
};
