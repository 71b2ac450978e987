/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/sysinfo.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/plan.h"
#include "domain/section/general.h"
#include "domain/section/os.h"
#include "domain/section/sysinfo-private.h"
#include "domain/value.h"

#define FW_CFG_NAME_MAX 55 /* QEMU's FW_CFG_MAX_FILE_PATH, with its NUL */

typedef struct Sysinfo {
        XmlElement *smbios, *fw_cfg; /* NULL: not there */
} Sysinfo;

const SysinfoGroup sysinfo_groups[] = {
        {"bios",
         0,
         {"vendor", "version", "date", "release", NULL},
         {"bios_vendor", "bios_version", "bios_date", "bios_release"}},
        {"system",
         1,
         {"manufacturer", "product", "version", "serial", "uuid", "sku", "family", NULL},
         {"sys_vendor", "product_name", "product_version", "product_serial", NULL, "product_sku",
          "product_family"}},
        {"baseBoard",
         2,
         {"manufacturer", "product", "version", "serial", "asset", "location", NULL},
         {"board_vendor", "board_name", "board_version", "board_serial", "board_asset_tag", NULL}},
        {"chassis",
         3,
         {"manufacturer", "version", "serial", "asset", "sku", NULL},
         {"chassis_vendor", "chassis_version", "chassis_serial", "chassis_asset_tag", NULL}},
        {NULL, 0, {NULL}, {NULL}},
};

/* --- reading ------------------------------------------------------------------------------------- */

/* The domain's UUID is the system's: given in one of two places, it is that of both. */
static void read_uuid(Domain *domain, XmlElement *entry, const char *text)
{
        General *general = domain_section(domain, &section_general)->data;
        char uuid[UUID_TEXT_SIZE];

        if (value_uuid(text, uuid) < 0)
                xml_fault(domain->xml, FAULT_ERROR, entry, /* attribute= */ NULL,
                          _("This is no UUID: 32 hexadecimal digits, as in "
                            "6ba7b810-9dad-11d1-80b4-00c04fd430c8."));
        else if (!*general->uuid)
                memcpy(general->uuid, uuid, sizeof(uuid));
        else if (!streq(general->uuid, uuid))
                xml_fault(domain->xml, FAULT_ERROR, entry, /* attribute= */ NULL,
                          _("The system's UUID is the domain's, which is %s; remove this entry."),
                          general->uuid);
}

/* "1.2": two numbers, of one byte each in the table. */
static bool is_release(const char *text)
{
        const char *dot = strchr(text, '.');
        CLEANUP(free) char *major = dot ? strndup(text, (size_t)(dot - text)) : NULL;
        uint64_t number;

        return major && value_uint(major, UINT8_MAX, &number) == 0 &&
               value_uint(dot + 1, UINT8_MAX, &number) == 0;
}

static int read_entry(Domain *domain, XmlElement *entry, const SysinfoGroup *group, unsigned *seen)
{
        CLEANUP(free) char *text = xml_text(entry);
        int name = 0;

        if (!text)
                return -ENOMEM;
        if (read_word(domain->xml, entry, "name", group->names, &name) <= 0) {
                if (!xml_attribute(entry, "name"))
                        xml_fault(domain->xml, FAULT_ERROR, entry, /* attribute= */ NULL,
                                  _("An entry needs a name; add name=…."));
                return 0;
        }
        if (*seen & 1U << name)
                xml_fault(domain->xml, FAULT_ERROR, entry, "name",
                          _("The entry \"%s\" stands there twice; remove one."), group->names[name]);
        *seen |= 1U << name;
        if (streq(group->names[name], "uuid"))
                read_uuid(domain, entry, text);
        if (streq(group->names[name], "release") && !is_release(text))
                xml_fault(domain->xml, FAULT_ERROR, entry, /* attribute= */ NULL,
                          _("A BIOS's release is two numbers up to 255, as in 1.2."));
        return 0;
}

static int read_group(Domain *domain, XmlElement *smbios, const SysinfoGroup *group)
{
        XmlElement *element = NULL, *entry;
        int r = 0;

        while (r >= 0 && (element = xml_next(smbios, group->name, element))) {
                unsigned seen = 0;

                entry = NULL;
                while (r >= 0 && (entry = xml_next(element, "entry", entry)))
                        r = read_entry(domain, entry, group, &seen);
                /* Of boards there may be several. */
                if (group->type != 2)
                        break;
        }
        return r;
}

static int read_smbios(Domain *domain, XmlElement *element)
{
        XmlElement *strings = xml_child(element, "oemStrings"), *entry = NULL;
        int r = 0;

        for (const SysinfoGroup *group = sysinfo_groups; r >= 0 && group->name; group++)
                r = read_group(domain, element, group);
        while (r >= 0 && strings && (entry = xml_next(strings, "entry", entry))) {
                CLEANUP(free) char *text = xml_text(entry);

                if (!text)
                        return -ENOMEM;
                if (!*text)
                        xml_fault(domain->xml, FAULT_ERROR, entry, /* attribute= */ NULL,
                                  _("An OEM string is not empty; write something, or remove it."));
        }
        return r;
}

static void check_fw_cfg_name(Domain *domain, XmlElement *fw_cfg, XmlElement *entry)
{
        const char *name = xml_attribute(entry, "name");
        XmlElement *other = NULL;

        if (!name || !startswith(name, "opt/") || strlen(name) > FW_CFG_NAME_MAX) {
                xml_fault(
                        domain->xml, FAULT_ERROR, entry, "name",
                        _("The name of a fw_cfg entry begins with \"opt/\" and has at most %d bytes, as in "
                          "opt/com.example/name."),
                        FW_CFG_NAME_MAX);
                return;
        }
        while ((other = xml_next(fw_cfg, "entry", other)) && other != entry)
                if (streq_ptr(xml_attribute(other, "name"), name))
                        xml_fault(domain->xml, FAULT_ERROR, entry, "name",
                                  _("The entry \"%s\" stands there twice; remove one."), name);
}

static int read_fw_cfg(Domain *domain, XmlElement *element)
{
        XmlElement *entry = NULL;

        while ((entry = xml_next(element, "entry", entry))) {
                const char *file = xml_attribute(entry, "file");
                CLEANUP(free) char *text = xml_text(entry);

                if (!text)
                        return -ENOMEM;
                check_fw_cfg_name(domain, element, entry);
                if (file ? *text != '\0' : *text == '\0')
                        xml_fault(domain->xml, FAULT_ERROR, entry, /* attribute= */ NULL,
                                  _("An entry has either a value or a file=…; give one of them."));
                else if (file && file[0] != '/')
                        xml_fault(domain->xml, FAULT_ERROR, entry, "file",
                                  _("The file's path is not absolute; write it from / on."));
        }
        return 0;
}

static int read_sysinfo(Domain *domain, Part *part)
{
        static const char *const types[] = {"smbios", "fwcfg", NULL};
        Sysinfo *sysinfo = part->data;
        XmlElement *element = NULL;
        int r = 0;

        while (r >= 0 && (element = xml_next(part->element, "sysinfo", element))) {
                XmlElement **first;
                int type = 0;

                if (read_word(domain->xml, element, "type", types, &type) < 0)
                        continue;
                first = type == 0 ? &sysinfo->smbios : &sysinfo->fw_cfg;
                if (*first)
                        xml_fault(domain->xml, FAULT_ERROR, element, "type",
                                  _("There is a <sysinfo type='%s'> before this one; put all of it there."),
                                  types[type]);
                *first = *first ?: element;
                r = type == 0 ? read_smbios(domain, element) : read_fw_cfg(domain, element);
        }
        return r;
}

/* --- completing ---------------------------------------------------------------------------------- */

static bool has_smbios(const Domain *domain)
{
        return os_is_x86(domain) || streq(os_arch(domain), "aarch64") || streq(os_arch(domain), "arm");
}

static int complete(Domain *domain, Part *part)
{
        const Sysinfo *sysinfo = part->data;
        OsSmbios mode = os_smbios(domain);
        XmlElement *os = xml_child(part->element, "os");

        if (mode == OS_SMBIOS_SYSINFO && !sysinfo->smbios)
                xml_fault(domain->xml, FAULT_ERROR, xml_child(os, "smbios"), "mode",
                          _("There is no <sysinfo type='smbios'> to be shown; add it, or give "
                            "mode='emulate'."));
        if (mode != OS_SMBIOS_SYSINFO && sysinfo->smbios)
                xml_fault(domain->xml, FAULT_WARNING, sysinfo->smbios, /* attribute= */ NULL,
                          _("The guest does not see this without <smbios mode='sysinfo'/> in <os>."));
        if (mode != OS_SMBIOS_EMULATE && !has_smbios(domain))
                xml_fault(domain->xml, FAULT_ERROR, xml_child(os, "smbios"), "mode",
                          _("Guests of %s have no SMBIOS tables; remove <smbios>."), os_arch(domain));
        if (sysinfo->fw_cfg && os_pci_machine(domain) == PCI_MACHINE_PSERIES)
                xml_fault(domain->xml, FAULT_ERROR, sysinfo->fw_cfg, "type",
                          _("A machine of type %s has no fw_cfg; remove this."), os_machine(domain));
        return 0;
}

/* --- planning ------------------------------------------------------------------------------------ */

static int plan_group(Plan *plan, const Part *part, XmlElement *element, const SysinfoGroup *group)
{
        CLEANUP(json) json_object *smbios = json_object_new_object();
        XmlElement *entry = NULL;
        int r;

        r = smbios ? json_add_int(smbios, "type", group->type) : -ENOMEM;
        while (r >= 0 && (entry = xml_next(element, "entry", entry))) {
                CLEANUP(free) char *text = xml_text(entry);

                if (!text)
                        return -ENOMEM;
                if (*text)
                        r = json_add_string(smbios, xml_attribute(entry, "name"), text);
        }
        return r < 0 ? r : plan_properties(plan, part, "-smbios", TAKE(smbios));
}

static int plan_strings(Plan *plan, const Part *part, XmlElement *strings)
{
        CLEANUP(json) json_object *smbios = json_object_new_object(), *values = json_object_new_array();
        XmlElement *entry = NULL;
        int r;

        r = smbios && values ? json_add_int(smbios, "type", 11) : -ENOMEM;
        while (r >= 0 && (entry = xml_next(strings, "entry", entry))) {
                CLEANUP(free) char *text = xml_text(entry);

                r = text ? json_append_string(values, text) : -ENOMEM;
        }
        if (r < 0 || json_object_array_length(values) == 0)
                return r;
        r = json_add(smbios, "value", TAKE(values));
        return r < 0 ? r : plan_properties(plan, part, "-smbios", TAKE(smbios));
}

static int plan_smbios(Plan *plan, const Part *part, XmlElement *smbios)
{
        XmlElement *strings = xml_child(smbios, "oemStrings");
        int r = 0;

        for (const SysinfoGroup *group = sysinfo_groups; r >= 0 && group->name; group++) {
                XmlElement *element = NULL;

                while (r >= 0 && (element = xml_next(smbios, group->name, element)))
                        r = plan_group(plan, part, element, group);
        }
        return r < 0 || !strings ? r : plan_strings(plan, part, strings);
}

static int plan_entry(Plan *plan, const Part *part, XmlElement *entry)
{
        CLEANUP(json) json_object *fw_cfg = json_object_new_object();
        const char *file = xml_attribute(entry, "file");
        CLEANUP(free) char *text = xml_text(entry);
        int r;

        if (!fw_cfg || !text)
                return -ENOMEM;
        r = json_add_string(fw_cfg, "name", xml_attribute(entry, "name"));
        if (r >= 0)
                r = json_add_string(fw_cfg, file ? "file" : "string", file ?: text);
        if (r >= 0 && file)
                r = plan_file(plan, PLAN_FILE_EXISTS, file, /* from= */ NULL, _("fw_cfg entry"));
        return r < 0 ? r : plan_properties(plan, part, "-fw_cfg", TAKE(fw_cfg));
}

static int plan(Plan *plan, Part *part)
{
        const Sysinfo *sysinfo = part->data;
        OsSmbios mode = os_smbios(plan->domain);
        XmlElement *entry = NULL;
        int r = 0;

        if (mode == OS_SMBIOS_SYSINFO && sysinfo->smbios)
                r = plan_smbios(plan, part, sysinfo->smbios);
        else if (mode == OS_SMBIOS_HOST)
                r = sysinfo_plan_host(plan, part);
        while (r >= 0 && sysinfo->fw_cfg && (entry = xml_next(sysinfo->fw_cfg, "entry", entry)))
                r = plan_entry(plan, part, entry);
        return r;
}

const PartKind section_sysinfo = {
        .name = "sysinfo",
        .size = sizeof(Sysinfo),
        .read = read_sysinfo,
        .complete = complete,
        .plan = plan,
};
