/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a descriptor of firmware decides. */

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/section/os-private.h"
#include "domain/section/pm.h"

int os_set_default(char **text, const char *value)
{
        if (!*text && value)
                *text = strdup(value);
        return *text || !value ? 0 : -ENOMEM;
}

/* What is wanted of a descriptor besides its features as they are listed. */
static int add_wanted(Domain *domain, const OsFirmware *firmware, char ***with, char ***without)
{
        bool x86 = os_is_x86(domain);
        int r = 0;

        for (char **name = firmware->with; r >= 0 && name && *name; name++)
                r = strv_append(with, *name);
        for (char **name = firmware->without; r >= 0 && name && *name; name++)
                r = strv_append(without, *name);
        if (r >= 0 && firmware->secure > 0)
                r = strv_append(with, x86 ? "requires-smm" : "secure-boot");
        if (r >= 0 && x86 && (firmware->secure == 0 || os_smm_state(firmware) == 0))
                r = strv_append(without, "requires-smm");
        if (r >= 0 && pm_suspend_to_mem(domain) > 0)
                r = strv_append(with, "acpi-s3");
        if (r >= 0 && pm_suspend_to_disk(domain) > 0)
                r = strv_append(with, "acpi-s4");
        return r;
}

/* A descriptor that fits, NULL if none does (*ret_error). */
static int choose(Domain *domain, const Os *os, bool by_loader, const Firmware **ret,
                  MusterError **ret_error)
{
        CLEANUP(strv) char **with = NULL, **without = NULL;
        const OsFirmware *firmware = &os->firmware;
        FirmwareWanted wanted = {
                .architecture = os->arch,
                .machine = os->machine,
                .interfaces = firmware->interface,
                .format = firmware->format,
                .nvram_format = firmware->template_format ?: firmware->nvram_format,
                .stateless = firmware->stateless > 0,
                .loader = by_loader ? firmware->path : NULL,
        };
        const FirmwareList *list = NULL;
        int r;

        *ret = NULL;
        r = domain->host->firmware(domain->host, &list, ret_error);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        /* Of a file that was named only what belongs to it is asked. */
        r = by_loader ? 0 : add_wanted(domain, firmware, &with, &without);
        if (r < 0)
                return r;
        wanted.with = (const char *const *)with;
        wanted.without = (const char *const *)without;
        r = firmware_choose(list, &wanted, ret, ret_error);
        return r == -ENOMEM ? r : 0;
}

static int take_descriptor(Domain *domain, OsFirmware *firmware, const Firmware *found)
{
        bool split = found->device == FIRMWARE_FLASH && found->mode == FIRMWARE_SPLIT;
        int r;

        r = os_set_default(&firmware->path, found->executable);
        if (r >= 0)
                r = os_set_default(&firmware->format, found->executable_format);
        if (firmware->type < 0)
                firmware->type = found->device == FIRMWARE_FLASH ? OS_LOADER_PFLASH : OS_LOADER_ROM;
        if (found->mode == FIRMWARE_STATELESS && found->device == FIRMWARE_FLASH)
                firmware->stateless = 1;
        if (r >= 0 && split && firmware->stateless <= 0) {
                r = os_set_default(&firmware->nvram_template, found->nvram_template);
                if (r >= 0)
                        r = os_set_default(&firmware->template_format, found->nvram_format);
        }
        if (firmware_has(found, "requires-smm") && firmware->secure < 0 && os_is_x86(domain))
                firmware->secure = 1;
        return r;
}

static int write_features(const Os *os, const Firmware *found)
{
        static const char *const names[] = {"enrolled-keys", "secure-boot"};
        XmlElement *element, *feature;
        int r;

        r = xml_ensure(os->element, "firmware", &element);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(names); i++) {
                if (strv_contains(os->firmware.with, names[i]) ||
                    strv_contains(os->firmware.without, names[i]))
                        continue;
                r = xml_add(element, "feature", /* text= */ NULL, &feature);
                if (r >= 0)
                        r = xml_set(feature, "enabled", firmware_has(found, names[i]) ? "yes" : "no");
                if (r >= 0)
                        r = xml_set(feature, "name", names[i]);
        }
        return r;
}

int os_choose_firmware(Domain *domain, Os *os)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        OsFirmware *firmware = &os->firmware;
        const Firmware *found;
        int r;

        r = choose(domain, os, /* by_loader= */ false, &found, &error);
        if (r < 0)
                return r;
        /* The BIOS that QEMU brings along needs no descriptor. */
        if (!found && firmware->interface == FIRMWARE_BIOS && os_is_x86(domain) && !firmware->with)
                return 0;
        if (!found) {
                xml_fault(domain->xml, FAULT_ERROR, os->element, "firmware", "%s",
                          muster_error_message(error));
                return 0;
        }
        if (found->device == FIRMWARE_KERNEL) {
                xml_fault(domain->xml, FAULT_ERROR, os->element, "firmware",
                          _("%s is loaded as a kernel; name it as <kernel>."), found->executable);
                return 0;
        }
        r = take_descriptor(domain, firmware, found);
        return r < 0 || firmware->interface != FIRMWARE_EFI ? r : write_features(os, found);
}

/* What belongs to a file that was named: a template, and whether it needs SMM. */
int os_look_up_loader(Domain *domain, Os *os)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        OsFirmware *firmware = &os->firmware;
        const Firmware *found;
        int r;

        r = choose(domain, os, /* by_loader= */ true, &found, &error);
        if (r < 0 || !found || found->device != FIRMWARE_FLASH)
                return r;
        /* A descriptor of flash is for flash, unless something else was said. */
        if (firmware->type == OS_LOADER_ROM)
                return 0;
        return take_descriptor(domain, firmware, found);
}
