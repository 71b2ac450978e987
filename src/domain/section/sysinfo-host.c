/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* <smbios mode='host'>: the guest is shown what the host's own tables say, but for the UUID. */

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/section/sysinfo-private.h"

#define DMI_FOLDER   "/sys/class/dmi/id/"
#define DMI_TEXT_MAX 256

/* One string without the line break at its end, to free(); NULL in *ret: there is none, or it is for root.
 */
static int read_string(const Domain *domain, const char *file, char **ret)
{
        CLEANUP(free) char *path = text_format("%s%s", DMI_FOLDER, file);
        char text[DMI_TEXT_MAX];
        size_t size = 0;
        int r;

        *ret = NULL;
        if (!path)
                return -ENOMEM;
        r = domain->host->read_head(domain->host, path, text, sizeof(text), &size);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        while (size > 0 && strchr(" \t\r\n", text[size - 1]))
                size--;
        if (size == 0 || !text_is_utf8(text, size))
                return 0;
        *ret = strndup(text, size);
        return *ret ? 0 : -ENOMEM;
}

static int add_group(Plan *plan, const Part *part, const SysinfoGroup *group, bool *any)
{
        CLEANUP(json) json_object *smbios = json_object_new_object();
        int r;

        r = smbios ? json_add_int(smbios, "type", group->type) : -ENOMEM;
        for (size_t i = 0; r >= 0 && group->names[i]; i++) {
                CLEANUP(free) char *text = NULL;

                if (!group->files[i])
                        continue;
                r = read_string(plan->domain, group->files[i], &text);
                if (r >= 0 && text)
                        r = json_add_string(smbios, group->names[i], text);
        }
        if (r < 0 || json_object_object_length(smbios) == 1)
                return r;
        *any = true;
        return plan_properties(plan, part, "-smbios", TAKE(smbios));
}

int sysinfo_plan_host(Plan *plan, const Part *part)
{
        XmlElement *os = xml_child(part->element, "os");
        bool any = false;
        int r = 0;

        for (const SysinfoGroup *group = sysinfo_groups; r >= 0 && group->name; group++)
                r = add_group(plan, part, group, &any);
        if (r >= 0 && !any)
                plan_fault(plan, xml_child(os, "smbios"), "mode",
                           _("This host shows no SMBIOS tables of its own in %s; give mode='emulate' or "
                             "'sysinfo'."),
                           DMI_FOLDER);
        return r;
}
