/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/launch-security.h"

#include "base/i18n.h"
#include "base/util.h"
#include "domain/plan.h"
#include "domain/value.h"

static void refuse(Domain *domain, XmlElement *element)
{
        static const char *const types[] = {"sev", "sev-snp", "tdx", "s390-pv", NULL};
        static const char *const names[] = {"AMD SEV", "AMD SEV-SNP", "Intel TDX", "IBM Secure Execution"};
        int type = -1, r;

        r = read_word(domain->xml, element, "type", types, &type);
        /* One reason is enough, not one more for each policy in it. */
        xml_mark_all(element);
        if (r > 0)
                xml_fault(
                        domain->xml, FAULT_ERROR, element, "type",
                        _("Muster does not start guests under %s: nothing here could attest what runs, and "
                          "a guest in the clear is not what was asked for; remove <launchSecurity> to "
                          "have one."),
                        names[type]);
        else if (r == 0)
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("Muster starts no encrypted guests; remove <launchSecurity> to have one in the "
                            "clear."));
}

static int read_launch_security(Domain *domain, Part *part)
{
        XmlElement *element = xml_child(part->element, "launchSecurity"),
                   *keywrap = xml_child(part->element, "keywrap");

        if (element)
                refuse(domain, element);
        if (keywrap) {
                xml_mark_all(keywrap);
                xml_fault(domain->xml, FAULT_ERROR, keywrap, /* attribute= */ NULL,
                          _("Keys are wrapped on s390x alone, which muster does not run; remove "
                            "<keywrap>."));
        }
        return 0;
}

const PartKind section_launch_security = {
        .name = "launchSecurity",
        .read = read_launch_security,
};
