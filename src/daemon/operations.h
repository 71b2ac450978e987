/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The operations that there are, each in a file of its own, with the data that each takes. */

#include "daemon/descriptors.h"
#include "daemon/executable.h"
#include "daemon/managed.h"
#include "daemon/operation.h"
#include "daemon/prepare.h"

/* op-start.c. Takes what data owns. */
typedef struct StartData {
        bool paused, force_boot;
        char *definition;         /* of a transient domain; NULL: the domain's own */
        char *restore_file;       /* a saved state to go on from; NULL: the managed save, or boot */
        bool remove_saved;        /* which is a managed one, and goes when it was taken up */
        struct StartSaved *saved; /* save.c's own */
        char *stale_file;         /* a managed save that is over now */
        bool keep_saved_state;    /* paused or not as it was saved */
        /* the operation's own */
        PrepareInput input;
        Prepared prepared;
        char *run_directory, *state_directory, *monitor_path, *log;
        int64_t log_begin; /* where this life begins in it */
        bool helper_runs;
        json_object *remove, *granted; /* as files_prepare() has them */
        ProcessUser user;
        bool has_user;
        int monitor_fd;     /* 0: none */
        json_object *links; /* as descriptors_settle() has them */
        Descriptors descriptors;
        char *live, *named; /* the live definition, and with the names of the host's devices */
        size_t next_helper, next_command;
        unsigned waited; /* for a helper's socket */
        uv_timer_t *timer;
        pid_t pid; /* the emulator, and what it should run */
        ExecutableCache known;
        json_object *threads; /* {"vcpus", "iothreads"}: replies */
} StartData;
extern const OperationKind op_start;
/* The same, for a start with a saved state, which takes as long as that is large. */
extern const OperationKind op_restore;

/* op-end.c */
typedef struct DestroyData {
        bool graceful, was_active;
} DestroyData;
extern const OperationKind op_destroy;

/* What follows the end of an emulator. */
extern const OperationKind op_clean_up;

/* What the definition says is to be done: the guest has powered off, reset, or crashed. */
typedef struct ReactData {
        const char *what; /* "on_poweroff", "on_reboot", "on_crash" */
        /* the operation's own */
        const char *action; /* the life's, which outlives it */
        char *folder;       /* for a dump */
        ProcessUser user;
        bool has_user;
} ReactData;
extern const OperationKind op_react;

/* The same steps for others: of a row of steps that ends with the domain not running. */
int step_kill(Operation *operation);
int step_wait_end(Operation *operation);
int step_end_helpers(Operation *operation);
int step_remove_files(Operation *operation);
int step_forget_life(Operation *operation);

/* op-power.c */
typedef struct PowerData {
        const char *mode; /* "acpi", "agent", or NULL: whichever works */
        bool agent;       /* the agent was asked */
        void *agent_call;
} PowerData;
extern const OperationKind op_shutdown, op_reboot, op_reset, op_suspend, op_resume;

/* op-define.c */
typedef struct DefineData {
        char *definition, *title;
        json_object *faults; /* warnings for whoever defines it; may be NULL */
        char *path;
} DefineData;
extern const OperationKind op_define;
typedef struct UndefineData {
        bool managed_save, state;
        char *definition_path, *autostart_path, *save_path, *state_path;
} UndefineData;
extern const OperationKind op_undefine;
typedef struct AutostartData {
        bool autostart;
        char *path, *target;
} AutostartData;
extern const OperationKind op_autostart;

/* op-rename.c */
typedef struct RenameData {
        char *name;
        /* the operation's own */
        char *old_name, *definition, *path;
        const Settings *settings;
        Managed *holder; /* of the name */
} RenameData;
extern const OperationKind op_rename;

/* op-metadata.c: as MetadataChange */
typedef struct MetadataData {
        char *title, *description, *uri, *key, *xml;
        bool live, config; /* neither: all that there is */
        /* the operation's own */
        char *path, *old_config, *old_live, *new_config, *new_live;
} MetadataData;
extern const OperationKind op_metadata;

/* op-adopt.c: of a connection that api-adopt.c has made. Takes what data owns. */
typedef struct AdoptData {
        QmpClient *client; /* past its handshake */
        char *path;
        pid_t pid;
        uint64_t start;
        /* the operation's own */
        json_object *nodes, *devices, *pci; /* replies */
        char *machine;                      /* "pc-q35-7.2" */
        bool kvm;
        struct AdoptMap *map;
} AdoptData;
extern const OperationKind op_adopt, op_release;

/* op-qmp.c */
typedef struct QmpData {
        char *command;
        json_object *arguments;
} QmpData;
extern const OperationKind op_qmp;

/* For their last steps: the domain as it is now; what was replied to the last call. */
int step_answer_domain(Operation *operation);
int step_answer_reply(Operation *operation);

/* For their first steps: -ESTALE with a sentence unless the domain runs and can be spoken to, or does not
 * run. */
int require_running(Operation *operation);
int require_shut_off(Operation *operation);

/* NULL where an error is set already: the first one counts. */
static inline MusterError **operation_error(Operation *operation)
{
        return operation->error ? NULL : &operation->error;
}

/* op-device.c: what comes and goes while the guest runs, and in the definition. */
typedef enum DeviceAction {
        DEVICE_ATTACH,
        DEVICE_DETACH,
        DEVICE_UPDATE, /* another medium */
} DeviceAction;

typedef struct DeviceData {
        DeviceAction action;
        char *device;      /* XML; of a detach also an alias or a target */
        bool live, config; /* what is changed: what runs, what it is started from */
        bool force;
        struct DeviceWork *work; /* the operation's own */
} DeviceData;
extern const OperationKind op_device;

/* op-recover.c: what a daemon that died left half done of a running domain. */
extern const OperationKind op_recover;

/*
 * For operations that change what runs: from now until recover_forget(), a daemon that dies leaves a note of
 * what was under way. `witness`: {"device": "virtio-disk1", "gone"?: true} or {"device", "node"}: if that is
 * so in the emulator it was done: then `steps` are carried out (what was still to do), and `definition` and
 * `blocks` hold; else `undo` is. Takes a reference to each; any but the witness may be NULL.
 */
int recover_note(Operation *operation, json_object *witness, const json_object *steps,
                 const json_object *undo, const char *definition, json_object *blocks);
void recover_forget(Operation *operation);

/* What holds now: definition (copied) and, unless NULL, the chain of a disk. Writes the record. */
int life_take_change(Life *life, const char *definition, const char *disk, json_object *chain,
                     MusterError **ret_error);
