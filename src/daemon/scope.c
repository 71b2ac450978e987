/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The service manager answers StartTransientUnit with a job, and says JobRemoved when that is through: only
 * then is the process where it belongs. The match is added before the call, so the signal cannot be missed.
 */

#include "daemon/scope.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"
#include "emulator/proc.h"

#define SERVICE      "org.freedesktop.systemd1"
#define OBJECT       "/org/freedesktop/systemd1"
#define MANAGER      "org.freedesktop.systemd1.Manager"

#define TIMEOUT_USEC (10 * USEC_PER_SEC)
#define NAME_SIZE    256 /* with its NUL, of a unit */
#define CGROUPS      "/sys/fs/cgroup"
#define CGROUP_MAX   (64U * 1024)

typedef sd_bus Bus;
typedef sd_bus_message BusMessage;
typedef sd_bus_slot BusSlot;
DEFINE_CLEANUP(Bus, sd_bus_flush_close_unref);
DEFINE_CLEANUP(BusMessage, sd_bus_message_unref);
DEFINE_CLEANUP(BusSlot, sd_bus_slot_unref);

static inline void cleanup_bus_error(sd_bus_error *error)
{
        sd_bus_error_free(error);
}

char *scope_name(const char *domain, uint64_t id)
{
        char escaped[NAME_SIZE - sizeof("muster--18446744073709551615.scope")], *end = escaped;

        for (const unsigned char *c = (const unsigned char *)domain; *c; c++) {
                bool plain = isascii(*c) && (isalnum(*c) || strchr("-_.:", *c));

                if (end + (plain ? 1 : 4) >= escaped + sizeof(escaped))
                        break; /* the number tells it apart */
                end += snprintf(end, 5, plain ? "%c" : "\\x%02x", *c);
        }
        *end = '\0';
        return text_format("muster-%s-%llu.scope", escaped, (unsigned long long)id);
}

typedef struct Job {
        const char *path;
        bool removed;
        char result[32];
} Job;

/* Before the path is known, nothing of the connection has been dispatched yet. */
static int on_job_removed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const char *path, *result;
        Job *job = userdata;

        if (sd_bus_message_read(message, "uoss", NULL, &path, NULL, &result) < 0)
                return 0;
        if (job->path && streq(path, job->path)) {
                job->removed = true;
                snprintf(job->result, sizeof(job->result), "%s", result);
        }
        return 0;
}

static int append_properties(BusMessage *message, const ScopeSpec *spec)
{
        int r;

        r = sd_bus_message_append(message, "(sv)", "Description", "s",
                                  spec->description ? spec->description : spec->name);
        if (r >= 0)
                r = sd_bus_message_append(message, "(sv)", "PIDs", "au", 1, (uint32_t)spec->pid);
        /* A scope whose last process failed would stay, and keep its name. */
        if (r >= 0)
                r = sd_bus_message_append(message, "(sv)", "CollectMode", "s", "inactive-or-failed");
        if (r >= 0 && spec->slice)
                r = sd_bus_message_append(message, "(sv)", "Slice", "s", spec->slice);
        return r;
}

static int make_call(sd_bus *bus, const ScopeSpec *spec, sd_bus_message **ret)
{
        CLEANUP(BusMessage) BusMessage *message = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &message, SERVICE, OBJECT, MANAGER, "StartTransientUnit");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(message, 0);
        if (r >= 0)
                r = sd_bus_message_append(message, "ss", spec->name, "fail");
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'a', "(sv)");
        if (r >= 0)
                r = append_properties(message, spec);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        if (r >= 0)
                r = sd_bus_message_append(message, "a(sa(sv))", 0);
        if (r >= 0)
                *ret = TAKE(message);
        return r;
}

static int await_job(sd_bus *bus, const Job *job, uint64_t end)
{
        while (!job->removed) {
                uint64_t now = now_usec();
                int r;

                if (now >= end)
                        return -ETIMEDOUT;
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, end - now);
                if (r < 0 && r != -EINTR)
                        return r;
        }
        return 0;
}

/* Nobody of that name on the bus: another init, or a container. Where systemd's files lie about, the bus may
 * have tried to start it. */
static bool is_nobody(const sd_bus_error *error)
{
        if (error->name && startswith(error->name, "org.freedesktop.DBus.Error.Spawn."))
                return true;
        return sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
               sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER);
}

static int say(const sd_bus_error *error, int r, const char *name, MusterError **ret_error)
{
        return error_set(ret_error, r, _("The service manager makes no scope %s: %s"), name,
                         error->message ? error->message : strerror(-r));
}

int scope_start_on(struct sd_bus *bus, const ScopeSpec *spec, uint64_t timeout_usec, MusterError **ret_error)
{
        __attribute__((cleanup(cleanup_bus_error))) sd_bus_error error = SD_BUS_ERROR_NULL;
        CLEANUP(BusMessage) BusMessage *call = NULL, *reply = NULL;
        CLEANUP(BusSlot) BusSlot *slot = NULL;
        uint64_t end = now_usec() + timeout_usec;
        Job job = {0};
        int r;

        /* Only a bus says who a message is from. */
        r = sd_bus_match_signal(bus, &slot, sd_bus_is_bus_client(bus) > 0 ? SERVICE : NULL, OBJECT, MANAGER,
                                "JobRemoved", on_job_removed, &job);
        if (r >= 0)
                r = make_call(bus, spec, &call);
        if (r >= 0)
                r = sd_bus_call(bus, call, timeout_usec, &error, &reply);
        if (r < 0 && is_nobody(&error))
                return 0;
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &job.path);
        if (r >= 0)
                r = await_job(bus, &job, end);
        if (r < 0)
                return say(&error, r, spec->name, ret_error);
        if (!streq(job.result, "done"))
                return error_set(ret_error, -EIO,
                                 _("The service manager makes no scope %s: its job ended as \"%s\"."),
                                 spec->name, job.result);
        return 1;
}

/* 0: none here. */
static int connect_bus(bool session, sd_bus **ret)
{
        CLEANUP(Bus) Bus *bus = NULL;
        int r;

        if (sd_booted() <= 0)
                return 0;
        r = session ? sd_bus_open_user(&bus) : sd_bus_open_system(&bus);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        r = sd_bus_set_method_call_timeout(bus, TIMEOUT_USEC);
        if (r < 0)
                return r;
        *ret = TAKE(bus);
        return 1;
}

int scope_start(const ScopeSpec *spec, MusterError **ret_error)
{
        CLEANUP(Bus) Bus *bus = NULL;
        int r;

        r = connect_bus(spec->session, &bus);
        if (r < 0)
                return error_errno(ret_error, r, _("The service manager cannot be reached"));
        return r == 0 ? 0 : scope_start_on(bus, spec, TIMEOUT_USEC, ret_error);
}

int scope_kill_on(struct sd_bus *bus, const char *name, MusterError **ret_error)
{
        __attribute__((cleanup(cleanup_bus_error))) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_call_method(bus, SERVICE, OBJECT, MANAGER, "KillUnit", &error, NULL, "ssi", name, "all",
                               SIGKILL);
        if (r >= 0)
                return 1;
        if (is_nobody(&error) || sd_bus_error_has_name(&error, SERVICE ".NoSuchUnit"))
                return 0;
        return error_set(ret_error, r, _("The service manager does not kill the scope %s: %s"), name,
                         error.message ? error.message : strerror(-r));
}

int scope_kill(const char *name, bool session, MusterError **ret_error)
{
        CLEANUP(Bus) Bus *bus = NULL;
        int r;

        r = connect_bus(session, &bus);
        if (r < 0)
                return error_errno(ret_error, r, _("The service manager cannot be reached"));
        return r == 0 ? 0 : scope_kill_on(bus, name, ret_error);
}

int scope_cgroup(pid_t pid, const char *name, char **ret)
{
        CLEANUP(free) char *text = NULL, *cgroup = NULL;
        char path[PROC_PATH_SIZE], *line, *last;
        int r;

        r = read_file(proc_path(pid, "cgroup", path), CGROUP_MAX, &text, NULL);
        if (r < 0)
                return r;
        /* The unified hierarchy is number 0; in the hybrid arrangement it is not mounted at CGROUPS. */
        line = startswith(text, "0::/") ? text : strstr(text, "\n0::/");
        line = line ? strchr(line, '/') : NULL;
        if (!line)
                return -ENOENT;
        line[strcspn(line, "\n")] = '\0';
        last = strrchr(line, '/');
        if (!streq(last + 1, name))
                return -ENOENT;
        cgroup = text_format("%s%s", CGROUPS, line);
        if (!cgroup)
                return -ENOMEM;
        *ret = TAKE(cgroup);
        return 0;
}

int scope_cgroup_kill(const char *cgroup)
{
        CLEANUP(free) char *path = text_format("%s/cgroup.kill", cgroup);
        CLEANUP(fd) int fd = -1;

        if (!path)
                return -ENOMEM;
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        return write(fd, "1", 1) == 1 ? 0 : -errno;
}
