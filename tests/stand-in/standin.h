/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The stand-in: a process that a daemon takes for qemu-system-x86_64, for tests of scale, endurance and
 * faults. It reads the command line that muster writes, listens where that says, and answers QMP as QEMU 7.2
 * does (test_stand_in.py holds it against the real one), but it has no guest: two threads less, a megabyte
 * of memory, and a start of a millisecond. One process, one thread, one poll(); all state is global, since
 * there is one machine.
 *
 * Its executable ends with what a real emulator answered to a probe (tests/replay/scenario.h), so that a
 * probe run and muster's store take it for an emulator of that schema. What it does wrong, it is told by
 * files beside it (faults.c).
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/json.h"
#include "base/util.h"

/* What the command line says. */
typedef struct Machine {
        const char *name;
        char uuid[37];
        int64_t n_cpus, memory;
        bool paused;      /* -S */
        bool no_shutdown; /* a guest that powers off leaves its emulator */
        const char *incoming;
        json_object *chardevs; /* object: by id, what -chardev said */
        char *monitor;         /* the id of the monitor's chardev */
        json_object *objects;  /* object: by id, the type */
        json_object *netdevs;
} Machine;

extern Machine machine;

/* options.c. Exits with QEMU's words about what it cannot read. */
void options_read(char **argv);
/* "type,key=value,…" where ",," is a comma: an object of strings; the first word without '=' is `implied`'s.
 */
json_object *options_parse(const char *text, const char *implied);

/* timer.c: what comes later, in the order of its time. Data that is equal may be cancelled together. */
typedef void (*TimerFn)(void *data);
void timer_add(int64_t msec, TimerFn fn, void *data);
void timer_cancel(TimerFn fn, void *data);
int timer_wait(void); /* for poll(): milliseconds until the next one, -1 if there is none */
void timer_run(void); /* all that are due */

/* wire.c: the monitor's socket and its client. */
void wire_open(int fd);
void wire_open_stdio(void);
/* Waits for something of its own, or for `other`, and does it; negative: the client on stdio is gone. */
int wire_poll(int other, int timeout_msec);
void wire_put(json_object *message);
void wire_put_text(const char *text, size_t size);
void wire_flush(void);   /* all that was put is in the socket, or its client is gone */
int wire_take_fd(void);  /* that a client has sent; -1 */
bool wire_greeted(void); /* a client is there and past its negotiation */
extern bool wire_oob;    /* it negotiated that */
void wire_negotiated(void);
bool wire_is_stdio(void);

/* qmp.c */
void qmp_greet(void);
void qmp_dispatch(json_object *request);
void qmp_error(json_object *id, bool has_id, const char *class_name, const char *text);
/* An event with `data` (taken; may be NULL); goes to the client if one has negotiated. */
void qmp_event(const char *name, json_object *data);
/* {"key": "text"} */
json_object *data_of(const char *key, const char *text);

/* For handlers: what a command fails with. Returns NULL. */
json_object *fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
json_object *fail_class(const char *class_name, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
/* An empty object: a command that returns nothing was successful. */
json_object *done(void);

/*
 * A command: its handler gets an object (never NULL) that fits `arguments`, and returns a new value or
 * fail(). `arguments`: "id!s speed?i": mandatory or optional, s string, i integer, b boolean, o object,
 * a array, v any; "*": unchecked.
 */
typedef json_object *(*CommandFn)(json_object *arguments);
typedef struct Command {
        const char *name, *arguments;
        CommandFn fn;
} Command;
extern const Command run_commands[], query_commands[], block_commands[], device_commands[], job_commands[],
        migration_commands[];

/* run.c: the states of a machine. */
const char *run_status(void);
bool run_is_running(void);
void run_stop(const char *status); /* with its event, if it ran */
void run_set(const char *status);  /* without */
void run_resume(void);
void run_quit(const char *reason) __attribute__((noreturn));
void run_start(void);

/* block.c: nodes. Each is an object: its arguments, with "node-name", and "backing" as a name or null. */
int block_add(json_object *arguments, bool nested, char **ret_error);
json_object *block_find(const char *node);
json_object *block_image(json_object *node); /* an ImageInfo */
int64_t block_size(const char *node);
void block_replace(const char *from, const char *to); /* in all that use it: devices and overlays */
void block_set_backing(const char *node, const char *backing);
json_object *block_nodes(void);                 /* by name; borrowed */
json_object *block_inserted(json_object *node); /* a BlockDeviceInfo */
const char *block_overlay_of(const char *node); /* NULL */
const char *block_backing(const char *node);    /* NULL */
bool block_is_backed_by(const char *top, const char *base);

/* device.c */
int device_add(json_object *arguments, char **ret_error);
json_object *devices(void); /* by id: its arguments; borrowed */
const char *device_of_node(const char *node);
json_object *device_find(const char *id_or_path);
void device_guest_runs(void); /* now, and can let go of what it was asked for */
void device_reset(void);

/* job.c */
bool job_uses(const char *node);

/* migration.c */
void migration_incoming(void);

/* faults.c */
void faults_start(void);
bool faults_before_greeting(void); /* whether it greets at all */
/* What is wrong about this command; whether its reply still goes out. */
bool faults_before_reply(const char *command, json_object *reply);
void faults_after_reply(const char *command);
void faults_before_command(const char *command);
const char *faults_refusal(const char *command); /* the error that it is to fail with; NULL */
int64_t faults_int(const char *key, int64_t fallback);
bool faults_bool(const char *key);

/* recorded.c */
json_object *recorded_greeting(void);
json_object *recorded_reply(const char *command, json_object *arguments); /* NULL: not recorded */
