/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/save.h"

#include <errno.h>

#include "base/i18n.h"
#include "daemon/life-record.h"
#include "daemon/start.h"

int start_load_state(Operation *operation)
{
        return 0;
}

void start_forget_saved(Managed *managed, const char *file)
{
        (void)definition_remove(file, /* durable= */ true, NULL);
        managed->managed_save = false;
}
