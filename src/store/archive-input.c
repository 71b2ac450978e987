/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/util.h"
#include "store/archive-private.h"

/*
 * Reading goes through two of libarchive's readers: one unpacks (its "raw" format), the other parses the tar
 * that comes out. Between them every byte can be counted, which bounds what a small file may unpack to, also
 * where the parser would run over gigabytes of zeros without returning; and the end mark can be seen, whose
 * absence libarchive forgives, so that a file cut off between two members would pass for a whole one.
 *
 * What is counted too is what the parser takes for the headers of one member: it keeps the map of a sparse
 * file in a list of some 50 bytes for every 4 of the map, and looks through all of an access list for every
 * entry of it. So it is fed in small pieces.
 *
 * How the file is packed is found out here, by its first bytes. Left to itself, libarchive unpacks up to 25
 * layers before it says so (a bomb needs but two), and runs programs for what it was built without.
 */

#define PIECE       4096U
#define HEADERS_MAX (32U * 1024)

int reader_report_total(const Reader *reader, MusterError **ret_error)
{
        return error_set(
                ret_error, -EFBIG,
                _("The archive unpacks to more than %zu bytes, which is more than is taken; split it."),
                reader->total_max);
}

int reader_report(const Reader *reader, MusterError **ret_error)
{
        struct archive *broken = reader->broken ? reader->broken : reader->tar;

        if (reader->r == -EFBIG)
                return reader_report_total(reader, ret_error);
        if (reader->r == -EBADMSG)
                return error_set(
                        ret_error, reader->r,
                        _("The headers of a member of the archive are longer than %u bytes; make it "
                          "anew, without extended attributes."),
                        HEADERS_MAX);
        if (reader->r < 0)
                return error_errno(ret_error, reader->r, _("The archive cannot be read"));
        if (la.archive_errno(broken) == ENOMEM)
                return error_oom(ret_error);
        return error_set_detail(ret_error, -EBADMSG, la.archive_error_string(broken),
                                _("This is no tar archive, or it is damaged or cut short; make it anew."));
}

int reader_report_cut(MusterError **ret_error)
{
        return error_set(ret_error, -EBADMSG,
                         _("The archive is cut short: the mark at its end is missing; make it anew."));
}

/* The number of bytes, at most to the end of `chunk`; 0 at the end of the file; negative errno. */
static ssize_t read_chunk(Reader *reader, size_t offset)
{
        ssize_t n;

        do
                n = read(reader->fd, reader->chunk + offset, ARCHIVE_CHUNK - offset);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        reader->n_read += (size_t)n;
        /* What does not unpack to anything might go on for ever; nothing sane is longer packed than not. */
        return reader->n_read / 2 > reader->total_max ? -EFBIG : n;
}

static la_ssize_t on_read(struct archive *archive, void *userdata, const void **ret)
{
        Reader *reader = userdata;
        ssize_t n;

        *ret = reader->chunk;
        n = reader->n_peeked > 0 ? (ssize_t)reader->n_peeked : read_chunk(reader, 0);
        reader->n_peeked = 0;
        if (n >= 0)
                return n;
        reader->r = (int)n;
        return ARCHIVE_FATAL;
}

/* More bytes for the parser, unless they are more than one may have. */
static int account(Reader *reader, const char *data, size_t size)
{
        size_t rest = size;

        if (size > reader->total_max - reader->n_unpacked)
                return -EFBIG;
        reader->n_unpacked += size;
        while (rest > 0 && data[rest - 1] == 0)
                rest--;
        reader->n_zeros = rest == 0 ? reader->n_zeros + size : size - rest;
        if (rest > 0)
                reader->n_headers += size;
        return reader->in_headers && reader->n_headers > HEADERS_MAX ? -EBADMSG : 0;
}

static int unpack(Reader *reader)
{
        const void *data = NULL;
        size_t size = 0;
        int64_t offset;
        int r;

        do
                r = la.archive_read_data_block(reader->packed, &data, &size, &offset);
        while (r == ARCHIVE_OK && size == 0);
        if (r == ARCHIVE_OK) {
                reader->rest = data;
                reader->n_rest = size;
        } else if (r != ARCHIVE_EOF) {
                reader->broken = reader->packed;
                return ARCHIVE_FATAL;
        }
        return ARCHIVE_OK;
}

static la_ssize_t on_unpack(struct archive *archive, void *userdata, const void **ret)
{
        Reader *reader = userdata;
        size_t size;

        if (reader->n_rest == 0 && unpack(reader) != ARCHIVE_OK)
                return ARCHIVE_FATAL;
        size = reader->n_rest < PIECE ? reader->n_rest : PIECE;
        reader->r = account(reader, reader->rest, size);
        if (reader->r < 0)
                return ARCHIVE_FATAL;
        *ret = reader->rest;
        reader->rest += size;
        reader->n_rest -= size;
        return (la_ssize_t)size;
}

static const struct Packing {
        const char *name, *magic;
        size_t magic_size;
        int filter;
} packings[] = {
        {"gzip", "\x1f\x8b", 2, ARCHIVE_FILTER_GZIP},
        {"xz", "\xfd\x37\x7a\x58\x5a\x00", 6, ARCHIVE_FILTER_XZ},
        {"zstd", "\x28\xb5\x2f\xfd", 4, ARCHIVE_FILTER_ZSTD},
};
#define MAGIC_MAX 6U

/* A pipe may give less than was asked for. */
static int peek(Reader *reader, MusterError **ret_error)
{
        ssize_t n = 1;

        while (reader->n_peeked < MAGIC_MAX && n > 0) {
                n = read_chunk(reader, reader->n_peeked);
                if (n < 0) {
                        reader->r = (int)n;
                        return reader_report(reader, ret_error);
                }
                reader->n_peeked += (size_t)n;
        }
        if (reader->n_peeked == 0)
                return error_set(
                        ret_error, -EBADMSG,
                        _("The archive is empty, not even the mark at its end is there; make it anew."));
        return 0;
}

/* ARCHIVE_WARN from these says that a program would be run. */
static int support(struct archive *archive, int filter)
{
        switch (filter) {
        case ARCHIVE_FILTER_GZIP:
                return la.archive_read_support_filter_gzip(archive);
        case ARCHIVE_FILTER_XZ:
                return la.archive_read_support_filter_xz(archive);
        default:
                return la.archive_read_support_filter_zstd(archive);
        }
}

static int choose_filter(Reader *reader, MusterError **ret_error)
{
        for (size_t i = 0; i < ELEMENTSOF(packings); i++) {
                const struct Packing *packing = &packings[i];

                if (reader->n_peeked < packing->magic_size ||
                    memcmp(reader->chunk, packing->magic, packing->magic_size) != 0)
                        continue;
                if (support(reader->packed, packing->filter) != ARCHIVE_OK)
                        return error_set(ret_error, -EOPNOTSUPP,
                                         _("This host's libarchive was built without %s; unpack the archive "
                                           "with '%s -d' first."),
                                         packing->name, packing->name);
                if (la.archive_read_append_filter(reader->packed, packing->filter) != ARCHIVE_OK) {
                        reader->broken = reader->packed;
                        return reader_report(reader, ret_error);
                }
                return 0;
        }
        return 0;
}

static int open_packed(Reader *reader, MusterError **ret_error)
{
        struct archive *packed = reader->packed;
        struct archive_entry *entry;
        int r;

        r = peek(reader, ret_error);
        if (r < 0)
                return r;
        r = choose_filter(reader, ret_error);
        if (r < 0)
                return r;
        if (la.archive_read_support_format_raw(packed) != ARCHIVE_OK ||
            la.archive_read_open(packed, reader, /* open= */ NULL, on_read, /* close= */ NULL) !=
                    ARCHIVE_OK ||
            la.archive_read_next_header(packed, &entry) != ARCHIVE_OK) {
                reader->broken = packed;
                return reader_report(reader, ret_error);
        }
        return 0;
}

/* Read on behind an end mark, and bytes of any kind there do not go unseen. */
static int open_tar(Reader *reader, MusterError **ret_error)
{
        struct archive *tar = reader->tar;

        if (la.archive_read_support_format_tar(tar) != ARCHIVE_OK ||
            la.archive_read_set_format_option(tar, "tar", "read_concatenated_archives", "1") != ARCHIVE_OK ||
            la.archive_read_open(tar, reader, /* open= */ NULL, on_unpack, /* close= */ NULL) != ARCHIVE_OK)
                return reader_report(reader, ret_error);
        return 0;
}

int reader_open(Reader *reader, MusterError **ret_error)
{
        int r;

        reader->packed = la.archive_read_new();
        reader->tar = la.archive_read_new();
        if (!reader->packed || !reader->tar)
                return error_oom(ret_error);
        r = open_packed(reader, ret_error);
        return r < 0 ? r : open_tar(reader, ret_error);
}

Reader *reader_free(Reader *reader)
{
        if (!reader)
                return NULL;
        if (reader->tar)
                la.archive_read_free(reader->tar);
        if (reader->packed)
                la.archive_read_free(reader->packed);
        free(reader);
        return NULL;
}
