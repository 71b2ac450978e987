/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/lease.h"

#include "base/i18n.h"
#include "domain/domain.h"

static int read_lease(Domain *domain, Part *part)
{
        xml_mark_all(part->element);
        xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                  _("Muster has no lock manager that could hold a lease, so nothing would keep another host "
                    "from starting this domain; remove <lease> if nothing else does."));
        return 0;
}

const PartKind device_lease = {
        .name = "lease",
        .read = read_lease,
};
