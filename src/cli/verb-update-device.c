/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        return remote_device_file(client, invocation, "PUT", _("Device updated successfully"), ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {REMOTE_WHERE, REMOTE_OPTIONS, NULL};

const Verb verb_update_device = {
        .name = "update-device",
        .group = VERB_GROUP_DEVICES,
        .arguments = N_("DOMAIN DEVICE.xml"),
        .summary = N_("change a device"),
        .about = N_("Reads the XML of one device ('-' reads standard input) and changes the "
                    "one that it names to it: what can be changed while it runs, such as a "
                    "medium. By default it changes the guest if it runs, else the definition.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster update-device guest cdrom.xml",
        .min_arguments = 2,
        .max_arguments = 2,
        .options = options,
        .complete = COMPLETE_DOMAIN_FILE,
        .run = run,
};
