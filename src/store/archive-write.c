/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/util.h"
#include "store/archive-private.h"

#define RECORD (20 * ARCHIVE_BLOCK)

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
        const char *fault = archive_name_fault(name);
        la_ssize_t n = 0;
        int r;

        if (fault)
                return archive_report_name(-EINVAL, name, fault, ret_error);
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
