/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/dynlib.h"
#include "base/i18n.h"
#include "base/util.h"

#ifndef ARCHIVE_EOF
#error "<archive.h> is this folder's: build with implicit_include_directories: false"
#endif

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
 *
 * Libarchive goes by LC_CTYPE to convert names, and calls a UTF-8 name an error in the C locale. So the
 * thread has a UTF-8 locale while libarchive deals with names; the process's locale is left alone.
 */

#define ARCHIVE_LIBRARY "libarchive.so.13"
#define CHUNK           (64U * 1024)
#define PIECE           4096U
#define HEADERS_MAX     (32U * 1024)
#define BLOCK           512U
#define END_MARK        (2 * BLOCK)
#define RECORD          (20 * BLOCK)
#define SHOWN_MAX       120U

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

#define MEMBER(function) typeof(&(function)) function;
#define SYMBOL(function) DYNLIB_SYMBOL(function, la.function),

static struct {
        pthread_once_t once;
        int r;
        locale_t utf8; /* (locale_t)0, which changes nothing, where the host has none */
        LIBARCHIVE(MEMBER)
} la = {.once = PTHREAD_ONCE_INIT};

static void load_libarchive(void)
{
        const DynlibSymbol symbols[] = {LIBARCHIVE(SYMBOL)};

        la.r = dynlib_load(ARCHIVE_LIBRARY, symbols, ELEMENTSOF(symbols));
        la.utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", /* base= */ (locale_t)0);
}

static int need_libarchive(MusterError **ret_error)
{
        pthread_once(&la.once, load_libarchive);
        if (la.r < 0)
                return error_set(ret_error, la.r,
                                 _("Tar archives need %s, which cannot be loaded; install the package "
                                   "libarchive13 (libarchive13t64 on newer systems)."),
                                 ARCHIVE_LIBRARY);
        return 0;
}

static void cleanup_reading(struct archive **archive)
{
        if (*archive)
                la.archive_read_free(*archive);
}

/* What text_is_utf8() lets pass: characters in more bytes than they need, surrogates, more than Unicode. */
static bool has_false_characters(const char *text)
{
        for (const unsigned char *s = (const unsigned char *)text; *s; s++)
                if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
                    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))
                        return true;
        return false;
}

static bool has_control_characters(const char *text)
{
        for (const unsigned char *s = (const unsigned char *)text; *s; s++)
                if (*s < 0x20 || *s == 0x7f || (*s == 0xc2 && s[1] < 0xa0))
                        return true;
        return false;
}

static bool has_dots(const char *name)
{
        for (size_t n; *name; name += n + (name[n] == '/')) {
                n = strcspn(name, "/");
                if ((n == 1 && name[0] == '.') || (n == 2 && name[0] == '.' && name[1] == '.'))
                        return true;
        }
        return false;
}

/* What is wrong with a name, as the end of a sentence; NULL if nothing is. */
static const char *name_fault(const char *name)
{
        size_t size = strlen(name);

        if (size == 0)
                return _("is empty");
        if (size > ARCHIVE_NAME_MAX)
                return _("is longer than 255 bytes");
        if (!text_is_utf8(name, size) || has_false_characters(name))
                return _("is no UTF-8");
        if (has_control_characters(name))
                return _("has control characters in it");
        if (name[0] == '/')
                return _("is absolute");
        return has_dots(name) ? _("has a \".\" or \"..\" in it") : NULL;
}

static int report_name(int r, const char *name, const char *fault, MusterError **ret_error)
{
        CLEANUP(free) char *shown = text_for_terminal(name, strlen(name), SHOWN_MAX);

        if (!shown)
                return error_oom(ret_error);
        return error_set(
                ret_error, r,
                _("The name \"%s\" of a member of the archive %s; only relative paths of files can be "
                  "such names."),
                shown, fault);
}

/* Writing */

struct ArchiveWriter {
        int fd;
        int r; /* of the first failure, which stays */
        struct archive *archive;
        struct archive_entry *entry;
};

/*
 * Libarchive is never told of a failed write, as it would leak its buffer then: the failure is kept, what
 * follows is thrown away, and the calls that lead here look at writer->r.
 */
static la_ssize_t on_write(struct archive *archive, void *userdata, const void *data, size_t size)
{
        ArchiveWriter *writer = userdata;

        for (size_t done = 0; done < size && writer->r == 0;) {
                ssize_t n = write(writer->fd, (const char *)data + done, size - done);

                if (n > 0)
                        done += (size_t)n;
                else if (n == 0 || errno != EINTR)
                        writer->r = n == 0 ? -EIO : -errno;
        }
        return (la_ssize_t)size;
}

/* What libarchive's call `r` and the writes that it led to have come to. */
static int written(ArchiveWriter *writer, int r, MusterError **ret_error)
{
        const char *words = NULL;

        if (r != ARCHIVE_OK && writer->r == 0) {
                int code = la.archive_errno(writer->archive);

                words = la.archive_error_string(writer->archive);
                writer->r = code > 0 ? -code : -EIO;
        }
        if (writer->r == 0)
                return 0;
        if (words)
                return error_set_detail(ret_error, writer->r, words,
                                        _("Libarchive cannot write the archive; try again."));
        return error_errno(ret_error, writer->r, _("The archive cannot be written"));
}

static int open_writer(ArchiveWriter *writer)
{
        struct archive *archive = writer->archive;
        int r;

        r = la.archive_write_set_format_pax_restricted(archive);
        if (r == ARCHIVE_OK)
                r = la.archive_write_set_bytes_per_block(archive, RECORD);
        if (r == ARCHIVE_OK)
                r = la.archive_write_set_bytes_in_last_block(archive, RECORD);
        if (r == ARCHIVE_OK)
                r = la.archive_write_open(archive, writer, /* open= */ NULL, on_write, /* close= */ NULL);
        return r;
}

int archive_writer_new(int fd, ArchiveWriter **ret, MusterError **ret_error)
{
        CLEANUP(ArchiveWriter) ArchiveWriter *writer = NULL;
        int r;

        r = need_libarchive(ret_error);
        if (r < 0)
                return r;
        writer = calloc(1, sizeof(*writer));
        if (!writer)
                return error_oom(ret_error);
        writer->fd = fd;
        writer->archive = la.archive_write_new();
        writer->entry = la.archive_entry_new();
        if (!writer->archive || !writer->entry)
                return error_oom(ret_error);
        r = written(writer, open_writer(writer), ret_error);
        if (r < 0)
                return r;
        *ret = TAKE(writer);
        return 0;
}

ArchiveWriter *archive_writer_free(ArchiveWriter *writer)
{
        if (!writer)
                return NULL;
        /* Freeing writes the end of an archive that has none yet. */
        if (writer->r == 0)
                writer->r = -ECANCELED;
        if (writer->archive)
                la.archive_write_free(writer->archive);
        if (writer->entry)
                la.archive_entry_free(writer->entry);
        free(writer);
        return NULL;
}

static int write_header(ArchiveWriter *writer, const char *name, size_t size, int64_t mtime)
{
        struct archive_entry *entry = la.archive_entry_clear(writer->entry);
        locale_t before = uselocale(la.utf8);
        int r;

        la.archive_entry_set_pathname(entry, name);
        la.archive_entry_set_filetype(entry, AE_IFREG);
        la.archive_entry_set_perm(entry, 0644);
        la.archive_entry_set_size(entry, (int64_t)size);
        la.archive_entry_set_mtime(entry, mtime, /* nsec= */ 0);
        r = la.archive_write_header(writer->archive, entry);
        uselocale(before);
        return r;
}

int archive_writer_add(ArchiveWriter *writer, const char *name, const void *data, size_t size, int64_t mtime,
                       MusterError **ret_error)
{
        const char *fault = name_fault(name);
        la_ssize_t n = 0;
        int r;

        if (fault)
                return report_name(-EINVAL, name, fault, ret_error);
        r = written(writer, write_header(writer, name, size, mtime), ret_error);
        if (r < 0)
                return r;
        if (size > 0)
                n = la.archive_write_data(writer->archive, data, size);
        return written(writer, n == (la_ssize_t)size ? ARCHIVE_OK : ARCHIVE_FATAL, ret_error);
}

int archive_writer_finish(ArchiveWriter *writer, MusterError **ret_error)
{
        return written(writer, la.archive_write_close(writer->archive), ret_error);
}

/* Reading */

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
        char chunk[CHUNK];
} Reader;

typedef struct Member {
        struct archive_entry *entry;
        const char *name;
        mode_t type; /* AE_IF… */
        bool hard_link;
} Member;

static int report_total(const Reader *reader, MusterError **ret_error)
{
        return error_set(
                ret_error, -EFBIG,
                _("The archive unpacks to more than %zu bytes, which is more than is taken; split it."),
                reader->total_max);
}

/* Why libarchive did not go on. */
static int report(const Reader *reader, MusterError **ret_error)
{
        struct archive *broken = reader->broken ? reader->broken : reader->tar;

        if (reader->r == -EFBIG)
                return report_total(reader, ret_error);
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

static int report_cut(MusterError **ret_error)
{
        return error_set(ret_error, -EBADMSG,
                         _("The archive is cut short: the mark at its end is missing; make it anew."));
}

/* How a member is called in sentences; NULL when out of memory. */
static char *shown_name(const char *name)
{
        return name ? text_for_terminal(name, strlen(name), SHOWN_MAX) : strdup("?");
}

/* The number of bytes, at most to the end of `chunk`; 0 at the end of the file; negative errno. */
static ssize_t read_chunk(Reader *reader, size_t offset)
{
        ssize_t n;

        do
                n = read(reader->fd, reader->chunk + offset, CHUNK - offset);
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
                        return report(reader, ret_error);
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
                        return report(reader, ret_error);
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
                return report(reader, ret_error);
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
                return report(reader, ret_error);
        return 0;
}

/*
 * At the end of a whole archive. The zeros may be a member's last ones, so libarchive must have passed as
 * many bytes in search of one more header; these may be a header's (a global one), so they must be zeros.
 */
static int check_end(const Reader *reader, MusterError **ret_error)
{
        int64_t passed =
                la.archive_filter_bytes(reader->tar, 0) - la.archive_read_header_position(reader->tar);

        if (reader->r < 0 || reader->broken)
                return report(reader, ret_error);
        if (passed < END_MARK || reader->n_zeros < END_MARK)
                return report_cut(ret_error);
        /* Gzip's filter stops, content, at the first bytes that are no gzip. */
        if (la.archive_filter_bytes(reader->packed, -1) != (int64_t)reader->n_read)
                return error_set(ret_error, -EBADMSG,
                                 _("There are more bytes behind the end of the archive; make it anew."));
        return 0;
}

/* 1: there is one, in *ret; 0: this was the end. */
static int next_member(Reader *reader, Member *ret, MusterError **ret_error)
{
        locale_t before = uselocale(la.utf8);
        Member member = {NULL};
        int r;

        reader->n_headers = 0;
        reader->in_headers = true;
        r = la.archive_read_next_header(reader->tar, &member.entry);
        reader->in_headers = false;
        if (r == ARCHIVE_OK) {
                member.name = la.archive_entry_pathname(member.entry);
                member.type = la.archive_entry_filetype(member.entry);
                member.hard_link = la.archive_entry_hardlink(member.entry) != NULL;
        }
        uselocale(before);
        if (r == ARCHIVE_EOF)
                return check_end(reader, ret_error);
        if (r != ARCHIVE_OK)
                return report(reader, ret_error);
        *ret = member;
        return 1;
}

static const char *type_name(const Member *member)
{
        if (member->hard_link)
                return _("a hard link");
        switch (member->type) {
        case AE_IFLNK:
                return _("a symbolic link");
        case AE_IFCHR:
        case AE_IFBLK:
                return _("a device");
        case AE_IFIFO:
                return _("a FIFO");
        default:
                return _("of an unknown type");
        }
}

static int check_type(const Member *member, MusterError **ret_error)
{
        CLEANUP(free) char *shown = NULL;

        if (!member->hard_link && (member->type == AE_IFREG || member->type == AE_IFDIR))
                return 0;
        shown = shown_name(member->name);
        if (!shown)
                return error_oom(ret_error);
        return error_set(ret_error, -EBADMSG,
                         _("The member \"%s\" of the archive is %s; make it anew, of regular files only."),
                         shown, type_name(member));
}

/* Takes a leading "./" off. "./" itself is what `tar -c .` begins with. */
static int check_name(Member *member, MusterError **ret_error)
{
        const char *name = member->name ? member->name : "", *rest, *fault;

        while ((rest = startswith(name, "./")))
                name = rest;
        if (member->type == AE_IFDIR && member->name && (streq(name, "") || streq(name, ".")))
                return 0;
        fault = name_fault(name);
        if (fault)
                return report_name(-EBADMSG, name, fault, ret_error);
        member->name = name;
        return 0;
}

static int check_size(Reader *reader, const Member *member, MusterError **ret_error)
{
        int64_t size = la.archive_entry_size(member->entry);

        if (size < 0)
                return report(reader, ret_error);
        if ((uint64_t)size > reader->member_max) {
                CLEANUP(free) char *shown = shown_name(member->name);

                if (!shown)
                        return error_oom(ret_error);
                return error_set(
                        ret_error, -EFBIG,
                        _("The member \"%s\" of the archive is larger than %zu bytes, which is more "
                          "than is taken; leave it out."),
                        shown, reader->member_max);
        }
        if ((size_t)size > reader->total_max - reader->n_taken)
                return report_total(reader, ret_error);
        reader->n_taken += (size_t)size;
        return 0;
}

/* The map of a sparse file is as hostile as the rest: blocks may leave holes, but neither overlap nor stick
 * out. */
static int read_data(Reader *reader, const Member *member, char *data, size_t size, MusterError **ret_error)
{
        bool sparse = la.archive_entry_sparse_count(member->entry) > 0;
        size_t end = 0, n;
        const void *block;
        int64_t offset;
        int r;

        while ((r = la.archive_read_data_block(reader->tar, &block, &n, &offset)) == ARCHIVE_OK) {
                if (offset < (int64_t)end || offset > (int64_t)size || n > size - (size_t)offset ||
                    (offset > (int64_t)end && !sparse))
                        return report(reader, ret_error);
                memcpy(data + offset, block, n);
                end = (size_t)offset + n;
        }
        if (r != ARCHIVE_EOF || (end != size && !sparse))
                return report(reader, ret_error);
        return 0;
}

static int take_member(Reader *reader, const Member *member, ArchiveTakeFn take, void *userdata,
                       MusterError **ret_error)
{
        CLEANUP(free) char *data = NULL;
        size_t size;
        int r;

        r = check_size(reader, member, ret_error);
        if (r < 0)
                return r;
        size = (size_t)la.archive_entry_size(member->entry);
        data = calloc(1, size + 1);
        if (!data)
                return error_oom(ret_error);
        r = read_data(reader, member, data, size, ret_error);
        if (r < 0)
                return r;
        return take(member->name, data, size, userdata, ret_error);
}

static int read_members(Reader *reader, ArchiveTakeFn take, void *userdata, MusterError **ret_error)
{
        Member member = {NULL};
        int r;

        while ((r = next_member(reader, &member, ret_error)) > 0) {
                if (reader->n_members++ >= reader->members_max)
                        return error_set(
                                ret_error, -E2BIG,
                                _("The archive has more than %zu members, which is more than is taken; "
                                  "split it."),
                                reader->members_max);
                r = check_type(&member, ret_error);
                if (r < 0)
                        return r;
                r = check_name(&member, ret_error);
                if (r < 0)
                        return r;
                if (member.type == AE_IFDIR)
                        continue;
                r = take_member(reader, &member, take, userdata, ret_error);
                if (r < 0)
                        return r;
        }
        return r;
}

int archive_read_all(int fd, size_t member_max, size_t members_max, size_t total_max, ArchiveTakeFn take,
                     void *userdata, MusterError **ret_error)
{
        CLEANUP(free) Reader *reader = NULL;
        CLEANUP(reading) struct archive *packed = NULL, *tar = NULL;
        int r;

        r = need_libarchive(ret_error);
        if (r < 0)
                return r;
        reader = calloc(1, sizeof(*reader));
        packed = la.archive_read_new();
        tar = la.archive_read_new();
        if (!reader || !packed || !tar)
                return error_oom(ret_error);
        *reader = (Reader){.fd = fd,
                           .member_max = member_max,
                           .members_max = members_max,
                           .total_max = total_max,
                           .packed = packed,
                           .tar = tar};
        r = open_packed(reader, ret_error);
        if (r < 0)
                return r;
        r = open_tar(reader, ret_error);
        if (r < 0)
                return r;
        return read_members(reader, take, userdata, ret_error);
}
