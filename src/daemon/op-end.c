/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"
#include "daemon/descriptors.h"
#include "daemon/files.h"
#include "daemon/log.h"
#include "daemon/operations.h"
#include "daemon/life-record.h"
#include "daemon/start.h"

/*
 * How a domain ends, whoever ends it: its process goes, then its helpers, then its files, and last its
 * record, so that whatever of this a daemon that dies leaves undone is done by the next one.
 */

/* What the kernel takes to end a process that is not in the middle of I/O to a disk that hangs. */
#define KILL_USEC     (15 * USEC_PER_SEC)
#define GRACE_USEC    (10 * USEC_PER_SEC)
#define HELPERS_USEC  (2 * USEC_PER_SEC)
#define HELPERS_TICKS 50U

/* --- what operations demand ------------------------------------------------------------------------ */

int require_running(Operation *operation)
{
        const Managed *managed = operation->managed;

        if (!managed->life)
                return error_set(&operation->error, -ESTALE, _("Domain %s does not run; start it first."),
                                 managed->name);
        if (managed->life->read_only)
                return error_set(
                        &operation->error, -EROFS,
                        _("Domain %s was adopted to be looked at only, since its command line cannot be "
                          "mapped to a definition."),
                        managed->name);
        return 0;
}

int require_shut_off(Operation *operation)
{
        const Managed *managed = operation->managed;

        if (!managed->life)
                return 0;
        return error_set(&operation->error, -ESTALE, _("Domain %s runs already (%s)."), managed->name,
                         domain_state_name(managed->state));
}

/* --- what operations answer ------------------------------------------------------------------------ */

int step_answer_domain(Operation *operation)
{
        operation->answer = managed_to_json(operation->managed);
        return 0;
}

int step_answer_reply(Operation *operation)
{
        operation->answer = json_object_new_object();
        if (!operation->answer ||
            json_object_object_add(operation->answer, "return", json_object_get(operation->reply)) < 0)
                return error_oom(&operation->error);
        return 0;
}

/* --- waiting for the process ----------------------------------------------------------------------- */

static void on_end(Operation *operation)
{
        operation_stop_timer(operation);
        operation_resume(operation, 0);
}

static void on_late(uv_timer_t *timer)
{
        Operation *operation = timer->data;
        Managed *managed = operation->managed;

        operation_stop_timer(operation);
        operation_resume(operation,
                         error_set(operation_error(operation), -EBUSY,
                                   _("The process %d of domain %s does not end: the kernel waits for "
                                     "a disk or the network."),
                                   (int)process_pid(managed->life->process), managed->name));
}

/* Until the emulator has ended; on_end comes behind the life's own look at it. */
static int wait_end(Operation *operation, uint64_t usec, uv_timer_cb late)
{
        const Life *life = operation->managed->life;

        if (!life || !life->process || process_ended(life->process))
                return 0;
        return operation_wait_timer(operation, usec, 0, late, on_end);
}

static void kill_emulator(const Life *life)
{
        if (life->adopted)
                process_kill_alone(life->process);
        else
                process_signal(life->process, SIGKILL);
}

int step_kill(Operation *operation)
{
        Life *life = operation->managed->life;

        if (life && life->process && !process_ended(life->process)) {
                life->ending = true;
                kill_emulator(life);
        }
        return 0;
}

int step_wait_end(Operation *operation)
{
        return wait_end(operation, KILL_USEC, on_late);
}

/* --- what it leaves -------------------------------------------------------------------------------- */

static bool helpers_run(const Life *life)
{
        for (const LifeHelper *helper = life->helpers; helper; helper = helper->next)
                if (helper->process && !process_ended(helper->process))
                        return true;
        return false;
}

static void signal_helpers(const Life *life, int signal)
{
        for (const LifeHelper *helper = life->helpers; helper; helper = helper->next)
                if (helper->process && !process_ended(helper->process))
                        process_signal(helper->process, signal);
}

static void on_helper_tick(uv_timer_t *timer)
{
        Operation *operation = timer->data;
        Life *life = operation->managed->life;

        if (helpers_run(life) && ++operation->ticks < HELPERS_TICKS)
                return;
        signal_helpers(life, SIGKILL);
        operation_stop_timer(operation);
        operation_resume(operation, 0);
}

/* Most end with the emulator's connection; a TPM wants to write its state first. */
int step_end_helpers(Operation *operation)
{
        Life *life = operation->managed->life;

        if (!life || !helpers_run(life))
                return 0;
        signal_helpers(life, SIGTERM);
        operation->ticks = 0;
        return operation_wait_timer(operation, 0, HELPERS_USEC / HELPERS_TICKS, on_helper_tick, NULL);
}

static int work_remove(Operation *operation, MusterError **ret_error)
{
        const Life *life = operation->managed->life;

        CLEANUP(free) char *directory = life->adopted ? NULL : managed_run_path(operation->managed, NULL);

        descriptors_clean_up(life->links);
        files_clean_up(life->remove, life->granted, life->uid);
        /* Its emulator may have left there what it likes, and as much of it. */
        if (directory)
                (void)remove_tree(directory);
        return 0;
}

int step_remove_files(Operation *operation)
{
        return operation->managed->life ? operation_work(operation, work_remove) : 0;
}

/* The event is written down before the record goes: a daemon that dies in between tells it twice, not never.
 */
int step_forget_life(Operation *operation)
{
        Managed *managed = operation->managed;
        CLEANUP(MusterError) MusterError *error = NULL;
        Life *life = managed->life;
        DomainReason reason;

        if (!life)
                return 0;
        if (life->process && !process_ended(life->process))
                return error_set(operation_error(operation), -EBUSY,
                                 _("The process of domain %s still runs."), managed->name);
        reason = life->end_reason;
        managed_set_state(managed, STATE_SHUT_OFF, reason, "stopped");
        if (life_record_remove(managed, &error) < 0)
                log_error(LOG_ERR, managed->name, operation->kind->name, error, _("Its record stays"));
        life_free(life);
        return 0;
}

static int check_ended(Operation *operation)
{
        const Life *life = operation->managed->life;

        /* Another one has cleaned up; or it was started anew meanwhile. */
        if (!life || (life->process && !process_ended(life->process)))
                operation->at += 3;
        return 0;
}

const OperationKind op_clean_up = {
        .name = "clean-up",
        .steps = (const OperationStep[]){check_ended, step_end_helpers, step_remove_files, step_forget_life,
                                         NULL},
        .timeout_usec = 600 * USEC_PER_SEC,
};

/* --- destroy --------------------------------------------------------------------------------------- */

static int check_destroy(Operation *operation)
{
        const DestroyData *data = operation->data;
        Life *life = operation->managed->life;

        if (!life && !data->was_active)
                return error_set(&operation->error, -ESTALE, _("Domain %s does not run."),
                                 operation->managed->name);
        if (life) {
                life->end_reason = REASON_DESTROYED;
                life->ending = true;
        }
        return 0;
}

static void on_grace_over(uv_timer_t *timer)
{
        Operation *operation = timer->data;

        operation_stop_timer(operation);
        /* It goes on, so what its guest does counts again. */
        operation->managed->life->ending = false;
        operation->managed->life->end_reason = REASON_UNKNOWN;
        operation_resume(
                operation,
                error_set(operation_error(operation), -EBUSY,
                          _("The emulator of domain %s does not end by itself; without \"graceful\" it "
                            "is killed."),
                          operation->managed->name));
}

static int step_grace(Operation *operation)
{
        const DestroyData *data = operation->data;
        const Life *life = operation->managed->life;

        if (!data->graceful || !life || !life->process || process_ended(life->process))
                return 0;
        process_signal(life->process, SIGTERM);
        return wait_end(operation, GRACE_USEC, on_grace_over);
}

const OperationKind op_destroy = {
        .name = "destroy",
        .size = sizeof(DestroyData),
        .steps = (const OperationStep[]){check_destroy, step_grace, step_kill, step_wait_end,
                                         step_end_helpers, step_remove_files, step_forget_life,
                                         step_answer_domain, NULL},
        .timeout_usec = 60 * USEC_PER_SEC,
        .flags = OPERATION_URGENT,
};

/* --- what the definition says ---------------------------------------------------------------------- */

/* Once: what follows changes what it depends on. */
static int step_decide(Operation *operation)
{
        ReactData *data = operation->data;
        const Life *life = operation->managed->life;

        if (!life || life->ending)
                return 0;
        /* A reboot that was asked for makes a shutdown of the guest's one. */
        if (life->rebooting && streq(data->what, "on_poweroff"))
                data->action = "restart";
        else
                data->action = json_get_string(life->lifecycle, data->what) ?: "destroy";
        return 0;
}

static bool wants(const Operation *operation, const char *action)
{
        const ReactData *data = operation->data;
        const Life *life = operation->managed->life;
        const char *rest;

        if (!life || life->ending || !data->action)
                return false;
        rest = startswith(data->action, "coredump-");
        if (rest)
                return streq(action, "coredump") || streq(rest, action);
        return streq(data->action, action);
}

/* A domain without state of its own has no folder yet; its emulator writes the dump as its own user. */
static int work_dump_folder(Operation *operation, MusterError **ret_error)
{
        const ReactData *data = operation->data;

        if (mkdir(data->folder, 0700) < 0)
                return errno == EEXIST ? 0 : error_errno(ret_error, -errno, "%s", data->folder);
        if (data->has_user && lchown(data->folder, data->user.uid, data->user.gid) < 0)
                return error_errno(ret_error, -errno, "%s", data->folder);
        return 0;
}

static int step_dump_folder(Operation *operation)
{
        ReactData *data = operation->data;

        if (!wants(operation, "coredump"))
                return 0;
        data->folder = managed_state_path(operation->managed, NULL);
        if (!data->folder)
                return error_oom(&operation->error);
        data->has_user = start_user(operation->managed->life, &data->user);
        return operation_work(operation, work_dump_folder);
}

static int step_dump(Operation *operation)
{
        Managed *managed = operation->managed;
        CLEANUP(free) char *path = NULL;
        json_object *arguments;

        if (!wants(operation, "coredump"))
                return 0;
        path = managed_state_path(managed, "crash.elf");
        arguments = json_object_new_object();
        if (!path || !arguments || json_add_bool(arguments, "paging", false) < 0 ||
            json_add_stringf(arguments, "protocol", "file:%s", path) < 0) {
                json_object_put(arguments);
                return error_oom(&operation->error);
        }
        log_message(LOG_NOTICE, managed->name, operation->kind->name, _("Its memory is dumped to %s"), path);
        return operation_call_for(operation, "dump-guest-memory", arguments, OPERATION_TOLERATE,
                                  600 * USEC_PER_SEC);
}

/* It is for people to look at later; what the definition says besides is done in any case. */
static int step_say_dump(Operation *operation)
{
        if (wants(operation, "coredump") && operation->fault_text)
                log_message(LOG_ERR, operation->managed->name, operation->kind->name,
                            _("Its memory could not be dumped: %s"), operation->fault_text);
        return 0;
}

static int step_restart(Operation *operation)
{
        if (!wants(operation, "restart"))
                return 0;
        return operation_call(operation, "system_reset", NULL, 0);
}

static int step_restart_cont(Operation *operation)
{
        Life *life = operation->managed->life;

        if (!wants(operation, "restart"))
                return 0;
        life->rebooting = false;
        life->run_reason = REASON_BOOTED;
        return operation_call(operation, "cont", NULL, 0);
}

static int step_quit(Operation *operation)
{
        const ReactData *data = operation->data;
        Life *life = operation->managed->life;

        if (!wants(operation, "destroy"))
                return 0;
        life->end_reason = streq(data->what, "on_crash") ? REASON_CRASHED : REASON_SHUTDOWN;
        life->ending = true;
        operation->must_undo = true;
        if (life_record_write(operation->managed, &operation->error) < 0)
                return -EIO;
        operation->ticks = 1;
        return operation_call(operation, "quit", NULL, OPERATION_TOLERATE);
}

static void on_quit_late(uv_timer_t *timer)
{
        Operation *operation = timer->data;

        kill_emulator(operation->managed->life);
        uv_timer_start(timer, on_late, KILL_USEC / USEC_PER_MSEC, 0);
}

static int step_wait_quit(Operation *operation)
{
        return operation->ticks ? wait_end(operation, GRACE_USEC, on_quit_late) : 0;
}

/* A call that the end of the emulator has cut short is no failure. */
static int undo_kill(Operation *operation)
{
        const Life *life = operation->managed->life;

        return life && life->ending ? step_kill(operation) : 0;
}

static void clear_react(void *pointer)
{
        ReactData *data = pointer;

        free(data->folder);
}

const OperationKind op_react = {
        .name = "lifecycle",
        .size = sizeof(ReactData),
        .steps = (const OperationStep[]){step_decide, step_dump_folder, step_dump, step_say_dump,
                                         step_restart, step_restart_cont, step_quit, step_wait_quit, NULL},
        .undo = (const OperationStep[]){undo_kill, NULL},
        .clear = clear_react,
        .timeout_usec = 700 * USEC_PER_SEC,
};
