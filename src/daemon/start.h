/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of "start" share:
 *
 *   op-start.c        the row of steps
 *   start-data.c      definition, life, user, files, the log's last words
 *   start-process.c   helpers and the emulator
 *   start-threads.c   processors for its threads
 *   save.c            a saved state
 */

#include "daemon/operations.h"

/* start-data.c */
int start_input(const Daemon *daemon, const char *text, const char *file, unsigned flags, PrepareInput *ret);
int start_fill_life(Life *life, StartData *data);
int start_choose_user(Life *life); /* -EUSERS: all are taken */
/* The user of a life, for processes and files; false: the daemon's own. */
bool start_user(const Life *life, ProcessUser *ret);
int start_files_input(Operation *operation);
int start_work_files(Operation *operation, MusterError **ret_error); /* in the pool */
/*
 * Before anything is done: whom it may let at what, since a daemon that dies in between leaves it to the
 * next one to take all of that back, and to take back what was not given does no harm. Then what was done.
 */
int start_note_files(Operation *operation);
void start_keep_files(Operation *operation);
void start_keep_reply(Operation *operation, const char *key);
void start_close_fds(Operation *operation);
int start_open_input(Operation *operation);
int start_work_open(Operation *operation, MusterError **ret_error); /* in the pool */
void start_keep_names(Operation *operation);
void start_say_log(Operation *operation);
void start_data_clear(StartData *data);

/* start-process.c: steps */
int start_next_helper(Operation *operation);
int start_emulator(Operation *operation);

/* start-threads.c: a step */
int start_bind_threads(Operation *operation);

/* save.c: steps, each of which does nothing where there is no saved state; and what they hold */
int start_open_saved(Operation *operation);
int start_take_definition(Operation *operation);
int start_add_incoming(Operation *operation);
int start_make_folder(Operation *operation);
int start_incoming(Operation *operation);
int start_feed(Operation *operation);
int start_ask_incoming(Operation *operation);
int start_incoming_over(Operation *operation);
int start_note_taken(Operation *operation);
int start_remove_saved(Operation *operation);
int start_undo_saved(Operation *operation);
void start_forget_saved(Operation *operation);
void start_saved_free(struct StartSaved *saved);
