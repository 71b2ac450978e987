/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of the archive share: libarchive, loaded, and a reader. */

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <pthread.h>
#include <stdbool.h>

#include "store/archive.h"

#ifndef ARCHIVE_EOF
#error "<archive.h> is this folder's: build with implicit_include_directories: false"
#endif

#define ARCHIVE_LIBRARY    "libarchive.so.13"
#define ARCHIVE_CHUNK      (64U * 1024)
#define ARCHIVE_BLOCK      512U
#define ARCHIVE_NAME_SHOWN 120U

#define LIBARCHIVE(F)                                                                                       \
        F(archive_entry_clear)                                                                              \
        F(archive_entry_filetype)                                                                           \
        F(archive_entry_free)                                                                               \
        F(archive_entry_hardlink)                                                                           \
        F(archive_entry_new)                                                                                \
        F(archive_entry_pathname)                                                                           \
        F(archive_entry_set_filetype)                                                                       \
        F(archive_entry_set_mtime)                                                                          \
        F(archive_entry_set_pathname)                                                                       \
        F(archive_entry_set_perm)                                                                           \
        F(archive_entry_set_size)                                                                           \
        F(archive_entry_size)                                                                               \
        F(archive_entry_sparse_count)                                                                       \
        F(archive_errno)                                                                                    \
        F(archive_error_string)                                                                             \
        F(archive_filter_bytes)                                                                             \
        F(archive_read_append_filter)                                                                       \
        F(archive_read_data_block)                                                                          \
        F(archive_read_free)                                                                                \
        F(archive_read_header_position)                                                                     \
        F(archive_read_new)                                                                                 \
        F(archive_read_next_header)                                                                         \
        F(archive_read_open)                                                                                \
        F(archive_read_set_format_option)                                                                   \
        F(archive_read_support_filter_gzip)                                                                 \
        F(archive_read_support_filter_xz)                                                                   \
        F(archive_read_support_filter_zstd)                                                                 \
        F(archive_read_support_format_raw)                                                                  \
        F(archive_read_support_format_tar)                                                                  \
        F(archive_write_close)                                                                              \
        F(archive_write_data)                                                                               \
        F(archive_write_free)                                                                               \
        F(archive_write_header)                                                                             \
        F(archive_write_new)                                                                                \
        F(archive_write_open)                                                                               \
        F(archive_write_set_bytes_in_last_block)                                                            \
        F(archive_write_set_bytes_per_block)                                                                \
        F(archive_write_set_format_pax_restricted)

#define LIBARCHIVE_MEMBER(function) typeof(&(function)) function;

typedef struct Libarchive {
        pthread_once_t once;
        int r;
        locale_t utf8; /* (locale_t)0, which changes nothing, where the host has none */
        LIBARCHIVE(LIBARCHIVE_MEMBER)
} Libarchive;

/* After need_libarchive() only. */
extern Libarchive la;

/* -ENOPKG with a sentence. */
int need_libarchive(MusterError **ret_error);

/* What is wrong with a name, as the end of a sentence; NULL if nothing is. */
const char *archive_name_fault(const char *name);
int archive_report_name(int r, const char *name, const char *fault, MusterError **ret_error);

typedef struct Reader {
        int fd;
        size_t member_max, members_max, total_max;

        struct archive *packed, *tar;
        struct archive *broken; /* the one of them that failed */
        int r;                  /* of what failed outside of libarchive */

        size_t n_read;     /* bytes of the file */
        size_t n_unpacked; /* bytes of the tar */
        size_t n_zeros;    /* how many of its last bytes are zeros */
        size_t n_headers;  /* bytes, but for blank ones, since the search for the next member began */
        bool in_headers;   /* it is going on */
        size_t n_members;
        size_t n_taken; /* bytes of members, which is more than they have in the tar where they have holes */

        const char *rest; /* of what was unpacked, for the parser */
        size_t n_rest;

        size_t n_peeked; /* bytes in `chunk` that libarchive has yet to get */
        char chunk[ARCHIVE_CHUNK];
} Reader;

/* Finds out how the file is packed, and opens it and the tar within. */
int reader_open(Reader *reader, MusterError **ret_error);

/* Frees it too. Returns NULL. */
Reader *reader_free(Reader *reader);

/* Why libarchive did not go on. */
int reader_report(const Reader *reader, MusterError **ret_error);
int reader_report_cut(MusterError **ret_error);
int reader_report_total(const Reader *reader, MusterError **ret_error);

static inline void cleanup_reader(Reader **reader)
{
        reader_free(*reader);
}
