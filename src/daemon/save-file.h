/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A saved state as it lies on the disk (muster-save(5)): a header that says whose it is and what the state
 * behind it must be, and the state, an emulator's migration stream. What is not finished has no header, so
 * it is never taken for one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define SAVE_TOKEN_SIZE 17U /* 64 random bits in hex, and NUL */

typedef struct SaveHeader {
        char *definition; /* as it ran: what the state fits */
        char *name, *uuid;
        char *emulator, *digest;
        char *token;                       /* of this save alone */
        bool running;                      /* it is to run on when it is restored */
        int64_t time;                      /* seconds since the epoch */
        uint64_t offset, length, checksum; /* of the state */
} SaveHeader;

void save_header_clear(SaveHeader *header);

void save_make_token(char ret[static SAVE_TOKEN_SIZE]);

/* Pure: what the beginning of a file of `file_size` bytes says. -EBADMSG with what is wrong. */
int save_header_parse(const void *data, size_t size, uint64_t file_size, SaveHeader *ret,
                      MusterError **ret_error);

/* Pure: the header's bytes, to free(); header->offset must be save_header_offset(). */
int save_header_format(const SaveHeader *header, char **ret, size_t *ret_size);

/* Where the state will begin: all but length and checksum must be known. 0: out of memory. */
uint64_t save_header_offset(const SaveHeader *header);

/* Blocking, all of them. A file that is there and is no regular one, or no saved state, is left alone. */
int save_file_create(const char *path, const char *token, char **ret_temporary, int *ret_fd,
                     MusterError **ret_error);

/* Header, disk, name: when it is back, the save is there for good. */
int save_file_finish(int fd, const char *temporary, const char *path, const SaveHeader *header,
                     MusterError **ret_error);

/* Links are not followed. -EBADMSG: it is no save, damaged, or cut off. */
int save_file_open(const char *path, SaveHeader *ret, int *ret_fd, MusterError **ret_error);

/* The state's checksum, in steps that are multiples of 8 bytes but for the last. */
#define SAVE_CHECKSUM_START UINT64_C(0xcbf29ce484222325)
uint64_t save_checksum(uint64_t sum, const void *data, size_t size);
