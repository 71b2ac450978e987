/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A guest's whole state goes to a file, or comes from one:
 *
 *   save-file.c   the file
 *   transfer.c    the thread that carries the state
 *   migration.c   what the emulator says of it
 *   op-save.c     running -> file, and what a daemon that died in between has left
 *   save.c        file -> running: rows of "start"
 */

#include "daemon/operations.h"
#include "daemon/save-file.h"

typedef struct SaveData {
        char *file; /* NULL: the managed save */
        bool paused;
        /* the operation's own */
        SaveHeader header;
        char *temporary, *socket_path, *folder;
        uid_t uid;
        int fd, listen_fd; /* 0: none */
        bool was_running, failed, ended, committed;
        struct Transfer *transfer;
} SaveData;
extern const OperationKind op_save, op_forget_save;

/* The same for a start from a managed save. */
extern const OperationKind op_recover_restore;

/* What the record says of a save that did not end: the guest runs again, or it is saved and ends. */
extern const OperationKind op_recover_save;

/* RUN/transfers/ID: what both reach; to free(). */
char *save_transfer_path(const Managed *managed, const char *suffix);

/* migration.c: steps, and parts of them */

/* Waits for a moment, or the emulator's end. */
int migration_wait(Operation *operation);

/* Of a reply to query-migrate: 1: all went over; 0: under way; negative: it failed, with the error set. */
int migration_outcome(Operation *operation);

/* Whether an event says that a migration has failed. */
bool migration_event_fails(const char *name, json_object *event);
