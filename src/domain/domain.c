/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/domain.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/value.h"

const PartKind *device_kind_find(const char *name)
{
        for (size_t i = 0; device_kinds[i]; i++)
                if (streq(device_kinds[i]->name, name))
                        return device_kinds[i];
        return NULL;
}

Part *domain_section(const Domain *domain, const PartKind *kind)
{
        for (size_t i = 0; i < domain->n_sections; i++)
                if (domain->sections[i]->kind == kind)
                        return domain->sections[i];
        return NULL;
}

Part *domain_next(const Domain *domain, const PartKind *kind, const Part *last)
{
        for (size_t i = last ? last->position + 1 : 0; i < domain->n_devices; i++)
                if (domain->devices[i]->kind == kind)
                        return domain->devices[i];
        return NULL;
}

unsigned domain_free_number(const Domain *domain, const PartKind *kind, unsigned least,
                            int64_t (*number)(const Part *part, int which), int which)
{
        /* So many devices cannot take more numbers. */
        CLEANUP(free) bool *taken = calloc(domain->n_devices + 1, sizeof(*taken));
        size_t found = 0;

        if (!taken) {
                domain->faults->out_of_memory = true;
                return least;
        }
        for (const Part *part = NULL; (part = domain_next(domain, kind, part));) {
                int64_t its = number(part, which) - least;

                if (its >= 0 && (uint64_t)its < domain->n_devices)
                        taken[its] = true;
        }
        while (taken[found])
                found++;
        return least + (unsigned)found;
}

/* --- parts --------------------------------------------------------------------------------------- */

static Part *part_free(Part *part)
{
        if (!part)
                return NULL;
        if (part->data && part->kind->clear)
                part->kind->clear(part);
        free(part->data);
        free(part->alias);
        free(part->rom_file);
        free(part);
        return NULL;
}

DEFINE_CLEANUP(Part, part_free);

static int part_new(const PartKind *kind, XmlElement *element, Part **ret)
{
        CLEANUP(Part) Part *part = calloc(1, sizeof(*part));

        if (!part)
                return -ENOMEM;
        part->kind = kind;
        part->element = element;
        part->rom_bar = -1;
        part->data = calloc(1, kind->size ?: 1);
        if (!part->data)
                return -ENOMEM;
        *ret = TAKE(part);
        return 0;
}

/* NAME.sock in its run directory, where a character device's is ALIAS.sock. */
static const char *const own_names[] = {"monitor", "tpm", "vnc", "spice"};

static int read_alias(Domain *domain, Part *part)
{
        XmlElement *alias = xml_child(part->element, "alias");
        int r;

        if (!alias)
                return 0;
        r = read_text(domain->xml, alias, "name", &part->alias);
        if (r <= 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(own_names); i++)
                if (streq(part->alias, own_names[i]))
                        xml_fault(domain->xml, FAULT_ERROR, alias, "name",
                                  _("\"%s\" is the name of a socket of the domain's own; give another one."),
                                  part->alias);
        if (value_is_id(part->alias)) {
                part->alias_given = true;
                return 0;
        }
        xml_fault(domain->xml, FAULT_ERROR, alias, "name",
                  _("\"%s\" is no ID for the emulator: letters, digits, '-', '.' and '_', a letter first."),
                  part->alias);
        free(TAKE(part->alias));
        return 0;
}

static int read_rom(Domain *domain, Part *part)
{
        XmlElement *rom = xml_child(part->element, "rom");
        bool bar = true, enabled = true;
        int r;

        if (!rom)
                return 0;
        if (read_switch(domain->xml, rom, "bar", &bar) > 0)
                part->rom_bar = bar;
        read_switch(domain->xml, rom, "enabled", &enabled);
        part->rom_disabled = !enabled;
        r = read_text(domain->xml, rom, "file", &part->rom_file);
        if (!enabled && part->rom_file)
                xml_fault(domain->xml, FAULT_ERROR, rom, "file",
                          _("A ROM that is not enabled has no file; remove one of the two."));
        return r < 0 ? r : 0;
}

static int read_common(Domain *domain, Part *part)
{
        XmlElement *boot, *acpi;
        int r;

        r = read_alias(domain, part);
        if (r >= 0 && (part->kind->flags & PART_ADDRESS))
                r = place_read(domain, part, part->kind->places);
        if (r >= 0 && (part->kind->flags & PART_ROM))
                r = read_rom(domain, part);
        if (r < 0)
                return r;
        boot = part->kind->flags & PART_BOOT ? xml_child(part->element, "boot") : NULL;
        if (boot) {
                read_uint(domain->xml, boot, "order", INT32_MAX, &part->boot_order);
                if (part->boot_order == 0)
                        xml_fault(domain->xml, FAULT_ERROR, boot, "order", _("Boot orders begin with 1."));
        }
        acpi = part->kind->flags & PART_ADDRESS ? xml_child(part->element, "acpi") : NULL;
        if (acpi)
                read_uint(domain->xml, acpi, "index", 16 * 1024 - 1, &part->acpi_index);
        return 0;
}

static int append(Domain *domain, Part *part)
{
        Part **grown = reallocarray(domain->devices, domain->n_devices + 1, sizeof(Part *));

        if (!grown)
                return -ENOMEM;
        domain->devices = grown;
        part->position = domain->n_devices;
        domain->devices[domain->n_devices++] = part;
        return 0;
}

int domain_add_device(Domain *domain, XmlElement *element, Part **ret)
{
        const PartKind *kind = device_kind_find(xml_name(element));
        CLEANUP(Part) Part *part = NULL;
        Part *added;
        int r;

        if (!kind)
                return 0; /* it stays unread, and is reported so */
        if (domain->n_devices >= DOMAIN_PARTS_MAX) {
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("No domain has more than %d devices."), DOMAIN_PARTS_MAX);
                return -E2BIG;
        }
        xml_mark(element);
        r = part_new(kind, element, &part);
        if (r < 0)
                return r;
        for (size_t i = domain->n_devices; i > 0 && part->index == 0; i--)
                if (domain->devices[i - 1]->kind == kind)
                        part->index = domain->devices[i - 1]->index + 1;
        if ((kind->flags & PART_SINGLE) && part->index > 0)
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("A domain has no second <%s>; keep one."), kind->name);
        r = append(domain, part);
        if (r < 0)
                return r;
        added = TAKE(part);
        r = read_common(domain, added);
        if (r >= 0)
                r = kind->read(domain, added);
        if (r < 0)
                return r;
        if (ret)
                *ret = added;
        return 0;
}

int domain_new_element(Domain *domain, const char *name, XmlElement **ret)
{
        int r = 0;

        if (!domain->devices_element)
                r = xml_add(domain->xml->root, "devices", /* text= */ NULL, &domain->devices_element);
        return r < 0 ? r : xml_add(domain->devices_element, name, /* text= */ NULL, ret);
}

/* --- reading ------------------------------------------------------------------------------------- */

static int read_sections(Domain *domain)
{
        size_t n = 0;

        while (section_kinds[n])
                n++;
        domain->sections = calloc(n ?: 1, sizeof(Part *));
        if (!domain->sections)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                int r = part_new(section_kinds[i], domain->xml->root, &domain->sections[i]);

                if (r < 0)
                        return r;
                domain->n_sections++;
                r = section_kinds[i]->read(domain, domain->sections[i]);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_emulator(Domain *domain)
{
        XmlElement *element = xml_child(domain->devices_element, "emulator");

        if (!element)
                return 0;
        domain->emulator = xml_text(element);
        if (!domain->emulator)
                return -ENOMEM;
        if (domain->emulator[0] != '/')
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("The emulator's path is not absolute; write it from / on."));
        return 0;
}

static int read_devices(Domain *domain)
{
        XmlElement *element = NULL;
        int r;

        domain->devices_element = xml_child(domain->xml->root, "devices");
        if (!domain->devices_element)
                return 0;
        r = read_emulator(domain);
        while (r >= 0 && (element = xml_next_any(domain->devices_element, element)))
                if (!element->ns)
                        r = domain_add_device(domain, element, /* ret= */ NULL);
        return r == -E2BIG ? 0 : r;
}

int domain_read(const char *text, size_t size, Faults *faults, Domain **ret)
{
        CLEANUP(Domain) Domain *domain = calloc(1, sizeof(*domain));
        int r;

        if (!domain)
                return -ENOMEM;
        *ret = NULL;
        domain->faults = faults;
        r = xml_parse(text, size, "domain", faults, &domain->xml);
        if (r < 0 || !domain->xml)
                return r;
        r = read_sections(domain);
        if (r >= 0)
                r = read_devices(domain);
        if (r < 0)
                return r;
        xml_report_unread(domain->xml);
        if (faults->out_of_memory)
                return -ENOMEM;
        *ret = TAKE(domain);
        return 0;
}

Domain *domain_free(Domain *domain)
{
        if (!domain)
                return NULL;
        for (size_t i = 0; i < domain->n_devices; i++)
                part_free(domain->devices[i]);
        for (size_t i = 0; i < domain->n_sections; i++)
                part_free(domain->sections[i]);
        free(domain->devices);
        free(domain->sections);
        free(domain->emulator);
        pci_free(domain->pci);
        muster_verdicts_unref(domain->verdicts);
        xml_free(domain->xml);
        free(domain);
        return NULL;
}
