/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "emulator/context.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/util.h"
#include "config.h"

#define TIMEOUT_DEFAULT_USEC (10 * USEC_PER_SEC)
#define PASSWD_BUFFER_MAX    ((size_t)1024 * 1024)

/* Ten years: deadlines are now + timeout, and must not wrap. */
#define TIMEOUT_MAX_USEC (UINT64_C(3650) * 86400 * USEC_PER_SEC)

_public_ int muster_context_new(MusterContext **ret)
{
        MusterContext *context = calloc(1, sizeof(*context));

        if (!context)
                return -ENOMEM;
        context->timeout_usec = TIMEOUT_DEFAULT_USEC;
        context->cancel_fd = -1;
        *ret = context;
        return 0;
}

_public_ MusterContext *muster_context_free(MusterContext *context)
{
        if (!context)
                return NULL;
        free(context->user);
        free(context);
        return NULL;
}

_public_ const char *muster_version(void)
{
        return MUSTER_VERSION;
}

_public_ int muster_context_set_timeout(MusterContext *context, uint64_t usec)
{
        if (usec == 0)
                return -EINVAL;
        context->timeout_usec = usec < TIMEOUT_MAX_USEC ? usec : TIMEOUT_MAX_USEC;
        return 0;
}

/* -ENOENT where there is no such user; a user database may hold entries of any length. */
static int look_up_user(const char *name, uid_t *ret_uid, gid_t *ret_gid)
{
        CLEANUP(free) char *buffer = NULL;
        struct passwd entry, *found = NULL;

        for (size_t size = 4096; size <= PASSWD_BUFFER_MAX; size *= 2) {
                char *grown = realloc(buffer, size);
                int r;

                if (!grown)
                        return -ENOMEM;
                buffer = grown;
                r = getpwnam_r(name, &entry, buffer, size, &found);
                if (r == ERANGE)
                        continue;
                if (found) {
                        *ret_uid = found->pw_uid;
                        *ret_gid = found->pw_gid;
                        return 0;
                }
                /* getpwnam(3): "not found" comes as 0 or as one of these, depending on the source. */
                return r == 0 || r == ENOENT || r == ESRCH || r == EBADF || r == EPERM ? -ENOENT : -r;
        }
        return -ERANGE;
}

_public_ int muster_context_set_user(MusterContext *context, const char *name, MusterError **ret_error)
{
        uid_t uid = (uid_t)-1;
        gid_t gid = (gid_t)-1;
        char *copy;
        int r;

        r = look_up_user(name, &uid, &gid);
        if (r == -ENOMEM)
                return error_oom(ret_error);
        if (r == -ENOENT)
                return error_set(ret_error, r,
                                 _("There is no user '%s' on this host; 'getent passwd' lists them."), name);
        if (r < 0)
                return error_errno(ret_error, r, _("The user '%s' cannot be looked up"), name);
        if (geteuid() != 0)
                return error_set(ret_error, -EPERM,
                                 _("Only root may run an emulator as another user; run muster as root, or "
                                   "leave out the user '%s'."),
                                 name);
        copy = strdup(name);
        if (!copy)
                return error_oom(ret_error);
        free(context->user);
        context->user = copy;
        context->uid = uid;
        context->gid = gid;
        context->change_user = true;
        return 0;
}

_public_ void muster_context_set_cancel_fd(MusterContext *context, int fd)
{
        context->cancel_fd = fd < 0 ? -1 : fd;
}
