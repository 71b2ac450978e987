/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/host.h"

#include <errno.h>

int host_local(DomainHost **ret, MusterError **ret_error)
{
        return error_set(ret_error, -ENOSYS, "host");
}

DomainHost *host_free(DomainHost *host)
{
        return NULL;
}
