/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/input.h"

#include <errno.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/json.h"

int read_stdin(char **ret_text, MusterError **ret_error)
{
        CLEANUP(free) char *text = NULL;
        size_t size = 0, room = 4096;

        for (;;) {
                char *grown = realloc(text, room);
                size_t n;

                if (!grown)
                        return error_oom(ret_error);
                text = grown;
                n = fread(text + size, 1, room - size - 1, stdin);
                size += n;
                if (size > INPUT_JSON_MAX)
                        return error_set(ret_error, -E2BIG, _("Standard input is larger than 16 MiB."));
                if (n == 0)
                        break;
                if (size + 1 == room)
                        room *= 2;
        }
        if (ferror(stdin))
                return error_errno(ret_error, -EIO, _("Cannot read standard input"));
        text[size] = '\0';
        *ret_text = TAKE(text);
        return 0;
}

int read_schema(const char *path, MusterSchema **ret, MusterError **ret_error)
{
        CLEANUP(free) char *text = NULL;
        size_t size;
        int r;

        r = read_file(path, JSON_SIZE_MAX, &text, &size);
        if (r == -EFBIG)
                return error_set(ret_error, r, _("%s is larger than a schema can be (64 MiB)."), path);
        if (r < 0)
                return error_errno(ret_error, r, "%s", path);
        r = muster_schema_new(text, size, ret, ret_error);
        if (r < 0)
                error_prefix(ret_error, "%s", path);
        return r;
}
