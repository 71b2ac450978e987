/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/i18n.h"
#include "base/util.h"

struct MusterError {
        int code;
        char *message;
        char *detail;
        bool passing;
};

_public_ MusterError *muster_error_free(MusterError *error)
{
        if (!error)
                return NULL;
        free(error->message);
        free(error->detail);
        free(error);
        return NULL;
}

_public_ int muster_error_code(const MusterError *error)
{
        return error ? error->code : 0;
}

_public_ const char *muster_error_message(const MusterError *error)
{
        if (!error)
                return _("No error happened.");
        return error->message ? error->message
                              : _("There is not enough memory; close something and try again.");
}

_public_ const char *muster_error_detail(const MusterError *error)
{
        return error ? error->detail : NULL;
}

static int set(MusterError **ret_error, int r, const char *detail, char *message)
{
        MusterError *error;

        if (!ret_error) {
                free(message);
                return r;
        }
        error = calloc(1, sizeof(*error));
        if (!error) {
                free(message);
                return r;
        }
        error->code = r;
        error->message = message;
        error->detail = detail ? strdup(detail) : NULL;
        *ret_error = error;
        return r;
}

int error_set(MusterError **ret_error, int r, const char *format, ...)
{
        va_list args;
        char *message;

        va_start(args, format);
        message = text_vformat(format, args);
        va_end(args);
        return set(ret_error, r, /* detail= */ NULL, message);
}

int error_set_detail(MusterError **ret_error, int r, const char *detail, const char *format, ...)
{
        va_list args;
        char *message;

        va_start(args, format);
        message = text_vformat(format, args);
        va_end(args);
        return set(ret_error, r, detail, message);
}

void error_prefix(MusterError **error, const char *format, ...)
{
        CLEANUP(free) char *prefix = NULL;
        char *joined;
        va_list args;

        if (!error || !*error)
                return;
        va_start(args, format);
        prefix = text_vformat(format, args);
        va_end(args);
        if (!prefix || asprintf(&joined, "%s: %s", prefix, muster_error_message(*error)) < 0)
                return;
        free((*error)->message);
        (*error)->message = joined;
}

int error_oom(MusterError **ret_error)
{
        /* No message is allocated: muster_error_message() knows what an empty one means. */
        return set(ret_error, -ENOMEM, /* detail= */ NULL, /* message= */ NULL);
}

int error_errno(MusterError **ret_error, int r, const char *format, ...)
{
        CLEANUP(free) char *what = NULL;
        va_list args;

        va_start(args, format);
        what = text_vformat(format, args);
        va_end(args);
        if (!what)
                return error_oom(ret_error);
        return error_set(ret_error, r, "%s: %s", what, strerror(-r));
}

void error_mark_passing(MusterError **error)
{
        if (error && *error)
                (*error)->passing = true;
}

bool error_is_passing(const MusterError *error)
{
        return error && error->passing;
}
