/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/i18n.h"
#include "base/util.h"
#include "store/archive-private.h"

#define END_MARK (2 * ARCHIVE_BLOCK)

typedef struct Member {
        struct archive_entry *entry;
        const char *name;
        mode_t type; /* AE_IF… */
        bool hard_link;
} Member;

/* How a member is called in sentences; NULL when out of memory. */
static char *shown_name(const char *name)
{
        return name ? text_for_terminal(name, strlen(name), ARCHIVE_NAME_SHOWN) : strdup("?");
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
                return reader_report(reader, ret_error);
        if (passed < END_MARK || reader->n_zeros < END_MARK)
                return reader_report_cut(ret_error);
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
                return reader_report(reader, ret_error);
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
        fault = archive_name_fault(name);
        if (fault)
                return archive_report_name(-EBADMSG, name, fault, ret_error);
        member->name = name;
        return 0;
}

static int check_size(Reader *reader, const Member *member, MusterError **ret_error)
{
        int64_t size = la.archive_entry_size(member->entry);

        if (size < 0)
                return reader_report(reader, ret_error);
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
                return reader_report_total(reader, ret_error);
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
                        return reader_report(reader, ret_error);
                memcpy(data + offset, block, n);
                end = (size_t)offset + n;
        }
        if (r != ARCHIVE_EOF || (end != size && !sparse))
                return reader_report(reader, ret_error);
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
        CLEANUP(reader) Reader *reader = NULL;
        int r;

        r = need_libarchive(ret_error);
        if (r < 0)
                return r;
        reader = calloc(1, sizeof(*reader));
        if (!reader)
                return error_oom(ret_error);
        reader->fd = fd;
        reader->member_max = member_max;
        reader->members_max = members_max;
        reader->total_max = total_max;
        r = reader_open(reader, ret_error);
        return r < 0 ? r : read_members(reader, take, userdata, ret_error);
}
