/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"
#include "daemon/files.h"
#include "daemon/life-record.h"
#include "daemon/log.h"
#include "daemon/save.h"
#include "daemon/transfer.h"

/*
 * The guest is stopped, and its emulator migrates it to a socket of ours, behind which a thread writes a
 * file under another name. When all is on the disk the file gets its name. That is the moment that counts:
 * before it, whatever goes wrong, the guest runs on (from where it stood) and the file goes; behind it the
 * guest must never run again but from the file, so its emulator is killed.
 *
 * The record says before the guest is stopped what is about to be done. A daemon that finds such a record
 * looks at the file: with its name and this save's token, it was finished.
 *
 * RUN/transfers is the daemon's alone, so that a socket in it can be given to an emulator's user by its
 * path.
 */

/* A disk is as fast as it is; INT64_MAX is refused by some. */
#define BANDWIDTH    (INT64_MAX / (1024 * 1024) / 1024 * 1024)
#define SETTLE_TICKS 500U

char *save_transfer_path(const Managed *managed, const char *suffix)
{
        return text_format("%s/transfers/%u%s", managed->daemon->settings.run, managed->id, suffix);
}

static void clear(void *pointer)
{
        SaveData *data = pointer;

        transfer_stop(data->transfer);
        if (data->fd > 0)
                close(data->fd);
        if (data->listen_fd > 0)
                close(data->listen_fd);
        save_header_clear(&data->header);
        free(data->file);
        free(data->temporary);
        free(data->socket_path);
        free(data->folder);
}

/* --- before anything is done ----------------------------------------------------------------------- */

static int check(Operation *operation)
{
        SaveData *data = operation->data;
        Managed *managed = operation->managed;
        int r;

        r = require_running(operation);
        if (r < 0)
                return r;
        if (managed->state != STATE_RUNNING && managed->state != STATE_PAUSED)
                return error_set(&operation->error, -ESTALE,
                                 _("Domain %s can be saved while it runs or is paused, and not now (%s)."),
                                 managed->name, domain_state_name(managed->state));
        if (json_object_object_length(managed->life->jobs) > 0)
                return error_set(&operation->error, -EBUSY,
                                 _("A disk of domain %s is being copied; wait for that, or cancel it."),
                                 managed->name);
        if (!data->file && !managed->definition)
                return error_set(&operation->error, -ESTALE,
                                 _("Domain %s is transient, so nothing would start it from a managed save; "
                                   "give a file."),
                                 managed->name);
        data->was_running = managed->state == STATE_RUNNING;
        return 0;
}

static int fill(Operation *operation)
{
        SaveData *data = operation->data;
        const Managed *managed = operation->managed;
        const Life *life = managed->life;
        char token[SAVE_TOKEN_SIZE];

        save_make_token(token);
        data->header = (SaveHeader){
                .definition = strdup(life->definition),
                .name = strdup(managed->name),
                .uuid = strdup(managed->uuid),
                .emulator = strdup(life->emulator ?: ""),
                .digest = strdup(life->digest ?: ""),
                .token = strdup(token),
                .running = data->was_running && !data->paused,
                .time = time(NULL),
        };
        if (!data->file)
                data->file = managed_save_path(managed);
        data->socket_path = save_transfer_path(managed, ".sock");
        data->uid = life->uid;
        if (!data->header.definition || !data->header.name || !data->header.uuid || !data->header.emulator ||
            !data->header.digest || !data->header.token || !data->file || !data->socket_path)
                return error_oom(&operation->error);
        data->header.offset = save_header_offset(&data->header);
        return data->header.offset > 0 ? 0 : error_oom(&operation->error);
}

static int work_create(Operation *operation, MusterError **ret_error)
{
        SaveData *data = operation->data;
        int r;

        r = files_listen(data->socket_path, &data->listen_fd, ret_error);
        if (r >= 0 && data->uid != (uid_t)-1 && lchown(data->socket_path, data->uid, (gid_t)-1) < 0)
                r = error_errno(ret_error, -errno, "%s", data->socket_path);
        if (r < 0)
                return r;
        return save_file_create(data->file, data->header.token, &data->temporary, &data->fd, ret_error);
}

static int step_create(Operation *operation)
{
        int r = fill(operation);

        operation->must_undo = true;
        return r < 0 ? r : operation_work(operation, work_create);
}

static int note(Operation *operation, json_object *saving)
{
        Life *life = operation->managed->life;

        if (!saving)
                return error_oom(operation_error(operation));
        json_object_put(life->saving);
        life->saving = saving;
        return life_record_write(operation->managed, operation_error(operation));
}

static int step_note(Operation *operation)
{
        const SaveData *data = operation->data;
        CLEANUP(json) json_object *saving = json_object_new_object();

        if (!saving || json_add_string(saving, "file", data->file) < 0 ||
            json_add_string(saving, "temporary", data->temporary) < 0 ||
            json_add_string(saving, "socket", data->socket_path) < 0 ||
            json_add_string(saving, "token", data->header.token) < 0 ||
            json_add_bool(saving, "running", data->was_running) < 0)
                return error_oom(&operation->error);
        return note(operation, TAKE(saving));
}

/* --- the state ------------------------------------------------------------------------------------- */

static int step_stop(Operation *operation)
{
        const SaveData *data = operation->data;

        if (!data->was_running)
                return 0;
        operation->managed->life->stop_reason = REASON_SAVING;
        return operation_call(operation, "stop", NULL, 0);
}

static int step_bandwidth(Operation *operation)
{
        CLEANUP(json) json_object *arguments = json_object_new_object();

        operation->managed->life->stop_reason = REASON_UNKNOWN;
        if (!arguments || json_add_int(arguments, "max-bandwidth", BANDWIDTH) < 0)
                return error_oom(&operation->error);
        return operation_call(operation, "migrate-set-parameters", TAKE(arguments), 0);
}

/* Without events a failure before it connects would be known only by the deadline of accept(). */
static int step_events(Operation *operation)
{
        CLEANUP(json)
        json_object *arguments = json_object_new_object(), *array = json_object_new_array(),
                    *item = json_object_new_object();

        if (!arguments || !array || !item || json_add_string(item, "capability", "events") < 0 ||
            json_add_bool(item, "state", true) < 0 || json_append(array, TAKE(item)) < 0 ||
            json_add(arguments, "capabilities", TAKE(array)) < 0)
                return error_oom(&operation->error);
        return operation_call(operation, "migrate-set-capabilities", TAKE(arguments), 0);
}

static void on_carried(int result, const MusterError *error, uint64_t bytes, uint64_t checksum,
                       void *userdata)
{
        Operation *operation = userdata;
        SaveData *data = operation->data;

        data->transfer = NULL;
        data->ended = true;
        data->header.length = bytes;
        data->header.checksum = checksum;
        data->failed = result < 0;
        if (result == -ECANCELED)
                result = 0; /* query-migrate says why */
        if (result < 0)
                error_set(operation_error(operation), result, "%s",
                          error ? muster_error_message(error) : strerror(-result));
        if (operation->waiting == data)
                operation_resume(operation, result);
}

/*
 * The emulator gives up on it. Where that is our own doing (a full disk) the thread has ended, and says
 * more; where it never came to us, the thread waits for it in vain.
 */
static bool on_event(Operation *operation, const char *name, json_object *event)
{
        SaveData *data = operation->data;

        if (!migration_event_fails(name, event))
                return false;
        if (data->transfer)
                transfer_interrupt(data->transfer);
        return true;
}

static int step_migrate(Operation *operation)
{
        SaveData *data = operation->data;
        const TransferSpec spec = {
                .socket = data->listen_fd,
                .file = data->fd,
                .path = data->temporary,
                .peer = process_pid(operation->managed->life->process),
                .offset = data->header.offset,
        };
        CLEANUP(json) json_object *arguments = json_object_new_object();
        int r;

        data->listen_fd = 0;
        r = transfer_start(operation->daemon->loop, &spec, on_carried, operation, &data->transfer,
                           &operation->error);
        if (r < 0)
                return r;
        if (!arguments || json_add_stringf(arguments, "uri", "unix:%s", data->socket_path) < 0)
                return error_oom(&operation->error);
        operation->on_event = on_event;
        return operation_call(operation, "migrate", TAKE(arguments), 0);
}

static void stop_carrying(Operation *operation)
{
        SaveData *data = operation->data;

        operation->waiting = NULL;
        data->transfer = transfer_stop(data->transfer);
}

static void on_end(Operation *operation)
{
        stop_carrying(operation);
        operation_resume(operation, 0); /* the next call says that it has ended */
}

static int step_carry(Operation *operation)
{
        SaveData *data = operation->data;

        if (data->ended)
                return operation->error ? muster_error_code(operation->error) : 0;
        operation->waiting = data;
        operation->on_event = on_event;
        operation->on_end = on_end;
        return operation_wait(operation, stop_carrying);
}

/* --- its end --------------------------------------------------------------------------------------- */

static int step_ask(Operation *operation)
{
        operation->waiting = NULL;
        return operation_call(operation, "query-migrate", NULL, 0);
}

/* The state has gone over before the emulator says so. */
static int step_is_over(Operation *operation)
{
        const SaveData *data = operation->data;
        int r = migration_outcome(operation);

        if (r < 0 || (r > 0 && data->ended && !data->failed))
                return r < 0 ? r : 0;
        if (r > 0 || ++operation->ticks > SETTLE_TICKS)
                return error_set(
                        &operation->error, -EIO,
                        _("The emulator of domain %s has written its state, but does not end that."),
                        operation->managed->name);
        operation->at -= 2; /* asks again */
        return migration_wait(operation);
}

static int work_finish(Operation *operation, MusterError **ret_error)
{
        SaveData *data = operation->data;
        int r;

        r = save_file_finish(data->fd, data->temporary, data->file, &data->header, ret_error);
        if (r >= 0)
                data->committed = true;
        (void)unlink(data->socket_path);
        return r;
}

static int step_finish(Operation *operation)
{
        return operation_work(operation, work_finish);
}

/* From here on there is no way back. */
static int step_saved(Operation *operation)
{
        const SaveData *data = operation->data;
        Managed *managed = operation->managed;
        Life *life = managed->life;
        CLEANUP(free) char *managed_path = managed_save_path(managed);

        operation->must_undo = false;
        if (managed_path && streq(managed_path, data->file))
                managed->managed_save = true;
        if (!life)
                return 0;
        life->end_reason = REASON_SAVED;
        life->ending = true;
        log_message(LOG_INFO, managed->name, operation->kind->name, _("%llu bytes are saved to %s"),
                    (unsigned long long)data->header.length, data->file);
        (void)life_record_write(managed, NULL);
        return step_kill(operation);
}

/* --- the way back ---------------------------------------------------------------------------------- */

/* What it did goes for nothing, since the next one ends it, or there is nothing left that could be asked. */
static bool can_ask(const Operation *operation)
{
        const Life *life = operation->managed->life;

        return life && life->monitor &&
               !(operation->next && (operation->next->kind->flags & OPERATION_URGENT));
}

static bool is_committed(const Operation *operation)
{
        const SaveData *data = operation->data;

        return data->committed;
}

/* A deadline, or "destroy", that came while the file got its name: it has it. */
static int undo_begin(Operation *operation)
{
        stop_carrying(operation);
        operation->ticks = 0;
        if (is_committed(operation))
                return step_saved(operation);
        return can_ask(operation) ? operation_call(operation, "migrate_cancel", NULL, OPERATION_TOLERATE)
                                  : 0;
}

static int undo_ask(Operation *operation)
{
        if (is_committed(operation) || !can_ask(operation))
                return 0;
        return operation_call(operation, "query-migrate", NULL, OPERATION_TOLERATE);
}

/* The guest must not run while its emulator still writes the last of what it was. */
static int undo_settle(Operation *operation)
{
        const char *status = json_get_string(operation->reply, "status") ?: "none";

        if (is_committed(operation) || !can_ask(operation) || ++operation->ticks > SETTLE_TICKS ||
            streq(status, "none") || streq(status, "failed") || streq(status, "cancelled") ||
            streq(status, "completed"))
                return 0;
        operation->at -= 2;
        return migration_wait(operation);
}

static bool was_running(const Operation *operation)
{
        return json_get_bool(operation->managed->life->saving, "running", false);
}

static int undo_cont(Operation *operation)
{
        if (is_committed(operation) || !can_ask(operation) || !was_running(operation))
                return 0;
        operation->managed->life->run_reason = REASON_SAVE_CANCELED;
        return operation_call(operation, "cont", NULL, OPERATION_TOLERATE);
}

static int work_remove(Operation *operation, MusterError **ret_error)
{
        const SaveData *data = operation->data;

        if (data->socket_path)
                (void)unlink(data->socket_path);
        if (data->temporary && !data->committed)
                (void)unlink(data->temporary);
        return 0;
}

static int undo_files(Operation *operation)
{
        return operation_work(operation, work_remove);
}

static int undo_note(Operation *operation)
{
        Life *life = operation->managed->life;

        if (!life || is_committed(operation))
                return 0;
        life->run_reason = life->stop_reason = REASON_UNKNOWN;
        return note(operation, json_object_new_object());
}

#define UNDO undo_begin, undo_ask, undo_settle, undo_cont, undo_files, undo_note

const OperationKind op_save = {
        .name = "save",
        .size = sizeof(SaveData),
        .steps =
                (const OperationStep[]){
                        check,
                        step_create,
                        step_note,
                        step_stop,
                        step_bandwidth,
                        step_events,
                        step_migrate,
                        step_carry,
                        step_ask,
                        step_is_over,
                        step_finish,
                        step_saved,
                        step_wait_end,
                        step_end_helpers,
                        step_remove_files,
                        step_forget_life,
                        step_answer_domain,
                        NULL,
                },
        .undo = (const OperationStep[]){UNDO, NULL},
        .clear = clear,
        .timeout_usec = 24 * 3600 * USEC_PER_SEC,
};

/* --- after a daemon that died ---------------------------------------------------------------------- */

static int recover_fill(Operation *operation)
{
        SaveData *data = operation->data;
        const Life *life = operation->managed->life;
        const char *temporary, *socket_path, *file, *token;

        if (!life)
                return -ESTALE;
        temporary = json_get_string(life->saving, "temporary");
        socket_path = json_get_string(life->saving, "socket");
        file = json_get_string(life->saving, "file");
        token = json_get_string(life->saving, "token");
        data->temporary = temporary ? strdup(temporary) : NULL;
        data->socket_path = socket_path ? strdup(socket_path) : NULL;
        data->file = file ? strdup(file) : NULL;
        data->header.token = token ? strdup(token) : NULL;
        operation->must_undo = true;
        return 0;
}

static int work_look(Operation *operation, MusterError **ret_error)
{
        SaveData *data = operation->data;
        SaveHeader header = {};

        if (!data->file || !data->header.token || save_file_open(data->file, &header, NULL, NULL) < 0)
                return 0;
        data->committed = streq(header.token, data->header.token);
        data->header.length = header.length;
        save_header_clear(&header);
        if (data->committed && data->socket_path)
                (void)unlink(data->socket_path);
        return 0;
}

static int recover_look(Operation *operation)
{
        return operation_work(operation, work_look);
}

/* Half a minute for the monitor: monitor.c tries to connect. */
static int recover_connect(Operation *operation)
{
        const Life *life = operation->managed->life;

        if (is_committed(operation) || !life || life->monitor || life->lost ||
            ++operation->ticks > 3 * SETTLE_TICKS)
                return 0;
        operation_repeat(operation);
        return migration_wait(operation);
}

static int recover_saved(Operation *operation)
{
        if (is_committed(operation))
                return step_saved(operation);
        log_message(LOG_WARNING, operation->managed->name, operation->kind->name,
                    _("It was being saved when the daemon ended; that is undone."));
        return error_set(&operation->error, -ECANCELED, _("The daemon ended before the save of %s did."),
                         operation->managed->name);
}

const OperationKind op_recover_save = {
        .name = "save",
        .size = sizeof(SaveData),
        .steps = (const OperationStep[]){recover_fill, recover_look, recover_connect, recover_saved,
                                         step_wait_end, step_end_helpers, step_remove_files,
                                         step_forget_life, NULL},
        .undo = (const OperationStep[]){UNDO, NULL},
        .clear = clear,
        .timeout_usec = 600 * USEC_PER_SEC,
};

/* --- a managed save goes --------------------------------------------------------------------------- */

static int check_forget(Operation *operation)
{
        SaveData *data = operation->data;
        const Managed *managed = operation->managed;

        if (!managed->managed_save)
                return error_set(&operation->error, -ENOENT, _("Domain %s has no managed save."),
                                 managed->name);
        data->file = managed_save_path(managed);
        return data->file ? 0 : error_oom(&operation->error);
}

static int work_forget(Operation *operation, MusterError **ret_error)
{
        const SaveData *data = operation->data;

        return definition_remove(data->file, /* durable= */ true, ret_error);
}

static int step_forget(Operation *operation)
{
        return operation_work(operation, work_forget);
}

static int step_forgotten(Operation *operation)
{
        operation->managed->managed_save = false;
        return step_answer_domain(operation);
}

const OperationKind op_forget_save = {
        .name = "forget-save",
        .size = sizeof(SaveData),
        .steps = (const OperationStep[]){check_forget, step_forget, step_forgotten, NULL},
        .clear = clear,
        .timeout_usec = 60 * USEC_PER_SEC,
};
