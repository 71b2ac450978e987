/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * <loader>, <nvram> and <os firmware=…>. What a descriptor decides is written down as libvirt (8.6 and
 * newer) does: <firmware>, <loader> and <nvram> then say all of it, and it is not chosen again, so a domain
 * keeps its firmware when descriptors come and go.
 */

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/section/general.h"
#include "domain/section/os-private.h"
#include "domain/value.h"

static const char *const loader_types[] = {[OS_LOADER_ROM] = "rom", [OS_LOADER_PFLASH] = "pflash", NULL};
static const char *const formats[] = {"raw", "qcow2", NULL};

/* --- reading ------------------------------------------------------------------------------------- */

static int read_flag(Domain *domain, XmlElement *element, const char *name)
{
        bool value;

        return read_switch(domain->xml, element, name, &value) > 0 ? value : -1;
}

static int read_format(Domain *domain, XmlElement *element, const char *name, char **ret)
{
        int format;

        return read_word(domain->xml, element, name, formats, &format) > 0
                       ? read_text(domain->xml, element, name, ret)
                       : 0;
}

static int read_features(Domain *domain, OsFirmware *firmware, XmlElement *element)
{
        XmlElement *feature = NULL;
        int r = 0;

        while (r >= 0 && (feature = xml_next(element, "feature", feature))) {
                const char *name = xml_attribute(feature, "name");
                bool enabled = true;

                if (!name || read_switch(domain->xml, feature, "enabled", &enabled) <= 0)
                        xml_fault(domain->xml, FAULT_ERROR, feature, /* attribute= */ NULL,
                                  _("Which feature of the firmware, and shall it be there? Give name=… and "
                                    "enabled=…."));
                else
                        r = strv_append(enabled ? &firmware->with : &firmware->without, name);
        }
        return r;
}

static int read_loader(Domain *domain, OsFirmware *firmware, XmlElement *os)
{
        XmlElement *loader = xml_child(os, "loader");
        int r;

        firmware->loader = loader;
        if (!loader)
                return 0;
        read_word(domain->xml, loader, "type", loader_types, &firmware->type);
        firmware->readonly = read_flag(domain, loader, "readonly");
        firmware->secure = read_flag(domain, loader, "secure");
        firmware->stateless = read_flag(domain, loader, "stateless");
        r = read_format(domain, loader, "format", &firmware->format);
        return r < 0 ? r : os_read_path(domain, os, "loader", &firmware->path);
}

/* Either <nvram>PATH</nvram> or <nvram type='file'><source file='PATH'/></nvram>. */
static int read_nvram(Domain *domain, OsFirmware *firmware, XmlElement *os)
{
        static const char *const types[] = {"file", NULL};
        XmlElement *nvram = xml_child(os, "nvram"), *source;
        int type, r;

        firmware->nvram_element = nvram;
        if (!nvram)
                return 0;
        r = read_text(domain->xml, nvram, "template", &firmware->nvram_template);
        if (r >= 0)
                r = read_format(domain, nvram, "templateFormat", &firmware->template_format);
        if (r >= 0)
                r = read_format(domain, nvram, "format", &firmware->nvram_format);
        source = r >= 0 && read_word(domain->xml, nvram, "type", types, &type) > 0
                         ? xml_child(nvram, "source")
                         : NULL;
        if (r >= 0)
                r = source ? read_text(domain->xml, source, "file", &firmware->nvram)
                           : os_read_path(domain, os, "nvram", &firmware->nvram);
        if ((firmware->nvram_template && firmware->nvram_template[0] != '/') ||
            (source && firmware->nvram && firmware->nvram[0] != '/'))
                xml_fault(domain->xml, FAULT_ERROR, source ?: nvram, /* attribute= */ NULL,
                          _("The file's path is not absolute; write it from / on."));
        return r;
}

static XmlElement *find_smm(Domain *domain)
{
        XmlElement *features = xml_child(domain->xml->root, "features");

        return features ? xml_child(features, "smm") : NULL;
}

int os_smm_state(const OsFirmware *firmware)
{
        return firmware->smm ? !streq_ptr(xml_attribute(firmware->smm, "state"), "off") : -1;
}

int os_read_firmware(Domain *domain, Os *os)
{
        static const char *const interfaces[] = {"bios", "efi", NULL};
        XmlElement *element = xml_child(os->element, "firmware");
        OsFirmware *firmware = &os->firmware;
        int interface, r = 0;

        firmware->smm = find_smm(domain);
        os_smm_state(firmware); /* which <features> reads as well */
        firmware->type = firmware->readonly = firmware->secure = firmware->stateless = -1;
        if (read_word(domain->xml, os->element, "firmware", interfaces, &interface) > 0)
                firmware->interface = interface == 0 ? FIRMWARE_BIOS : FIRMWARE_EFI;
        if (element && !firmware->interface)
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("These features are looked for when the firmware is chosen by "
                            "<os firmware='efi'>; add that, or remove them."));
        if (element)
                r = read_features(domain, firmware, element);
        if (r >= 0)
                r = read_loader(domain, firmware, os->element);
        if (r >= 0)
                r = read_nvram(domain, firmware, os->element);
        return r;
}

void os_clear_firmware(OsFirmware *firmware)
{
        strv_free(firmware->with);
        strv_free(firmware->without);
        free(firmware->path);
        free(firmware->format);
        free(firmware->nvram);
        free(firmware->nvram_format);
        free(firmware->nvram_template);
        free(firmware->template_format);
}

/* --- system management mode ---------------------------------------------------------------------- */

bool os_needs_smm(const Domain *domain)
{
        return os_of(domain)->firmware.secure > 0 && os_is_x86(domain);
}

static int turn_smm_on(Domain *domain, const Os *os)
{
        XmlElement *smm = os->firmware.smm, *features;
        int state = os_smm_state(&os->firmware), r;

        if (os_pci_machine(domain) != PCI_MACHINE_Q35) {
                xml_fault(domain->xml, FAULT_ERROR, os->type, "machine",
                          _("Secure boot needs system management mode, which among PCs a q35 machine has; "
                            "give machine='q35', or <loader secure='no'>."));
                return 0;
        }
        if (state == 0)
                xml_fault(domain->xml, FAULT_ERROR, smm, "state",
                          _("This firmware's secure boot needs system management mode; give <smm "
                            "state='on'/>, or <loader secure='no'>."));
        if (state >= 0)
                return 0;
        r = xml_ensure(domain->xml->root, "features", &features);
        if (r >= 0)
                r = xml_ensure(features, "smm", &smm);
        return r < 0 ? r : xml_set(smm, "state", "on");
}

/* --- completing ---------------------------------------------------------------------------------- */

static int complete_nvram(Domain *domain, Os *os)
{
        OsFirmware *firmware = &os->firmware;
        const char *name = domain_name(domain), *suffix;
        int r;

        if (firmware->readonly == 0 || firmware->stateless > 0) {
                if (firmware->nvram_element)
                        xml_fault(domain->xml, FAULT_ERROR, firmware->nvram_element, /* attribute= */ NULL,
                                  _("This firmware keeps no variables in a file of their own; remove "
                                    "<nvram>, or give <loader readonly='yes'> that is not stateless."));
                return 0;
        }
        r = os_set_default(&firmware->nvram_format, firmware->template_format ?: "raw");
        if (r < 0)
                return r;
        if (!firmware->nvram && !firmware->nvram_template) {
                xml_fault(domain->xml, FAULT_ERROR, firmware->nvram_element ?: firmware->loader,
                          /* attribute= */ NULL,
                          _("No firmware descriptor names the variables that go with %s; add <nvram "
                            "template=…>, or <loader stateless='yes'> if it has none."),
                          firmware->path);
                return 0;
        }
        if (firmware->nvram_template && !streq(firmware->template_format ?: "raw", firmware->nvram_format))
                xml_fault(domain->xml, FAULT_ERROR, firmware->nvram_element ?: firmware->loader, "format",
                          _("The variables are copied from a template of the format %s; give that "
                            "format."),
                          firmware->template_format ?: "raw");
        suffix = streq(firmware->nvram_format, "raw") ? "fd" : firmware->nvram_format;
        if (!firmware->nvram)
                firmware->nvram =
                        text_format("%s/%s/%s_VARS.%s", domain->host->state_directory, name, name, suffix);
        return firmware->nvram ? 0 : -ENOMEM;
}

static int write_nvram(Os *os)
{
        OsFirmware *firmware = &os->firmware;
        XmlElement *nvram;
        int r;

        if (!firmware->nvram)
                return 0;
        r = xml_ensure(os->element, "nvram", &nvram);
        if (r >= 0 && firmware->nvram_template)
                r = xml_set(nvram, "template", firmware->nvram_template);
        if (r >= 0 && firmware->template_format && !streq(firmware->template_format, "raw"))
                r = xml_set(nvram, "templateFormat", firmware->template_format);
        if (r >= 0 && !streq(firmware->nvram_format, "raw"))
                r = xml_set(nvram, "format", firmware->nvram_format);
        return r < 0 || xml_child(nvram, "source") ? r : xml_set_text(nvram, firmware->nvram);
}

static int write_loader(Os *os)
{
        OsFirmware *firmware = &os->firmware;
        bool pflash = firmware->type == OS_LOADER_PFLASH;
        XmlElement *loader;
        int r;

        r = xml_ensure(os->element, "loader", &loader);
        if (r >= 0 && pflash && firmware->readonly < 0)
                r = xml_set(loader, "readonly", "yes");
        if (r >= 0 && firmware->secure > 0)
                r = xml_set(loader, "secure", xml_attribute(loader, "secure") ?: "yes");
        if (r >= 0)
                r = xml_set(loader, "type", loader_types[firmware->type]);
        if (r >= 0 && firmware->stateless > 0)
                r = xml_set(loader, "stateless", xml_attribute(loader, "stateless") ?: "yes");
        if (r >= 0 && firmware->format && !streq(firmware->format, "raw"))
                r = xml_set(loader, "format", firmware->format);
        return r < 0 ? r : xml_set_text(loader, firmware->path);
}

static void check_rom(Domain *domain, const OsFirmware *firmware)
{
        if (firmware->nvram_element)
                xml_fault(domain->xml, FAULT_ERROR, firmware->nvram_element, /* attribute= */ NULL,
                          _("A loader of type rom keeps no variables; give <loader type='pflash'>, or "
                            "remove <nvram>."));
        if (firmware->secure > 0 || (firmware->format && !streq(firmware->format, "raw")))
                xml_fault(domain->xml, FAULT_ERROR, firmware->loader, "type",
                          _("A loader of type rom is a raw file without secure boot; give type='pflash'."));
}

/* A microvm and a pseries machine have none. */
static void check_flash(Domain *domain, const Os *os)
{
        PciMachine machine = os_pci_machine(domain);

        if (machine == PCI_MACHINE_NONE || machine == PCI_MACHINE_PSERIES ||
            startswith(os->machine, "microvm"))
                xml_fault(domain->xml, FAULT_ERROR, os->firmware.loader ?: os->element,
                          /* attribute= */ NULL,
                          _("A machine of type %s has no flash for a firmware; give <loader type='rom'>, or "
                            "another machine."),
                          os->machine);
}

static bool is_given(const OsFirmware *firmware)
{
        return firmware->interface || firmware->loader || firmware->nvram_element;
}

static int complete_loader(Domain *domain, Os *os)
{
        OsFirmware *firmware = &os->firmware;
        int r = 0;

        if (firmware->type < 0)
                firmware->type = firmware->nvram_element ? OS_LOADER_PFLASH : OS_LOADER_ROM;
        if (firmware->type == OS_LOADER_ROM)
                check_rom(domain, firmware);
        else {
                check_flash(domain, os);
                r = complete_nvram(domain, os);
        }
        if (r < 0 || domain->faults->n_errors > 0)
                return r;
        r = write_loader(os);
        return r < 0 ? r : write_nvram(os);
}

int os_complete_firmware(Domain *domain, Os *os)
{
        OsFirmware *firmware = &os->firmware;
        int r = 0;

        if (!is_given(firmware))
                return 0;
        if (!firmware->path && !firmware->interface) {
                xml_fault(domain->xml, FAULT_ERROR, firmware->loader ?: firmware->nvram_element,
                          /* attribute= */ NULL,
                          _("Which firmware? Give its file in <loader>, or <os firmware='efi'> to have one "
                            "chosen."));
                return 0;
        }
        r = firmware->path ? os_look_up_loader(domain, os) : os_choose_firmware(domain, os);
        if (r < 0 || !firmware->path || domain->faults->n_errors > 0)
                return r;
        if (os_needs_smm(domain))
                r = turn_smm_on(domain, os);
        return r < 0 || domain->faults->n_errors > 0 ? r : complete_loader(domain, os);
}
