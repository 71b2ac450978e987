/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A domain under management: what it is for good (name, UUID, definition), and while it runs its Life. In
 * the daemon's memory it is a mirror of what lies on the disk: NAME.xml in the definitions' directory, and
 * the record of its life (life-record.h). Whoever changes one writes the other before telling anybody.
 */

#include "daemon/daemon.h"
#include "daemon/operation.h"
#include "daemon/process.h"
#include "daemon/state.h"
#include "domain/value.h"
#include "feature/verdict.h"
#include "qmp/client.h"

/* A process that a life needs beside its emulator. */
typedef struct LifeHelper {
        char *purpose;
        Process *process;
        struct LifeHelper *next;
} LifeHelper;

/* From the start of an emulator, or its adoption, to its end. */
typedef struct Life {
        Managed *managed;
        char *definition; /* as it runs: with all addresses, and what was changed since */
        char *emulator;   /* the path that was started */
        char *executable; /* what really runs, and its digest */
        char *digest;
        char *monitor_path; /* its QMP socket */
        Process *process;   /* NULL before it was forked */
        LifeHelper *helpers;
        QmpClient *monitor;      /* NULL: not connected */
        bool monitor_ready;      /* the handshake is done */
        bool lost;               /* it runs, but its monitor is gone for good: it can only be destroyed */
        bool adopted;            /* it was started by somebody else */
        bool read_only;          /* adopted, and its command line could not be mapped */
        bool ending;             /* told to quit: its end is no crash */
        bool rebooting;          /* a reboot was asked for: when the guest powers off it is reset */
        uid_t uid;               /* its own; (uid_t)-1: none */
        DomainReason end_reason; /* why it ends, once that is known */
        DomainReason stop_reason, run_reason; /* of the next STOP and RESUME */
        json_object *lifecycle;               /* of the plan */
        json_object *remove;                  /* array of paths to remove when it has ended */
        json_object *granted;                 /* array of paths that its user was let at */
        json_object *links;                   /* array of network devices to delete then (descriptors.h) */
        json_object
                *blocks; /* object: what the disks' chains are now, by target; made by block operations */
        json_object *pending; /* what is under way (op-recover.c); NULL: nothing */
        json_object *jobs;    /* object: block jobs by disk */
        json_object
                *saving;  /* object: a save, or a restore, that is under way (op-save.c); empty: none is */
        char *agent_path; /* the guest agent's socket; NULL: it has none */
        MusterVerdicts *verdicts; /* on what runs; NULL: not asked for since the daemon was started */
        uv_timer_t *timer;        /* of a reconnect */
        unsigned attempts;
        uint64_t told_second; /* how many events were told in this second */
        unsigned told;
} Life;

struct Managed {
        unsigned n_ref;
        Daemon *daemon;
        Managed *next;
        char *name;
        char uuid[UUID_TEXT_SIZE];
        char *definition; /* what it is started from; NULL: it is transient */
        char *title;
        bool autostart, managed_save;
        bool held;   /* an answer is being made for one that is neither defined nor runs yet */
        unsigned id; /* while it runs */
        DomainState state;
        DomainReason reason;
        Life *life;            /* NULL: it does not run */
        Operation *operations; /* the first one is under way */
};

/* Makes one that is neither defined nor runs. It is dropped again unless it becomes one of both, when its
 * last operation has ended. -EEXIST: name or UUID are taken. */
int managed_new(Daemon *daemon, const char *name, const char *uuid, Managed **ret, MusterError **ret_error);
Managed *managed_ref(Managed *managed);
Managed *managed_unref(Managed *managed);

/* Forgets it if it is neither defined nor runs nor has an operation. May free it. */
void managed_maybe_drop(Managed *managed);

/* Only after the file has its new name. -ENOMEM */
int managed_set_name(Managed *managed, const char *name);

/*
 * The one place where a state changes: logs it, writes the life's record and emits the event "lifecycle"
 * {"domain", "uuid", "event", "detail", "state", "reason"}. `event` is virsh's: "started", "suspended",
 * "resumed", "stopped", "shutdown", "crashed", …; NULL: none is emitted.
 */
int managed_set_state(Managed *managed, DomainState state, DomainReason reason, const char *event);

/* An event of this domain. Takes `detail` (an object, or NULL) and adds to it who it is about. */
int managed_emit(Managed *managed, const char *kind, const char *event, json_object *detail);

bool managed_is_active(const Managed *managed);

/* As the API has it; NULL: out of memory. */
json_object *managed_to_json(const Managed *managed);

/* A new life, of which nothing runs yet; managed->id is given. */
int life_new(Managed *managed, Life **ret);

/* What it holds in this process; ends nothing. */
Life *life_free(Life *life);

/* RUN/domains/NAME, or a file in it; to free(). */
char *managed_run_path(const Managed *managed, const char *file);
char *managed_state_path(const Managed *managed, const char *file);
/* Where its emulator reaches nothing: RUN/records, RUN/monitors are the daemon's alone. */
char *managed_record_path(const Managed *managed);
char *managed_monitor_path(const Managed *managed);
char *managed_definition_path(const Managed *managed);
char *managed_autostart_path(const Managed *managed);
char *managed_save_path(const Managed *managed);
char *managed_log_path(const Managed *managed);

/* A name that is a file's, too: 1 to 200 bytes of UTF-8, no '/', no control characters, no '.' in front. */
int managed_check_name(const char *name, MusterError **ret_error);

DEFINE_CLEANUP(Life, life_free);
