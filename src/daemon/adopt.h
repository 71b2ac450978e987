/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An emulator that somebody else started, and what of it is known without asking it to change anything:
 *
 *   api-adopt.c      connects, waits for the greeting, asks for name and UUID, finds the process
 *   adopt-speaker.c  which process it is
 *   op-adopt.c       the life, the questions, the record
 *   adopt-map.c      its command line as a definition, held against what runs
 */

#include "daemon/operations.h"

/*
 * The process that has the other end of this connected socket open, once it has accepted it. SO_PEERCRED
 * tells who made the listener, which was handed on where libvirt or muster started the emulator. Reads all
 * of /proc: for the pool. -ESRCH; -EPERM: it belongs to another user.
 */
int adopt_find_speaker(ino_t own_inode, pid_t peer, pid_t *ret, MusterError **ret_error);

typedef struct AdoptMap {
        /* Copies, for the pool. */
        char *name, uuid[UUID_TEXT_SIZE], *machine, *run_directory, *state_directory;
        pid_t pid;
        bool kvm, root;
        MusterVerdicts *verdicts;
        json_object *nodes, *devices, *pci; /* as it is now; each may be NULL */
        /* What came of it. */
        char *definition;
        char *agent_path;       /* NULL: it has none */
        json_object *lifecycle; /* NULL: what the guest does is none of our business */
        json_object *unmapped;
} AdoptMap;

AdoptMap *adopt_map_free(AdoptMap *map);

/* In the pool. */
int adopt_map(AdoptMap *map, MusterError **ret_error);
