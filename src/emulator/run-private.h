/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What run.c, run-spawn.c and run-connect.c share. */

#include <signal.h>

#include "emulator/run.h"

struct Run {
        uv_loop_t loop;
        bool has_loop;
        MusterContext *context;
        MusterEmulatorKind kind;
        char *name; /* the path or address, for sentences */
        pid_t speaker;
        Child *child;
        QmpClient *client;

        uint64_t deadline; /* of the whole run, on now_usec()'s clock */
        uv_timer_t timer;
        uv_poll_t cancel;
        bool has_timer, has_cancel;
        bool overdue, cancelled;
        bool holds_sigpipe; /* blocked here for the run's time */
        unsigned low_fds;

        bool ready;
        bool closed; /* the session ended: */
        int closed_error;
        char *closed_why;
        bool exited; /* the child ended: */
        int status;
};

/*
 * Where the program around runs without stdin, stdout or stderr, the loop's own descriptors would get these
 * numbers, and libuv aborts when it closes one of them: for a run's time they are taken. Returns which
 * (bits).
 */
unsigned low_fds_occupy(void);
void low_fds_release(unsigned low_fds);

/* A run without an emulator, its clock ticking until `deadline`. Takes nothing. */
int run_new(MusterContext *context, const char *name, uint64_t deadline, Run **ret, MusterError **ret_error);

/* As run_spawn(), until a given point in time. */
int run_spawn_until(MusterContext *context, const char *path, MusterEmulatorKind kind, bool either,
                    uint64_t deadline, Run **ret, MusterError **ret_error);

/* What is left until the deadline, at least 1 ms; for qmp_client_call(). */
uint64_t run_remaining_usec(const Run *run);

/* Takes over the client and its handlers. */
void run_attach(Run *run, QmpClient *client);

/* Turns the loop until *done or one of the ends; returns *done. */
bool run_turn(Run *run, const bool *done);

/* Gives the exit and the last words of a dying child time to arrive. */
void run_linger(Run *run);

/* Whether the session ended since the other side went away, rather than by breaking the protocol. */
bool run_died(const Run *run);

/* "exited with status 1", or "closed its monitor" where no exit was seen; to free(). */
char *run_how_it_ended(const Run *run);

/* Marks the error where the emulator was killed from outside: by a person, or for want of memory or time. */
void run_mark_killed(const Run *run, MusterError **ret_error);

/* The error for what ended the turning of the loop. */
int run_explain_end(Run *run, MusterError **ret_error);

void run_on_exit(int status, void *userdata);
