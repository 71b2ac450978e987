/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/reopen.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/executable.h"
#include "daemon/log.h"
#include "daemon/monitor.h"
#include "daemon/operations.h"
#include "daemon/save.h"
#include "daemon/start.h"

/*
 * A life is what its record says: a state of "shut off" with a process means that it was being started when
 * the daemon died. Nobody was told that it runs, so it is ended; a client that asked for it was not
 * answered.
 */

/* 0 only where it is certain: what cannot be looked at has the recorded pid and start time still. */
static bool runs_recorded_file(const Life *life, ExecutableCache *cache)
{
        return !life->digest || !*life->digest ||
               executable_matches(process_pid(life->process), life->digest, cache) != 0;
}

static void clean_up(Managed *managed, DomainReason reason)
{
        Life *life = managed->life;

        if (life->end_reason == REASON_UNKNOWN)
                life->end_reason = reason;
        (void)operation_submit(managed, &op_clean_up, NULL, NULL, NULL);
}

static void end_half_started(Managed *managed)
{
        const DestroyData data = {.was_active = true};

        log_message(LOG_WARNING, managed->name, NULL,
                    _("It was being started when the daemon ended, so what there is of it is ended, too."));
        (void)operation_submit(managed, &op_destroy, &data, NULL, NULL);
}

/* A save, or a start from one, was under way. */
static void recover(Managed *managed)
{
        json_object *saving = managed->life->saving;

        if (json_object_object_length(saving) > 0)
                (void)operation_submit(managed,
                                       json_get_bool(saving, "taken", false) ? &op_recover_restore
                                                                             : &op_recover_save,
                                       NULL, NULL, NULL);
}

static void reopen(Managed *managed, ExecutableCache *cache)
{
        Life *life = managed->life;

        if (!life->process || process_ended(life->process)) {
                log_message(LOG_WARNING, managed->name, NULL, _("It has ended while no daemon ran."));
                recover(managed);
                clean_up(managed, life->ending ? REASON_SHUTDOWN : REASON_CRASHED);
                return;
        }
        /* One that was held back, or whose wrapper still ran, is known by its name alone. */
        if (managed->state != STATE_SHUT_OFF && !runs_recorded_file(life, cache)) {
                log_message(LOG_ERR, managed->name, NULL,
                            _("Process %d is not its emulator any more; it is left alone."),
                            (int)process_pid(life->process));
                life->process = process_free(life->process);
                clean_up(managed, REASON_UNKNOWN);
                return;
        }
        life_watch(life);
        if (managed->state == STATE_SHUT_OFF) {
                end_half_started(managed);
                return;
        }
        log_message(LOG_INFO, managed->name, NULL, _("Under management again: process %d (%s)"),
                    (int)process_pid(life->process), domain_state_name(managed->state));
        life_reconnect(life);
        recover(managed);
}

static void start_automatically(Managed *managed)
{
        StartData data = {};

        if (managed->managed_save) {
                data.restore_file = managed_save_path(managed);
                data.remove_saved = true;
        }
        (void)operation_submit(managed, managed->managed_save ? &op_restore : &op_start, &data, NULL, NULL);
}

void reopen_all(Daemon *daemon)
{
        CLEANUP(executable_cache) ExecutableCache cache = {};

        for (Managed *managed = daemon->domains, *next; managed; managed = next) {
                next = managed->next;
                if (managed->life)
                        reopen(managed, &cache);
                else if (managed->autostart && daemon->first_start)
                        start_automatically(managed);
        }
}
