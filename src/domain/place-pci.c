/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/controller-private.h"
#include "domain/place-private.h"
#include "domain/section/os.h"

/* Between parts and pci.h, which knows no XML: in with what there is, out with what came of it. */

typedef struct Slots {
        Part **parts; /* whose devices these are */
        PciDevice *devices;
        char **names; /* for messages */
        size_t n;
} Slots;

static void slots_clear(Slots *slots)
{
        for (size_t i = 0; i < slots->n; i++)
                free(slots->names[i]);
        free(slots->names);
        free(slots->devices);
        free(slots->parts);
}

static inline void cleanup_slots(Slots *slots)
{
        slots_clear(slots);
}

static bool is_pci_controller(const Part *part)
{
        const Controller *controller = controller_of(part);

        return controller && controller->type == CONTROLLER_PCI;
}

static int collect(const Domain *domain, Slots *ret)
{
        ret->parts = calloc(domain->n_devices + 1, sizeof(*ret->parts));
        ret->devices = calloc(domain->n_devices + 1, sizeof(*ret->devices));
        ret->names = calloc(domain->n_devices + 1, sizeof(*ret->names));
        if (!ret->parts || !ret->devices || !ret->names)
                return -ENOMEM;
        for (size_t i = 0; i < domain->n_devices; i++) {
                Part *part = domain->devices[i];

                if (!place_is(part, PLACE_PCI) || is_pci_controller(part))
                        continue;
                ret->names[ret->n] = place_part_name(part);
                if (!ret->names[ret->n])
                        return -ENOMEM;
                ret->parts[ret->n] = part;
                ret->devices[ret->n] = part->place.pci;
                ret->devices[ret->n].name = ret->names[ret->n];
                ret->n++;
        }
        return 0;
}

/* What pci.h says of a part becomes a fault of its address, or of `element` if there is no part. */
static int report(Domain *domain, const Part *part, const MusterError *error, int r)
{
        if (r >= 0 || r == -ENOMEM)
                return r;
        xml_fault(domain->xml, FAULT_ERROR,
                  part                      ? place_fault_element(part)
                  : domain->devices_element ? domain->devices_element
                                            : domain->xml->root,
                  /* attribute= */ NULL, "%s", muster_error_message(error));
        return 0;
}

/* --- in ------------------------------------------------------------------------------------------ */

static int add_controllers(Domain *domain)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < domain->n_devices; i++) {
                CLEANUP(MusterError) MusterError *error = NULL;
                const Part *part = domain->devices[i];
                const Controller *controller = part->data;

                if (!is_pci_controller(part))
                        continue;
                r = pci_add_controller(domain->pci,
                                       &(PciController){.model = controller->pci,
                                                        .index = controller->index,
                                                        .chassis = controller->target.chassis,
                                                        .port = controller->target.port},
                                       /* ret_index= */ NULL, &error);
                r = report(domain, part, error, r);
        }
        return r;
}

static int reserve_controllers(Domain *domain)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < domain->n_devices; i++) {
                CLEANUP(MusterError) MusterError *error = NULL;
                const Part *part = domain->devices[i];
                const Controller *controller = part->data;

                if (!is_pci_controller(part) || !part->place.given)
                        continue;
                r = pci_reserve_controller(domain->pci, (unsigned)controller->index,
                                           &part->place.pci.address, &error);
                r = report(domain, part, error, r);
        }
        return r;
}

static int reserve_devices(Domain *domain, const Slots *slots)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < slots->n; i++) {
                CLEANUP(MusterError) MusterError *error = NULL;

                if (!slots->parts[i]->place.given)
                        continue;
                r = pci_reserve(domain->pci, &slots->devices[i], &slots->devices[i].address, &error);
                r = report(domain, slots->parts[i], error, r);
        }
        return r;
}

static int check_functions(Domain *domain)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < domain->n_devices; i++) {
                CLEANUP(MusterError) MusterError *error = NULL;
                const Part *part = domain->devices[i];

                if (!place_is(part, PLACE_PCI) || !part->place.given)
                        continue;
                r = pci_check(domain->pci, &part->place.pci.address, &error);
                r = report(domain, part, error, r);
        }
        return r;
}

static int assign(Domain *domain, Slots *slots)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        const Part *failed = NULL;
        int r;

        r = pci_assign(domain->pci, slots->devices, slots->n, &error);
        for (size_t i = 0; r < 0 && i < slots->n; i++)
                if (slots->devices[i].failed)
                        failed = slots->parts[i];
        return report(domain, failed, error, r);
}

/* --- out ----------------------------------------------------------------------------------------- */

static int write_address(Part *part, const PciAddress *address)
{
        XmlElement *element;
        int r;

        part->place.type = PLACE_PCI;
        part->place.pci.address = *address;
        part->place.pci.placed = true;
        if (part->place.given)
                return 0;
        part->place.given = true;
        r = place_element(part, &element);
        if (r >= 0)
                r = xml_setf(element, "domain", "0x%04x", address->domain);
        if (r >= 0)
                r = xml_setf(element, "bus", "0x%02x", address->bus);
        if (r >= 0)
                r = xml_setf(element, "slot", "0x%02x", address->slot);
        if (r >= 0)
                r = xml_setf(element, "function", "0x%x", address->function);
        if (r >= 0 && address->multifunction)
                r = xml_set(element, "multifunction", "on");
        return r;
}

static int write_number(XmlElement *target, const char *name, const char *format, int number)
{
        CLEANUP(free) char *text = text_format(format, number);

        if (!text)
                return -ENOMEM;
        return xml_attribute(target, name) ? 0 : xml_set(target, name, text);
}

static int write_controller(Part *part, const PciController *from)
{
        Controller *controller = part->data;
        XmlElement *target;
        int r = 0;

        controller->target.chassis = from->chassis;
        controller->target.port = from->port;
        if (from->chassis >= 0) {
                r = xml_ensure(part->element, "target", &target);
                if (r >= 0)
                        r = write_number(target, "chassis", "%d", from->chassis);
                if (r >= 0)
                        r = write_number(target, "port", "0x%x", from->port);
        }
        return r < 0 || from->model <= PCI_MODEL_PCIE_ROOT ? r : write_address(part, &from->address);
}

static int write_controllers(Domain *domain)
{
        int r = 0;

        for (unsigned index = 0; r >= 0 && index < PCI_BUSES_MAX; index++) {
                const PciController *from = pci_controller(domain->pci, index);
                Part *part = from ? controller_get(domain, CONTROLLER_PCI, index) : NULL;

                if (!from)
                        continue;
                if (!part)
                        r = controller_add(domain, CONTROLLER_PCI, index, pci_model_name(from->model),
                                           &part);
                if (r >= 0 && part)
                        r = write_controller(part, from);
        }
        return r;
}

static int write_all(Domain *domain, const Slots *slots)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < slots->n; i++)
                r = write_address(slots->parts[i], &slots->devices[i].address);
        return r < 0 ? r : write_controllers(domain);
}

static void refuse(Domain *domain)
{
        for (size_t i = 0; i < domain->n_devices; i++)
                if (place_is(domain->devices[i], PLACE_PCI))
                        xml_fault(domain->xml, FAULT_ERROR, place_fault_element(domain->devices[i]),
                                  /* attribute= */ NULL,
                                  _("This machine type has no PCI; take another model of <%s>, or another "
                                    "machine type."),
                                  domain->devices[i]->kind->name);
}

int place_assign_pci(Domain *domain)
{
        CLEANUP(slots) Slots slots = {0};
        int r;

        r = pci_new(os_pci_machine(domain), &domain->pci);
        if (r == -ENODEV) {
                refuse(domain);
                return 0;
        }
        if (r >= 0)
                r = collect(domain, &slots);
        if (r >= 0)
                r = add_controllers(domain);
        if (r >= 0 && domain->faults->n_errors == 0)
                r = reserve_controllers(domain);
        if (r >= 0 && domain->faults->n_errors == 0)
                r = reserve_devices(domain, &slots);
        if (r >= 0 && domain->faults->n_errors == 0)
                r = check_functions(domain);
        if (r >= 0 && domain->faults->n_errors == 0)
                r = assign(domain, &slots);
        return r >= 0 && domain->faults->n_errors == 0 ? write_all(domain, &slots) : r;
}
