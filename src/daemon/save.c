/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/save.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"
#include "daemon/life-record.h"
#include "daemon/log.h"
#include "daemon/monitor.h"
#include "daemon/rename.h"
#include "daemon/start.h"
#include "daemon/transfer.h"

/*
 * A start that goes on from a file: the definition is that in the file, the emulator waits for a state
 * ("-incoming defer"), listens in a folder that we gave it, and takes what a thread sends. Only with the
 * last byte in place, and the checksum right, may the guest run.
 *
 * From that moment the file of a managed save is stale, and a guest that began from it again would see
 * disks from its future. So the record says that it is taken up before the guest runs, and a daemon that
 * finds this written removes the file; until then it stays, whatever becomes of the start.
 */

#define SETTLE_TICKS 3000U

typedef struct StartSaved {
        SaveHeader header;
        int fd;
        char *name; /* the domain's now */
        char *folder, *socket_path;
        uid_t uid;
        Transfer *transfer;
        unsigned ticks;
} StartSaved;

void start_saved_free(StartSaved *saved)
{
        if (!saved)
                return;
        transfer_stop(saved->transfer);
        if (saved->fd >= 0)
                close(saved->fd);
        save_header_clear(&saved->header);
        free(saved->name);
        free(saved->folder);
        free(saved->socket_path);
        free(saved);
}

/* --- what to start --------------------------------------------------------------------------------- */

static int work_open(Operation *operation, MusterError **ret_error)
{
        StartData *data = operation->data;
        StartSaved *saved = data->saved;
        char *definition = NULL;
        int r;

        r = save_file_open(data->restore_file, &saved->header, &saved->fd, ret_error);
        if (r < 0 || streq(saved->header.name, saved->name))
                return r;
        /* It was renamed since; whether it is the same one is looked at in the next step. */
        r = rename_definition(&operation->daemon->settings, saved->header.definition, saved->header.name,
                              saved->name, &definition, ret_error);
        if (r < 0)
                return r;
        free(saved->header.definition);
        saved->header.definition = definition;
        return 0;
}

/* Here, and not where it was asked for: a save that was asked for before may just have ended. */
static int choose(Operation *operation)
{
        StartData *data = operation->data;
        const Managed *managed = operation->managed;

        if (data->restore_file || data->definition || data->force_boot || !managed->managed_save)
                return 0;
        data->restore_file = managed_save_path(managed);
        data->remove_saved = true;
        return data->restore_file ? 0 : -ENOMEM;
}

int start_open_saved(Operation *operation)
{
        StartData *data = operation->data;

        if (choose(operation) < 0)
                return error_oom(&operation->error);
        if (!data->restore_file)
                return 0;
        data->saved = calloc(1, sizeof(*data->saved));
        if (!data->saved)
                return error_oom(&operation->error);
        data->saved->fd = -1;
        data->saved->name = strdup(operation->managed->name);
        if (!data->saved->name)
                return error_oom(&operation->error);
        return operation_work(operation, work_open);
}

int start_take_definition(Operation *operation)
{
        StartData *data = operation->data;
        const Managed *managed = operation->managed;
        const SaveHeader *header = data->saved ? &data->saved->header : NULL;

        if (!header)
                return 0;
        if (!streq(header->uuid, managed->uuid))
                return error_set(&operation->error, -ESTALE,
                                 _("%s is the state of %s (%s), and not that of domain %s."),
                                 data->restore_file, header->name, header->uuid, managed->name);
        if (data->remove_saved || data->keep_saved_state)
                data->paused = data->paused || !header->running;
        if (data->definition)
                return 0;
        data->definition = strdup(header->definition);
        return data->definition ? 0 : error_oom(&operation->error);
}

int start_add_incoming(Operation *operation)
{
        StartData *data = operation->data;
        json_object *argv = json_get(data->prepared.plan, "argv", json_type_array);

        if (!data->saved)
                return 0;
        if (!streq_ptr(data->prepared.digest, data->saved->header.digest))
                log_message(LOG_NOTICE, operation->managed->name, operation->kind->name,
                            _("Its emulator %s is another one than when it was saved"),
                            data->prepared.emulator);
        if (json_append_string(argv, "-incoming") < 0 || json_append_string(argv, "defer") < 0)
                return error_oom(&operation->error);
        return 0;
}

/* --- the state ------------------------------------------------------------------------------------- */

/* RUN/transfers is ours, so nobody puts a link in the way of chown(). */
static int work_folder(Operation *operation, MusterError **ret_error)
{
        const StartData *data = operation->data;
        const StartSaved *saved = data->saved;

        (void)remove_tree(saved->folder);
        if (mkdir(saved->folder, 0700) < 0 ||
            (saved->uid != (uid_t)-1 && lchown(saved->folder, saved->uid, (gid_t)-1) < 0))
                return error_errno(ret_error, -errno, "%s", saved->folder);
        return 0;
}

int start_make_folder(Operation *operation)
{
        StartData *data = operation->data;
        StartSaved *saved = data->saved;

        if (!saved)
                return 0;
        saved->uid = operation->managed->life->uid;
        saved->folder = save_transfer_path(operation->managed, "");
        saved->socket_path = save_transfer_path(operation->managed, "/state.sock");
        if (!saved->folder || !saved->socket_path)
                return error_oom(&operation->error);
        return operation_work(operation, work_folder);
}

int start_incoming(Operation *operation)
{
        const StartData *data = operation->data;
        CLEANUP(json) json_object *arguments = NULL;

        if (!data->saved)
                return 0;
        arguments = json_object_new_object();
        if (!arguments || json_add_stringf(arguments, "uri", "unix:%s", data->saved->socket_path) < 0)
                return error_oom(&operation->error);
        return operation_call(operation, "migrate-incoming", TAKE(arguments), 0);
}

static void stop_feeding(Operation *operation)
{
        StartData *data = operation->data;

        data->saved->transfer = transfer_stop(data->saved->transfer);
}

static void on_fed(int result, const MusterError *error, uint64_t bytes, uint64_t checksum, void *userdata)
{
        Operation *operation = userdata;
        StartData *data = operation->data;

        data->saved->transfer = NULL;
        if (result < 0)
                error_set(operation_error(operation), result, "%s",
                          error ? muster_error_message(error) : strerror(-result));
        operation_resume(operation, result);
}

/* An emulator that ends breaks the connection, so there is no need to look for that. */
int start_feed(Operation *operation)
{
        StartData *data = operation->data;
        StartSaved *saved = data->saved;
        TransferSpec spec = {.load = true, .socket = -1};
        int r;

        if (!saved)
                return 0;
        r = monitor_connect(saved->socket_path, &spec.socket);
        if (r < 0)
                return error_errno(&operation->error, r, "%s", saved->socket_path);
        spec.file = saved->fd;
        spec.path = data->restore_file;
        spec.peer = process_pid(operation->managed->life->process);
        spec.offset = saved->header.offset;
        spec.length = saved->header.length;
        spec.checksum = saved->header.checksum;
        r = transfer_start(operation->daemon->loop, &spec, on_fed, operation, &saved->transfer,
                           &operation->error);
        return r < 0 ? r : operation_wait(operation, stop_feeding);
}

int start_ask_incoming(Operation *operation)
{
        const StartData *data = operation->data;

        return data->saved ? operation_call(operation, "query-migrate", NULL, 0) : 0;
}

/* It has all of it, and needs a moment to make something of it. "none": it has not even begun. */
int start_incoming_over(Operation *operation)
{
        const StartData *data = operation->data;
        int r;

        if (!data->saved)
                return 0;
        if (json_get_string(operation->reply, "status")) {
                r = migration_outcome(operation);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
        if (++data->saved->ticks > SETTLE_TICKS)
                return error_set(
                        &operation->error, -ETIMEDOUT,
                        _("The emulator of domain %s does not come to an end with the state it was given."),
                        operation->managed->name);
        operation->at -= 2;
        return migration_wait(operation);
}

/* --- it is taken up -------------------------------------------------------------------------------- */

static bool makes_stale(const Operation *operation)
{
        return operation->managed->managed_save;
}

/*
 * Whatever it was started from: once it runs, its managed save is over. On record it is paused, and not
 * shut off: what is found like this was as good as started.
 */
int start_note_taken(Operation *operation)
{
        const StartData *data = operation->data;
        Managed *managed = operation->managed;
        CLEANUP(json) json_object *saving = NULL;
        int r;

        if (!makes_stale(operation))
                return 0;
        saving = json_object_new_object();
        if (!saving || json_add_bool(saving, "taken", true) < 0 ||
            json_add_bool(saving, "running", !data->paused) < 0)
                return error_oom(&operation->error);
        json_object_put(managed->life->saving);
        managed->life->saving = TAKE(saving);
        managed->state = STATE_PAUSED;
        r = life_record_write(managed, &operation->error);
        managed->state = STATE_SHUT_OFF;
        return r;
}

static int work_remove(Operation *operation, MusterError **ret_error)
{
        const StartData *data = operation->data;

        if (data->saved && data->saved->folder)
                (void)remove_tree(data->saved->folder);
        return data->stale_file ? definition_remove(data->stale_file, /* durable= */ true, ret_error) : 0;
}

int start_remove_saved(Operation *operation)
{
        StartData *data = operation->data;

        if (makes_stale(operation)) {
                data->stale_file = managed_save_path(operation->managed);
                if (!data->stale_file)
                        return error_oom(&operation->error);
        }
        return data->saved || data->stale_file ? operation_work(operation, work_remove) : 0;
}

void start_forget_saved(Operation *operation)
{
        const StartData *data = operation->data;
        Life *life = operation->managed->life;
        json_object *none = json_object_new_object();

        if (data->stale_file)
                operation->managed->managed_save = false;
        if (none) {
                json_object_put(life->saving);
                life->saving = none;
        }
}

/* Of a start that came to nothing: nothing was taken up, whatever is on record. */
int start_undo_saved(Operation *operation)
{
        StartData *data = operation->data;
        Managed *managed = operation->managed;

        free(TAKE(data->stale_file));
        if (managed->life && json_object_object_length(managed->life->saving) > 0) {
                start_forget_saved(operation);
                (void)life_record_write(managed, NULL);
        }
        if (!data->saved)
                return 0;
        stop_feeding(operation);
        return operation_work(operation, work_remove);
}

/* --- after a daemon that died ---------------------------------------------------------------------- */

static int recover_connect(Operation *operation)
{
        StartData *data = operation->data;
        const Life *life = operation->managed->life;

        if (!life || life->monitor || life->lost || ++data->waited > SETTLE_TICKS / 2)
                return 0;
        operation_repeat(operation);
        return migration_wait(operation);
}

static int recover_file(Operation *operation)
{
        return operation->managed->life ? start_remove_saved(operation) : -ESTALE;
}

static int recover_cont(Operation *operation)
{
        Life *life = operation->managed->life;
        bool running = json_get_bool(life->saving, "running", false);

        start_forget_saved(operation);
        if (!running || !life->monitor)
                return 0;
        life->run_reason = REASON_RESTORED;
        return operation_call(operation, "cont", NULL, OPERATION_TOLERATE);
}

static int recover_write(Operation *operation)
{
        return operation->managed->life ? life_record_write(operation->managed, operation_error(operation))
                                        : 0;
}

static void clear(void *pointer)
{
        start_data_clear(pointer);
}

const OperationKind op_recover_restore = {
        .name = "restore",
        .size = sizeof(StartData),
        .steps = (const OperationStep[]){recover_file, recover_connect, recover_cont, recover_write, NULL},
        .clear = clear,
        .timeout_usec = 120 * USEC_PER_SEC,
};
