/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/size.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/util.h"

static char *marker(uint64_t size)
{
        return text_format(STORE_SIZES "/%llu", (unsigned long long)size);
}

bool size_was_seen(const MusterStore *store, uint64_t size)
{
        CLEANUP(free) char *name = marker(size);

        return !name || faccessat(store->dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void size_remember(MusterStore *store, uint64_t size)
{
        CLEANUP(free) char *name = marker(size);
        int fd = name ? openat(store->dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                               store_file_mode())
                      : -1;

        if (fd >= 0)
                close(fd);
}
