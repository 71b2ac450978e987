/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An archive from anywhere, as `cache import` reads it: bounded, and every member that comes out is text
 * with a name that leads nowhere else. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/util.h"
#include "store/archive.h"

#define MEMBER_MAX ((size_t)256 * 1024)

static int take(const char *name, const char *data, size_t size, void *userdata, MusterError **ret_error)
{
        size_t *total = userdata;

        (void)ret_error;
        if (size > MEMBER_MAX || data[size] != '\0' || name[0] == '/' || name[0] == '\0' ||
            strlen(name) > ARCHIVE_NAME_MAX || strstr(name, "../") || !text_is_utf8(name, strlen(name)))
                abort();
        *total += size;
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(fd) int fd = memfd_create("archive", MFD_CLOEXEC);
        size_t total = 0;
        int r;

        if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)
                return 0;
        r = archive_read_all(fd, MEMBER_MAX, /* members_max= */ 100, /* total_max= */ 1024 * 1024, take,
                             &total, &error);
        if ((r < 0) != (error != NULL) || total > 1024 * 1024)
                abort();
        return 0;
}
