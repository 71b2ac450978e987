/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the machine starts from: boot order and menu, a kernel given from outside, tables of the firmware. */

#include <errno.h>
#include <limits.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/section/features.h"
#include "domain/section/os-private.h"
#include "domain/value.h"

#define BOOT_MSEC_MAX 65535 /* QEMU's bound of both times */

static const char *const boot_names[] = {
        [OS_BOOT_DISK] = "hd",         [OS_BOOT_CDROM] = "cdrom", [OS_BOOT_FLOPPY] = "fd",
        [OS_BOOT_NETWORK] = "network", [_OS_BOOT_MAX] = NULL,
};

static const char *const table_types[] = {"raw", "slic", "msdm", NULL};
static const char *const table_signatures[] = {NULL, "SLIC", "MSDM"};

/* --- reading ------------------------------------------------------------------------------------- */

static void read_boot_devices(Domain *domain, Os *os)
{
        XmlElement *element = NULL;

        while ((element = xml_next(os->element, "boot", element))) {
                int class = OS_BOOT_DISK;
                bool again = false;

                if (read_word(domain->xml, element, "dev", boot_names, &class) <= 0) {
                        if (!xml_attribute(element, "dev"))
                                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                                          _("What shall be booted from? Add dev='hd', 'cdrom', 'network' or "
                                            "'fd'."));
                        continue;
                }
                for (unsigned i = 0; i < os->n_boot; i++)
                        again = again || os->boot[i] == (OsBoot) class;
                if (again)
                        xml_fault(domain->xml, FAULT_ERROR, element, "dev",
                                  _("\"%s\" has its turn already; remove one of the two."),
                                  boot_names[class]);
                else
                        os->boot[os->n_boot++] = (OsBoot) class;
        }
}

static void read_menu(Domain *domain, Os *os)
{
        XmlElement *menu = xml_child(os->element, "bootmenu");
        bool enable = false;

        if (!menu)
                return;
        read_switch(domain->xml, menu, "enable", &enable);
        os->menu = enable;
        os->has_menu_timeout = read_uint(domain->xml, menu, "timeout", BOOT_MSEC_MAX, &os->menu_timeout) > 0;
        if (os->has_menu_timeout && !enable)
                xml_fault(
                        domain->xml, FAULT_ERROR, menu, "timeout",
                        _("A boot menu that is not shown has no timeout; add enable='yes', or remove it."));
}

static void read_bios(Domain *domain, Os *os)
{
        XmlElement *bios = xml_child(os->element, "bios");
        uint64_t timeout = 0;

        if (!bios)
                return;
        read_switch(domain->xml, bios, "useserial", &os->use_serial);
        if (streq_ptr(xml_attribute(bios, "rebootTimeout"), "-1")) {
                os->has_reboot_timeout = true;
                os->reboot_timeout = -1;
        } else if (read_uint(domain->xml, bios, "rebootTimeout", BOOT_MSEC_MAX, &timeout) > 0) {
                os->has_reboot_timeout = true;
                os->reboot_timeout = (int)timeout;
        }
}

static int read_kernel(Domain *domain, Os *os)
{
        XmlElement *cmdline = xml_child(os->element, "cmdline");
        int r;

        r = os_read_path(domain, os->element, "kernel", &os->kernel);
        if (r >= 0)
                r = os_read_path(domain, os->element, "initrd", &os->initrd);
        if (r >= 0)
                r = os_read_path(domain, os->element, "dtb", &os->dtb);
        if (r >= 0)
                r = os_read_path(domain, os->element, "shim", &os->shim);
        if (r < 0)
                return r;
        if (cmdline) {
                os->cmdline = xml_text(cmdline);
                if (!os->cmdline)
                        return -ENOMEM;
        }
        if (!os->kernel && (os->initrd || (os->cmdline && *os->cmdline) || os->shim))
                xml_fault(domain->xml, FAULT_ERROR, os->element, /* attribute= */ NULL,
                          _("<initrd>, <cmdline> and <shim> go with a <kernel>, which is missing; add it or "
                            "remove them."));
        return 0;
}

/* They are read where they are planned, too; here for what is wrong with them. */
static int read_tables(Domain *domain, Os *os)
{
        XmlElement *acpi = xml_child(os->element, "acpi"), *table = NULL;

        while (acpi && (table = xml_next(acpi, "table", table))) {
                CLEANUP(free) char *path = xml_text(table);
                int type = 0;

                if (!path)
                        return -ENOMEM;
                if (read_word(domain->xml, table, "type", table_types, &type) == 0)
                        xml_fault(domain->xml, FAULT_ERROR, table, /* attribute= */ NULL,
                                  _("What kind of table is it? Add type='slic', 'msdm' or 'raw'."));
                /* QEMU concatenates files that a colon separates. */
                if (path[0] != '/' || strchr(path, ':'))
                        xml_fault(domain->xml, FAULT_ERROR, table, /* attribute= */ NULL,
                                  _("The file of an ACPI table needs an absolute path without ':'."));
        }
        return 0;
}

int os_read_boot(Domain *domain, Os *os)
{
        static const char *const modes[] = {"emulate", "host", "sysinfo", NULL};
        XmlElement *smbios = xml_child(os->element, "smbios");
        int mode = OS_SMBIOS_EMULATE, r;

        read_boot_devices(domain, os);
        read_menu(domain, os);
        read_bios(domain, os);
        if (smbios)
                read_word(domain->xml, smbios, "mode", modes, &mode);
        os->smbios = (OsSmbios)mode;
        r = read_kernel(domain, os);
        return r < 0 ? r : read_tables(domain, os);
}

/* --- completing ---------------------------------------------------------------------------------- */

static const Part *find_ordered(const Domain *domain)
{
        for (size_t i = 0; i < domain->n_devices; i++)
                if (domain->devices[i]->boot_order > 0)
                        return domain->devices[i];
        return NULL;
}

static void check_kernel(Domain *domain, Os *os)
{
        bool microvm = startswith(os->machine ?: "", "microvm");

        if (os->dtb && os_is_x86(domain) && !microvm)
                xml_fault(domain->xml, FAULT_ERROR, xml_child(os->element, "dtb"), /* attribute= */ NULL,
                          _("PCs have no device tree; remove <dtb>."));
        if (os->shim && !domain_option_has(domain, "machine", "shim"))
                xml_fault(domain->xml, FAULT_ERROR, xml_child(os->element, "shim"), /* attribute= */ NULL,
                          _("%s cannot load a shim: QEMU 10.0 and newer have the option machine/shim."),
                          domain_emulator_text(domain));
        if (os->use_serial && !os_is_x86(domain))
                xml_fault(domain->xml, FAULT_COSMETIC, xml_child(os->element, "bios"), "useserial",
                          _("Only the BIOS of a PC can be told to use the serial port; remove "
                            "useserial=…."));
}

static void check_tables(Domain *domain, Os *os)
{
        XmlElement *acpi = xml_child(os->element, "acpi");

        if (!acpi || !xml_child(acpi, "table"))
                return;
        if (!os_is_x86(domain))
                xml_fault(domain->xml, FAULT_ERROR, acpi, /* attribute= */ NULL,
                          _("QEMU takes ACPI tables for PCs alone; remove <acpi>."));
        else if (!features_acpi(domain))
                xml_fault(domain->xml, FAULT_ERROR, acpi, /* attribute= */ NULL,
                          _("Without ACPI nothing reads these tables; add <acpi/> to <features>, or remove "
                            "them."));
}

int os_complete_boot(Domain *domain, Os *os)
{
        const Part *ordered = find_ordered(domain);
        XmlElement *boot;
        int r;

        check_kernel(domain, os);
        check_tables(domain, os);
        if (ordered && os->n_boot > 0)
                xml_fault(domain->xml, FAULT_ERROR, xml_child(ordered->element, "boot"), "order",
                          _("<boot dev=…> in <os> and <boot order=…> in devices say the same in two ways; "
                            "keep one of them."));
        if (ordered || os->n_boot > 0)
                return 0;
        os->boot[os->n_boot++] = OS_BOOT_DISK;
        r = xml_add(os->element, "boot", /* text= */ NULL, &boot);
        return r < 0 ? r : xml_set(boot, "dev", boot_names[OS_BOOT_DISK]);
}

unsigned os_take_boot(Domain *domain, OsBoot boot)
{
        Os *os = os_of(domain);

        for (unsigned i = 0; i < os->n_boot; i++)
                if (os->boot[i] == boot && !os->taken[boot]) {
                        os->taken[boot] = true;
                        return i + 1;
                }
        return 0;
}

/* --- planning ------------------------------------------------------------------------------------ */

static int plan_file_option(Plan *plan, const char *option, const char *path, const char *purpose)
{
        int r;

        if (!path)
                return 0;
        r = plan_option(plan, option, path);
        return r < 0 ? r : plan_file(plan, PLAN_FILE_EXISTS, path, /* from= */ NULL, purpose);
}

static int plan_kernel(Plan *plan, const Os *os)
{
        int r;

        r = plan_file_option(plan, "-kernel", os->kernel, _("kernel"));
        if (r >= 0)
                r = plan_file_option(plan, "-initrd", os->initrd, _("initial RAM disk"));
        if (r >= 0 && os->cmdline && *os->cmdline)
                r = plan_option(plan, "-append", os->cmdline);
        if (r >= 0)
                r = plan_file_option(plan, "-dtb", os->dtb, _("device tree"));
        if (r >= 0)
                r = plan_file_option(plan, "-shim", os->shim, _("shim"));
        return r;
}

static int plan_table(Plan *plan, const Part *part, XmlElement *table)
{
        CLEANUP(json) json_object *properties = json_object_new_object();
        CLEANUP(free) char *path = xml_text(table);
        int type = 0, r;

        if (!properties || !path)
                return -ENOMEM;
        read_word(plan->domain->xml, table, "type", table_types, &type);
        r = table_signatures[type] ? json_add_string(properties, "sig", table_signatures[type]) : 0;
        if (r >= 0)
                r = json_add_string(properties, "file", path);
        if (r >= 0)
                r = plan_file(plan, PLAN_FILE_EXISTS, path, /* from= */ NULL, _("ACPI table"));
        return r < 0 ? r : plan_properties(plan, part, "-acpitable", TAKE(properties));
}

static int plan_tables(Plan *plan, const Part *part, const Os *os)
{
        XmlElement *acpi = xml_child(os->element, "acpi"), *table = NULL;
        int r = 0;

        while (r >= 0 && acpi && (table = xml_next(acpi, "table", table)))
                r = plan_table(plan, part, table);
        return r;
}

static int plan_order(Plan *plan, const Part *part, const Os *os)
{
        CLEANUP(json) json_object *boot = json_object_new_object();
        int r;

        if (!boot)
                return -ENOMEM;
        r = os->menu >= 0 ? json_add_bool(boot, "menu", os->menu != 0) : 0;
        if (r >= 0 && os->has_menu_timeout)
                r = json_add_int(boot, "splash-time", (int64_t)os->menu_timeout);
        if (r >= 0 && os->has_reboot_timeout)
                r = json_add_int(boot, "reboot-timeout", os->reboot_timeout);
        /* From the devices that have a boot index and from no other. */
        if (r >= 0)
                r = json_add_bool(boot, "strict", true);
        return r < 0 ? r : plan_properties(plan, part, "-boot", TAKE(boot));
}

int os_plan_boot(Plan *plan, const Part *part, json_object *machine)
{
        const Os *os = part->data;
        int r;

        r = plan_order(plan, part, os);
        if (r >= 0)
                r = plan_kernel(plan, os);
        if (r >= 0)
                r = plan_tables(plan, part, os);
        /* SeaBIOS uses the port then. The device "sga", which libvirt takes where it is, did the same, and
         * is deprecated since 6.2. */
        if (r >= 0 && os->use_serial && os_is_x86(plan->domain))
                r = json_add_bool(machine, "graphics", false);
        return r;
}
