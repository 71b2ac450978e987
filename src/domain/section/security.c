/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/security.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/interface.h"
#include "domain/plan.h"
#include "domain/value.h"

/*
 * Libvirt labels a domain's process and files, by one <seclabel> for each of its drivers, and writes the
 * labels that it made up into what it dumps of a running domain. A plain process has the rights of whoever
 * starts it; it cannot be given a label that was chosen for it.
 */

enum {
        SECLABEL_NONE,
        SECLABEL_DYNAMIC,
        SECLABEL_STATIC,
};

static void read_label(Domain *domain, XmlElement *element)
{
        static const char *const types[] = {"none", "dynamic", "static", NULL};
        int type = SECLABEL_DYNAMIC;
        const char *model = xml_attribute(element, "model") ?: "?";

        if (read_word(domain->xml, element, "type", types, &type) < 0)
                return;
        /* Whatever it says, it says it of labels. */
        xml_mark_all(element);
        if (type == SECLABEL_STATIC || xml_child(element, "baselabel"))
                xml_fault(domain->xml, FAULT_ERROR, element, "type",
                          _("Muster cannot put a label of the model %s on a domain; run it as the user, or "
                            "under the profile, that it shall have, and remove this."),
                          model);
        else if (type == SECLABEL_DYNAMIC)
                xml_fault(domain->xml, FAULT_WARNING, element, /* attribute= */ NULL,
                          _("Muster makes up no labels of the model %s: the domain has the rights of "
                            "whoever starts it."),
                          model);
}

static int read_security(Domain *domain, Part *part)
{
        XmlElement *element = NULL;

        while ((element = xml_next(part->element, "seclabel", element)))
                read_label(domain, element);
        return 0;
}

/*
 * The strictest filter that the binary declares: no obsolete system calls, no way to gain rights, no
 * programs, no change of its own priorities (processors are given to its threads from outside).
 */
static int plan_security(Plan *plan, Part *part)
{
        static const char *const words[] = {"obsolete", "elevateprivileges", "spawn", "resourcecontrol"};
        const Domain *domain = plan->domain;
        CLEANUP(free) char *argument = strdup("on");

        if (!domain->host->sandbox || !domain_option_has(domain, "sandbox", "enable") ||
            interface_spawns(domain))
                return argument ? 0 : -ENOMEM;
        for (size_t i = 0; argument && i < ELEMENTSOF(words); i++) {
                char *longer;

                if (!domain_option_has(domain, "sandbox", words[i]))
                        continue;
                longer = text_format("%s,%s=deny", argument, words[i]);
                free(argument);
                argument = longer;
        }
        return argument ? plan_option(plan, "-sandbox", argument) : -ENOMEM;
}

const PartKind section_security = {
        .name = "seclabel",
        .read = read_security,
        .plan = plan_security,
};
