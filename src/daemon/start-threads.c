/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <sys/types.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/log.h"
#include "daemon/start.h"
#include "domain/value.h"

/*
 * Processors and schedulers of an emulator's threads, before its guest runs: vCPUs and I/O threads by the
 * thread IDs that it tells, all others as "emulator".
 */

typedef struct Thread {
        pid_t tid;
        bool bound;
} Thread;

static int64_t find_thread(const json_object *replies, const char *kind, int64_t id)
{
        bool vcpu = streq(kind, "vcpu");
        json_object *array = json_get(replies, vcpu ? "vcpus" : "iothreads", json_type_array);

        for (size_t i = 0; array && i < json_object_array_length(array); i++) {
                const json_object *item = json_object_array_get_idx(array, i);
                const char *name = json_get_string(item, "id");

                if (vcpu ? json_get_int(item, "cpu-index", -1) == id
                         : name && startswith(name, "iothread") && strtoll(name + 8, NULL, 10) == id)
                        return json_get_int(item, "thread-id", -1);
        }
        return -1;
}

static int bind_processors(pid_t tid, const char *cpus)
{
        CLEANUP(free) unsigned *numbers = NULL;
        cpu_set_t set;
        size_t n;

        if (value_cpuset(cpus, CPU_SETSIZE - 1, &numbers, &n) < 0)
                return -EINVAL;
        CPU_ZERO(&set);
        for (size_t i = 0; i < n; i++)
                CPU_SET(numbers[i], &set);
        return sched_setaffinity(tid, sizeof(set), &set) < 0 ? -errno : 0;
}

static int set_scheduler(pid_t tid, const char *name, int priority)
{
        static const struct {
                const char *name;
                int policy;
        } policies[] = {
                {"fifo", SCHED_FIFO}, {"rr", SCHED_RR}, {"batch", SCHED_BATCH}, {"idle", SCHED_IDLE}};
        const struct sched_param param = {.sched_priority = priority};

        for (size_t i = 0; i < ELEMENTSOF(policies); i++)
                if (streq(policies[i].name, name))
                        return sched_setscheduler(tid, policies[i].policy, &param) < 0 ? -errno : 0;
        return -EINVAL;
}

static int apply(Operation *operation, const json_object *rule, pid_t tid)
{
        const char *cpus = json_get_string(rule, "cpus"), *scheduler = json_get_string(rule, "scheduler");
        int r = 0;

        if (cpus)
                r = bind_processors(tid, cpus);
        if (r >= 0 && scheduler)
                r = set_scheduler(tid, scheduler, (int)json_get_int(rule, "priority", 0));
        if (r >= 0 || r == -ESRCH)
                return 0;
        return error_set(
                &operation->error, r,
                _("Thread %d of domain %s cannot be bound as <cputune> asks (processors %s, scheduler "
                  "%s): %s."),
                (int)tid, operation->managed->name, cpus ?: "-", scheduler ?: "-", strerror(-r));
}

static bool has_own_rule(const StartData *data, const json_object *rules, pid_t tid)
{
        for (size_t i = 0; i < json_object_array_length(rules); i++) {
                const json_object *rule = json_object_array_get_idx(rules, i);
                const char *kind = json_get_string(rule, "thread") ?: "";

                if (!streq(kind, "emulator") &&
                    find_thread(data->threads, kind, json_get_int(rule, "id", -1)) == tid)
                        return true;
        }
        return false;
}

/* All threads of which nothing else is said. */
static int apply_to_rest(Operation *operation, const json_object *rules, const json_object *rule)
{
        pid_t pid = process_pid(operation->managed->life->process);
        CLEANUP(free) char *path = text_format("/proc/%d/task", (int)pid);
        CLEANUP(dir) DIR *dir = path ? opendir(path) : NULL;
        int r = 0;

        if (!dir)
                return 0; /* it has ended, which is told elsewhere */
        for (struct dirent *entry; r >= 0 && (entry = readdir(dir));) {
                pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);

                if (tid > 0 && !has_own_rule(operation->data, rules, tid))
                        r = apply(operation, rule, tid);
        }
        return r;
}

int start_bind_threads(Operation *operation)
{
        const StartData *data = operation->data;
        json_object *rules = json_get(data->prepared.plan, "affinity", json_type_array);
        int r = 0;

        for (size_t i = 0; r >= 0 && i < json_object_array_length(rules); i++) {
                const json_object *rule = json_object_array_get_idx(rules, i);
                const char *kind = json_get_string(rule, "thread") ?: "";
                int64_t tid;

                if (streq(kind, "emulator")) {
                        r = apply_to_rest(operation, rules, rule);
                        continue;
                }
                tid = find_thread(data->threads, kind, json_get_int(rule, "id", -1));
                if (tid > 0)
                        r = apply(operation, rule, (pid_t)tid);
        }
        return r;
}
