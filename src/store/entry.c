/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/checksum.h"
#include "base/digest.h"
#include "base/fileio.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/util.h"

#define ENTRY_FORMAT    1
#define HEADER_MAX      160
#define USED_GRAIN_NSEC (INT64_C(3600) * 1000000000)
#define FOLDER_TRIES    16
#define ENTRY_MAX       ((size_t)JSON_SIZE_MAX + HEADER_MAX)

static const struct {
        const char *folder, *name;
        bool sha256, binary;
} kinds[] = {
        [ENTRY_RECORD] = {STORE_RECORDS, "record", true},
        [ENTRY_HOST] = {STORE_HOSTS, "host", false},
        [ENTRY_FAILURE] = {STORE_FAILURES, "failure", true},
        [ENTRY_PATH] = {STORE_PATHS, "path", false},
        [ENTRY_VERDICTS] = {STORE_VERDICTS, "verdicts", false},
        [ENTRY_SCHEMA] = {STORE_SCHEMAS, "schema", false, true},
};

char *entry_file(EntryKind kind, const char *name)
{
        return text_format("%s/%s", kinds[kind].folder, name);
}

static int print_header(EntryKind kind, const char *body, size_t size, char ret[static HEADER_MAX])
{
        char sum[DIGEST_HEX_SIZE];
        int r = 0;

        if (kinds[kind].sha256)
                r = digest_bytes(body, size, sum);
        else
                hex64(checksum64(body, size), sum);
        if (r < 0)
                return r;
        return snprintf(ret, HEADER_MAX, "muster %s %d\n%s %s %zu\n", kinds[kind].name, ENTRY_FORMAT,
                        kinds[kind].sha256 ? "sha256" : "fnv1a64", sum, size);
}

int entry_seal(EntryKind kind, const char *body, size_t size, char **ret_text, size_t *ret_size)
{
        char header[HEADER_MAX], *text;
        int n = print_header(kind, body, size, header);

        if (n < 0)
                return n;
        text = malloc((size_t)n + size + 1);
        if (!text)
                return -ENOMEM;
        memcpy(text, header, (size_t)n);
        memcpy(text + n, body, size);
        text[(size_t)n + size] = '\0';
        *ret_text = text;
        *ret_size = (size_t)n + size;
        return 0;
}

/* The end of the header's second line, or NULL. */
static const char *header_end(const char *text, size_t size)
{
        const char *end = memchr(text, '\n', size);

        if (end)
                end = memchr(end + 1, '\n', size - (size_t)(end + 1 - text));
        return end ? end + 1 : NULL;
}

int entry_unseal(EntryKind kind, const char *text, size_t size, const char **ret_body, size_t *ret_size,
                 const char **ret_why)
{
        const char *body = header_end(text, size < HEADER_MAX ? size : HEADER_MAX), *first;
        char header[HEADER_MAX];
        size_t body_size;
        int n;

        *ret_why = N_("it is no file of muster's, or its first lines are damaged");
        first = startswith(text, "muster ");
        first = first ? startswith(first, kinds[kind].name) : NULL;
        if (!body || !first || *first != ' ')
                return -EBADMSG;
        if (!startswith(first, " 1\n")) {
                *ret_why = N_("it is of a format that this version of muster does not know");
                return -EBADMSG;
        }
        body_size = size - (size_t)(body - text);
        n = print_header(kind, body, body_size, header);
        if (n < 0)
                return n;
        *ret_why = N_("its checksum does not fit its content");
        if ((size_t)n != (size_t)(body - text) || memcmp(header, text, (size_t)n) != 0)
                return -EBADMSG;
        /* What follows is text. */
        if (!kinds[kind].binary && memchr(body, '\0', body_size))
                return -EBADMSG;
        *ret_body = body;
        *ret_size = body_size;
        return 0;
}

int entry_note_damaged(const MusterStore *store, EntryKind kind, const char *name, const char *why)
{
        FileStamp stamp = {0};

        /* A look-up comes by more than once. */
        (void)entry_stamp(store, kind, name, &stamp);
        if (store_was_noted(store, &stamp))
                return -EBADMSG;
        store_note(store, _("%s/%s/%s is not used: %s. It will be made anew."), store->directory,
                   kinds[kind].folder, name, why);
        return -EBADMSG;
}

static int open_entry(const MusterStore *store, EntryKind kind, const char *name, int *ret_fd,
                      FileStamp *ret_stamp)
{
        CLEANUP(free) char *file = entry_file(kind, name);
        CLEANUP(fd) int fd = -1;
        struct stat st;

        if (!file)
                return -ENOMEM;
        fd = openat(store->dirfd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 && errno == ENOENT)
                return -ENOENT;
        /* Of root's cache, what is not for us is as good as not there. */
        if (fd < 0 && errno == EACCES)
                return -ENOENT;
        if (fd < 0 || fstat(fd, &st) < 0)
                return entry_note_damaged(store, kind, name, strerror(errno));
        if (!S_ISREG(st.st_mode) || !store_trusts(&st))
                return entry_note_damaged(store, kind, name,
                                          _("others than you and root may have written it"));
        if (ret_stamp)
                *ret_stamp = file_stamp(&st);
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int entry_read_unchecked(const MusterStore *store, EntryKind kind, const char *name, char **ret_body,
                         size_t *ret_size, uint64_t *ret_sum, FileStamp *ret_stamp)
{
        CLEANUP(free) char *text = NULL;
        CLEANUP(fd) int fd = -1;
        const char *body;
        size_t size;
        int r;

        r = open_entry(store, kind, name, &fd, ret_stamp);
        if (r < 0)
                return r;
        r = read_fd(fd, ENTRY_MAX, &text, &size);
        if (r < 0)
                return r;
        body = header_end(text, size < HEADER_MAX ? size : HEADER_MAX);
        if (!body)
                return -EBADMSG;
        *ret_sum = checksum64(text, size);
        size -= (size_t)(body - text);
        memmove(text, body, size + 1);
        *ret_body = TAKE(text);
        *ret_size = size;
        return 0;
}

int entry_sum(EntryKind kind, const char *body, size_t size, uint64_t *ret)
{
        CLEANUP(free) char *text = NULL;
        size_t text_size;
        int r;

        r = entry_seal(kind, body, size, &text, &text_size);
        if (r == 0)
                *ret = checksum64(text, text_size);
        return r;
}

int entry_read(const MusterStore *store, EntryKind kind, const char *name, char **ret_body, size_t *ret_size,
               FileStamp *ret_stamp)
{
        CLEANUP(free) char *text = NULL;
        CLEANUP(fd) int fd = -1;
        const char *body = NULL, *why = NULL;
        size_t size, body_size = 0;
        int r;

        r = open_entry(store, kind, name, &fd, ret_stamp);
        if (r < 0)
                return r;
        r = read_fd(fd, ENTRY_MAX, &text, &size);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return entry_note_damaged(store, kind, name, strerror(-r));
        r = entry_unseal(kind, text, size, &body, &body_size, &why);
        if (r == -EBADMSG)
                return entry_note_damaged(store, kind, name, _(why));
        if (r < 0)
                return r;
        memmove(text, body, body_size + 1);
        *ret_body = TAKE(text);
        if (ret_size)
                *ret_size = body_size;
        return 0;
}

int entry_stamp(const MusterStore *store, EntryKind kind, const char *name, FileStamp *ret)
{
        CLEANUP(free) char *file = entry_file(kind, name);
        struct stat st;

        if (!file)
                return -ENOMEM;
        if (fstatat(store->dirfd, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        *ret = file_stamp(&st);
        return 0;
}

int entry_write(MusterStore *store, EntryKind kind, const char *name, const char *body, size_t size,
                FileStamp *ret_stamp)
{
        CLEANUP(free) char *file = entry_file(kind, name), *text = NULL;
        bool durable = kinds[kind].sha256;
        size_t text_size;
        int r;

        if (!file)
                return -ENOMEM;
        r = entry_seal(kind, body, size, &text, &text_size);
        if (r < 0)
                return r;
        r = write_file_at(store->dirfd, file, text, text_size, store_file_mode(), durable, ret_stamp);
        /* No folder yet; or none any more, each time that somebody clears the store. */
        for (unsigned i = 0; r == -ENOENT && i < FOLDER_TRIES; i++) {
                r = store_make_folders(store);
                if (r < 0)
                        break;
                r = write_file_at(store->dirfd, file, text, text_size, store_file_mode(), durable,
                                  ret_stamp);
        }
        if (r < 0) {
                store_note_unwritable(store, r);
                return r;
        }
        return 0;
}

void entry_mark_used(const MusterStore *store, EntryKind kind, const char *name)
{
        CLEANUP(free) char *file = entry_file(kind, name);
        FileStamp stamp = {0};

        if (file && entry_stamp(store, kind, name, &stamp) == 0 &&
            stamp_now_nsec() - stamp.mtime_nsec > USED_GRAIN_NSEC)
                (void)utimensat(store->dirfd, file, /* times= */ NULL, AT_SYMLINK_NOFOLLOW);
}

int entry_remove(const MusterStore *store, EntryKind kind, const char *name)
{
        CLEANUP(free) char *file = entry_file(kind, name);

        if (!file)
                return -ENOMEM;
        return unlinkat(store->dirfd, file, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static int check_open(int fd, EntryKind kind, const char **ret_why)
{
        CLEANUP(free) char *text = NULL;
        const char *body;
        struct stat st;
        size_t size, body_size;
        int r;

        if (fstat(fd, &st) < 0)
                return -errno;
        *ret_why = N_("others than you and root may have written it");
        if (!S_ISREG(st.st_mode) || !store_trusts(&st))
                return -EBADMSG;
        *ret_why = NULL;
        r = read_fd(fd, ENTRY_MAX, &text, &size);
        return r < 0 ? r : entry_unseal(kind, text, size, &body, &body_size, ret_why);
}

int entry_check(const MusterStore *store, EntryKind kind, const char *name, char **ret_why)
{
        CLEANUP(free) char *file = entry_file(kind, name);
        CLEANUP(fd) int fd = -1;
        const char *why = NULL;
        int r;

        if (!file)
                return -ENOMEM;
        fd = openat(store->dirfd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        r = fd < 0 ? -errno : check_open(fd, kind, &why);
        if (r == 0 || r == -ENOENT || r == -ENOMEM || r == -EMFILE || r == -ENFILE || r == -ENOPKG)
                return r;
        *ret_why = strdup(why && r == -EBADMSG ? _(why) : strerror(-r));
        return *ret_why ? -EBADMSG : -ENOMEM;
}
