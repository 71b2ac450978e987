/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/monitor.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/jobs.h"
#include "daemon/log.h"
#include "daemon/operations.h"
#include "daemon/life-record.h"

/*
 * States follow from the emulator's events, not from what was asked of it: a guest stops by itself, too, and
 * a monitor has only one client, but people have other ways to an emulator. After a reconnection, events
 * may have been missed; then query-status says what is so.
 */

#define ATTEMPTS_MAX 8U /* 0.25 s, 0.5 s, … 32 s: about a minute in all */
#define FIRST_DELAY  UINT64_C(250)

#define TOLD_MAX     50U /* events a second */

static void schedule(Life *life);

/* --- the connection -------------------------------------------------------------------------------- */

/*
 * A socket whose queue of clients is full answers -EAGAIN at once: its emulator hangs, and the daemon must
 * not hang with it.
 */
int monitor_connect(const char *path, int *ret)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        CLEANUP(fd) int fd = -1;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path) + 1);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        *ret = TAKE_FD(fd);
        return 0;
}

static void on_event(const char *name, json_object *event, void *userdata)
{
        life_on_event(userdata, name, event);
}

static void on_status(json_object *result, const QmpFault *fault, int error, void *userdata)
{
        Life *life = userdata;
        const char *status = result ? json_get_string(result, "status") : NULL;
        Managed *managed = life->managed;

        if (!status)
                return;
        if (streq(status, "running") && managed->state != STATE_RUNNING)
                managed_set_state(managed, STATE_RUNNING, REASON_UNKNOWN, "resumed");
        else if (streq(status, "shutdown"))
                life_on_event(life, "SHUTDOWN", NULL);
        else if (streq(status, "guest-panicked"))
                life_on_event(life, "GUEST_PANICKED", NULL);
        else if (streq(status, "suspended") && managed->state != STATE_SUSPENDED)
                managed_set_state(managed, STATE_SUSPENDED, REASON_UNKNOWN, "pmsuspended");
        else if ((streq(status, "paused") || streq(status, "io-error") || streq(status, "watchdog")) &&
                 managed->state == STATE_RUNNING)
                managed_set_state(managed, STATE_PAUSED,
                                  streq(status, "io-error")   ? REASON_IO_ERROR
                                  : streq(status, "watchdog") ? REASON_WATCHDOG
                                                              : REASON_UNKNOWN,
                                  "suspended");
}

static void on_ready(void *userdata)
{
        Life *life = userdata;

        life->monitor_ready = true;
        life->attempts = 0;
        life->lost = false;
        if (life->managed->state != STATE_SHUT_OFF && life->pending)
                (void)operation_submit(life->managed, &op_recover, NULL, NULL, NULL);
        if (life->managed->state != STATE_SHUT_OFF)
                jobs_look_again(life);
        /* One that starts is spoken to by its operation. */
        if (life->managed->state != STATE_SHUT_OFF)
                (void)qmp_client_call(life->monitor, "query-status", NULL, 0,
                                      life->managed->daemon->settings.call_usec, on_status, life, NULL);
}

static void on_closed(int error, const MusterError *why, void *userdata)
{
        Life *life = userdata;

        life->monitor_ready = false;
        if (life->monitor)
                life->monitor = qmp_client_close(life->monitor);
        if (!life->process || process_ended(life->process) || life->ending)
                return;
        log_message(LOG_WARNING, life->managed->name, NULL, _("The connection to its emulator is lost: %s"),
                    why ? muster_error_message(why) : strerror(-error));
        if (life->managed->state != STATE_SHUT_OFF)
                schedule(life);
}

int life_connect(Life *life, MusterError **ret_error)
{
        int fd = -1, r;

        /* A record may lack it: then the life is one that can only be destroyed. */
        r = life->monitor_path ? monitor_connect(life->monitor_path, &fd) : -ENOENT;
        if (r < 0)
                return error_errno(ret_error, r, "%s", life->monitor_path ?: life->managed->name);
        r = qmp_client_open_socket(life->managed->daemon->loop, fd, &life->monitor, ret_error);
        if (r < 0)
                return r;
        qmp_client_set_handlers(life->monitor, on_ready, on_closed, on_event, life);
        return 0;
}

void life_take_monitor(Life *life, QmpClient *client)
{
        life->monitor = client;
        life->monitor_ready = true;
        qmp_client_set_handlers(client, on_ready, on_closed, on_event, life);
}

static void on_retry(uv_timer_t *timer)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        Life *life = timer->data;

        if (life->monitor || !life->process || process_ended(life->process))
                return;
        if (life_connect(life, &error) < 0)
                schedule(life);
}

static void schedule(Life *life)
{
        if (!life->timer) {
                life->timer = malloc(sizeof(*life->timer));
                if (!life->timer)
                        return;
                uv_timer_init(life->managed->daemon->loop, life->timer);
                life->timer->data = life;
        }
        if (life->attempts >= ATTEMPTS_MAX) {
                life->lost = true;
                log_message(LOG_ERR, life->managed->name, NULL,
                            _("Its emulator runs, but does not answer; \"destroy\" ends it."));
                managed_emit(life->managed, "lifecycle", "unresponsive", NULL);
                return;
        }
        uv_timer_start(life->timer, on_retry, FIRST_DELAY << life->attempts++, 0);
}

void life_reconnect(Life *life)
{
        if (life_connect(life, NULL) < 0)
                schedule(life);
}

/* --- its end --------------------------------------------------------------------------------------- */

static void on_process_end(Process *process, int status, void *userdata)
{
        Life *life = userdata;
        Managed *managed = life->managed;
        Operation *head = managed->operations;

        log_message(LOG_INFO, managed->name, NULL, _("Its emulator (process %d) has ended; status %d"),
                    (int)process_pid(process), status);
        if (life->end_reason == REASON_UNKNOWN)
                life->end_reason = life->ending ? REASON_SHUTDOWN : REASON_CRASHED;
        /* What is under way hears of it by its calls, which fail, or by this: */
        if (life->monitor)
                life->monitor = qmp_client_close(life->monitor);
        life->monitor_ready = false;
        (void)operation_submit(managed, &op_clean_up, NULL, NULL, NULL);
        if (head && head == managed->operations && head->on_end)
                head->on_end(head);
}

void life_watch(Life *life)
{
        process_on_end(life->process, on_process_end, life);
}

/* --- events ---------------------------------------------------------------------------------------- */

static json_object *event_data(json_object *event)
{
        return event ? json_get(event, "data", json_type_object) : NULL;
}

static void on_stop(Life *life, json_object *data)
{
        Managed *managed = life->managed;
        DomainReason reason = managed->state == STATE_PAUSED ? managed->reason : REASON_USER;

        if (managed->state != STATE_RUNNING && managed->state != STATE_SUSPENDED)
                return; /* it powers off, has crashed, or starts */
        if (life->stop_reason != REASON_UNKNOWN)
                reason = life->stop_reason;
        life->stop_reason = REASON_UNKNOWN;
        managed_set_state(managed, STATE_PAUSED, reason, "suspended");
}

static void on_resume(Life *life, json_object *data)
{
        DomainReason reason = life->run_reason != REASON_UNKNOWN ? life->run_reason : REASON_UNPAUSED;

        life->run_reason = REASON_UNKNOWN;
        /* It starts, which its operation says, or that was said when the command was answered. */
        if (life->managed->state == STATE_SHUT_OFF || life->managed->state == STATE_RUNNING)
                return;
        managed_set_state(life->managed, STATE_RUNNING, reason, "resumed");
}

static void react(Life *life, const char *what)
{
        const ReactData data = {.what = what};

        (void)operation_submit(life->managed, &op_react, &data, NULL, NULL);
}

static void on_shutdown(Life *life, json_object *data)
{
        const char *reason = json_get_string(data, "reason") ?: "guest-shutdown";

        if (startswith(reason, "host-")) {
                /* A quit or a signal: its process is about to end. */
                if (life->end_reason == REASON_UNKNOWN)
                        life->end_reason = REASON_DESTROYED;
                return;
        }
        if (streq(reason, "guest-panic") || life->managed->state == STATE_CRASHED)
                return; /* GUEST_PANICKED says more */
        managed_set_state(life->managed, STATE_SHUTTING_DOWN, REASON_SHUTDOWN, "shutdown");
        react(life, streq(reason, "guest-reset") ? "on_reboot" : "on_poweroff");
}

static void on_panic(Life *life, json_object *data)
{
        if (life->managed->state == STATE_CRASHED)
                return;
        managed_set_state(life->managed, STATE_CRASHED, REASON_PANICKED, "crashed");
        react(life, "on_crash");
}

static bool may_tell(Life *life);

static void on_reset(Life *life, json_object *data)
{
        if (may_tell(life))
                managed_emit(life->managed, "lifecycle", "reset", NULL);
}

/* What the emulator says goes along as it is. */
static void tell(Life *life, const char *kind, const char *event, json_object *data)
{
        json_object *detail = json_object_new_object();

        if (detail && data)
                (void)json_add(detail, "data", json_object_get(data));
        managed_emit(life->managed, kind, event, detail);
}

static void on_io_error(Life *life, json_object *data)
{
        if (streq_ptr(json_get_string(data, "action"), "stop"))
                life->stop_reason = REASON_IO_ERROR;
        if (may_tell(life))
                tell(life, "io-error", "io-error", data);
}

static void on_watchdog(Life *life, json_object *data)
{
        if (streq_ptr(json_get_string(data, "action"), "pause"))
                life->stop_reason = REASON_WATCHDOG;
        if (may_tell(life))
                managed_emit(life->managed, "watchdog", json_get_string(data, "action") ?: "?", NULL);
}

static void on_suspend(Life *life, json_object *data)
{
        managed_set_state(life->managed, STATE_SUSPENDED, REASON_UNKNOWN, "pmsuspended");
}

static void on_wakeup(Life *life, json_object *data)
{
        managed_set_state(life->managed, STATE_RUNNING, REASON_WAKEUP, "resumed");
}

/* One whose detaching took longer than anybody waited. */
static void on_device_deleted(Life *life, json_object *data)
{
        json_object *witness = json_get(life->pending, "witness", json_type_object);

        if (witness && !life->managed->operations && json_get_bool(witness, "gone", false) &&
            streq_ptr(json_get_string(witness, "device"), json_get_string(data, "device")))
                (void)operation_submit(life->managed, &op_recover, NULL, NULL, NULL);
}

static void on_job_status(Life *life, json_object *data)
{
        job_on_status(life, json_get_string(data, "id") ?: "", json_get_string(data, "status") ?: "");
}

static const struct {
        const char *name;
        void (*fn)(Life *life, json_object *data);
} handlers[] = {
        {"STOP", on_stop},
        {"RESUME", on_resume},
        {"SHUTDOWN", on_shutdown},
        {"RESET", on_reset},
        {"SUSPEND", on_suspend},
        {"WAKEUP", on_wakeup},
        {"WATCHDOG", on_watchdog},
        {"GUEST_PANICKED", on_panic},
        {"DEVICE_DELETED", on_device_deleted},
        {"JOB_STATUS_CHANGE", on_job_status},
        {"BLOCK_IO_ERROR", on_io_error},
};

/* An emulator that floods fills neither the disk nor the loop's time with what it says. */
static bool may_tell(Life *life)
{
        uint64_t second = now_usec() / USEC_PER_SEC;

        if (life->told_second != second) {
                life->told_second = second;
                life->told = 0;
        }
        if (life->told++ < TOLD_MAX)
                return true;
        if (life->told == TOLD_MAX + 1)
                log_message(
                        LOG_WARNING, life->managed->name, NULL,
                        _("Its emulator sends more than %u events a second; the rest of this second's are "
                          "left out."),
                        TOLD_MAX);
        return false;
}

/* Those that clients of the daemon may want, and that happen rarely. */
static bool is_told(const char *name)
{
        return startswith(name, "DEVICE_") || startswith(name, "MEMORY_") || startswith(name, "VSERPORT_") ||
               streq(name, "BLOCK_THRESHOLD") || streq(name, "RTC_CHANGE") ||
               streq(name, "NIC_RX_FILTER_CHANGED") || streq(name, "BALLOON_CHANGE");
}

void life_on_event(Life *life, const char *name, json_object *event)
{
        Managed *managed = life->managed;
        Operation *head = managed->operations;

        log_message(LOG_DEBUG, managed->name, NULL, "%s", name);
        for (size_t i = 0; i < ELEMENTSOF(handlers); i++)
                if (streq(handlers[i].name, name) && handlers[i].fn)
                        handlers[i].fn(life, event_data(event));
        if (is_told(name) && may_tell(life))
                tell(life, "qemu", name, event_data(event));
        if (head && head == managed->operations && head->on_event)
                (void)head->on_event(head, name, event);
}
