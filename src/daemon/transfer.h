/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A state on its way between an emulator and a file, by a thread of its own: it may take hours, and the pool
 * is for what takes moments. The emulator's end is a Unix socket, since descriptors cannot be passed to it
 * by every QEMU, and its sandbox lets it start no programs.
 */

#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "base/error.h"

typedef struct Transfer Transfer;

/* How it ended: 0, or a negative errno and `error` (borrowed). Called once, unless it was stopped before. */
typedef void (*TransferDoneFn)(int result, const MusterError *error, uint64_t bytes, uint64_t checksum,
                               void *userdata);

typedef struct TransferSpec {
        int socket;       /* taken over in every case: one that listens, to save; a connected one, to load */
        int file;         /* borrowed: duplicated */
        const char *path; /* what messages call it; copied */
        pid_t peer;       /* who may be at the other end */
        bool load;
        uint64_t offset;   /* in the file */
        uint64_t length;   /* to load, */
        uint64_t checksum; /* which must have this one */
} TransferSpec;

int transfer_start(uv_loop_t *loop, const TransferSpec *spec, TransferDoneFn done, void *userdata,
                   Transfer **ret, MusterError **ret_error);

/* Ends soon, with -ECANCELED unless it has ended otherwise by itself. */
void transfer_interrupt(Transfer *transfer);

/* `done` will not be called any more; the thread ends soon, and all is freed behind it. Returns NULL. */
Transfer *transfer_stop(Transfer *transfer);

/* How many bytes went by until now. */
uint64_t transfer_bytes(const Transfer *transfer);
