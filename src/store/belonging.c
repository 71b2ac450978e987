/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/belonging.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/util.h"

#define SUM_DIGITS   (HEX64_SIZE - 1)
#define SIZE_DIGITS  20 /* of 2^64 */
#define PATH_HEADING "muster path "

/* These return what follows, or NULL; and NULL for NULL, so that they can be strung together. */
static const char *pass_hex(const char *at, size_t n)
{
        return at && strspn(at, "0123456789abcdef") >= n ? at + n : NULL;
}

static const char *pass_text(const char *at, const char *text)
{
        return at ? startswith(at, text) : NULL;
}

static const char *pass_sum(const char *at)
{
        return pass_hex(pass_text(at, "."), SUM_DIGITS);
}

static const char *pass_id(const char *at)
{
        return pass_sum(pass_hex(at, DIGEST_HEX_SIZE - 1));
}

static bool is_end(const char *at)
{
        return at && !*at;
}

static bool is_record(const char *name)
{
        return is_end(pass_id(name));
}

static bool is_host(const char *name)
{
        return is_end(pass_sum(pass_id(name)));
}

static bool is_failure(const char *name)
{
        return is_host(name) || is_end(pass_sum(pass_text(pass_hex(name, DIGEST_HEX_SIZE - 1), ".script")));
}

static bool is_verdicts(const char *name)
{
        const char *trust = pass_text(pass_sum(pass_sum(pass_id(name))), ".");

        return trust && *trust && strchr("dmi", *trust) && !trust[1];
}

static bool is_size(const char *name)
{
        size_t n = strspn(name, "0123456789");

        return n > 0 && n <= SIZE_DIGITS && !name[n];
}

static bool is_any(const char *name)
{
        return *name;
}

Belonging belonging_of_name(const char *folder, const char *name)
{
        static const struct {
                const char *folder;
                bool (*has)(const char *name);
        } forms[] = {
                {STORE_RECORDS, is_record}, {STORE_HOSTS, is_host},        {STORE_FAILURES, is_failure},
                {STORE_PATHS, is_any},      {STORE_VERDICTS, is_verdicts}, {STORE_SIZES, is_size},
                {STORE_SCHEMAS, is_record},
        };

        if (is_end(pass_hex(pass_text(name, ".tmp-"), SUM_DIGITS)))
                return BELONGS_TO_WRITER;
        for (size_t i = 0; i < ELEMENTSOF(forms); i++)
                if (streq(forms[i].folder, folder) && forms[i].has(name))
                        return BELONGS_TO_STORE;
        return BELONGS_TO_OTHERS;
}

static Belonging belonging_of_path(int dirfd, const char *file)
{
        CLEANUP(fd) int fd = openat(dirfd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        char text[sizeof(PATH_HEADING)] = "";

        if (fd < 0)
                return errno == ENOENT ? BELONGS_TO_NOBODY : BELONGS_TO_OTHERS;
        if (read(fd, text, sizeof(text) - 1) < 0 || !streq(text, PATH_HEADING))
                return BELONGS_TO_OTHERS;
        return BELONGS_TO_STORE;
}

Belonging belonging_of_file(const MusterStore *store, const char *folder, const char *name,
                            FileStamp *ret_stamp)
{
        Belonging belonging = belonging_of_name(folder, name);
        CLEANUP(free) char *file = text_format("%s/%s", folder, name);
        struct stat st;

        *ret_stamp = (FileStamp){0};
        if (!file || fstatat(store->dirfd, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return BELONGS_TO_NOBODY;
        *ret_stamp = file_stamp(&st);
        if (S_ISDIR(st.st_mode))
                return BELONGS_TO_OTHERS;
        if (belonging != BELONGS_TO_STORE)
                return belonging;
        if (streq(folder, STORE_SIZES) && (!S_ISREG(st.st_mode) || st.st_size > 0))
                return BELONGS_TO_OTHERS;
        return streq(folder, STORE_PATHS) ? belonging_of_path(store->dirfd, file) : BELONGS_TO_STORE;
}
