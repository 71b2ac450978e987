/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A trail; what is taken is printed and taken again to the same. */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "store/trail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(free) char *text = strndup((const char *)data, size), *path = NULL;
        CLEANUP(free) char *printed = NULL, *again = NULL, *name = NULL;
        CLEANUP(trail) Trail trail = {}, second = {};
        size_t printed_size, again_size;
        int r;

        if (!text)
                return 0;
        r = trail_parse(text, &path, &trail);
        if (r < 0) {
                if (r != -EBADMSG || path || trail.identity.path)
                        abort();
                return 0;
        }
        name = trail_name(path);
        if (!streq(path, trail.identity.path) || !*name || strlen(name) > 255 || strchr(name, '/'))
                abort();
        if (trail_print(&trail, &printed, &printed_size) < 0 || strlen(printed) != printed_size ||
            trail_parse(printed, NULL, &second) < 0 || trail_print(&second, &again, &again_size) < 0 ||
            !streq(printed, again))
                abort();
        return 0;
}
