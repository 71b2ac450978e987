/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/memballoon.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/section/os.h"
#include "domain/value.h"
#include "domain/virtio.h"

typedef struct Memballoon {
        bool none;
        VirtioModel model;
        VirtioOptions virtio;
        int autodeflate, free_page_reporting; /* -1: not said */
        bool has_period;
        uint64_t period; /* seconds between statistics */
} Memballoon;

static int read_flag(Domain *domain, Part *part, const char *name)
{
        bool value;

        return read_switch(domain->xml, part->element, name, &value) > 0 ? value : -1;
}

static int read_memballoon(Domain *domain, Part *part)
{
        static const char *const models[] = {"virtio", "virtio-transitional", "virtio-non-transitional",
                                             "none", NULL};
        XmlElement *stats = xml_child(part->element, "stats");
        Memballoon *balloon = part->data;
        int model = VIRTIO_PLAIN;

        read_word(domain->xml, part->element, "model", models, &model);
        balloon->none = model > VIRTIO_NON_TRANSITIONAL;
        balloon->model = (VirtioModel)model;
        balloon->autodeflate = read_flag(domain, part, "autodeflate");
        balloon->free_page_reporting = read_flag(domain, part, "freePageReporting");
        if (stats)
                balloon->has_period =
                        read_uint(domain->xml, stats, "period", INT32_MAX, &balloon->period) > 0;
        virtio_read(domain, xml_child(part->element, "driver"), &balloon->virtio);
        return 0;
}

/* As with libvirt, none on Arm; and boards without PCI have no bus for it, but for those with virtio-mmio.
 */
static bool is_expected(const Domain *domain)
{
        const char *arch = os_arch(domain), *machine = os_machine(domain);

        if (streq(arch, "aarch64") || streq(arch, "arm"))
                return false;
        return os_pci_machine(domain) != PCI_MACHINE_NONE || startswith(machine, "virt") ||
               startswith(machine, "microvm");
}

static int imply(Domain *domain)
{
        XmlElement *element;
        int r;

        if (!is_expected(domain) || domain_next(domain, &device_memballoon, NULL))
                return 0;
        r = domain_new_element(domain, "memballoon", &element);
        if (r >= 0)
                r = xml_set(element, "model", "virtio");
        return r < 0 ? r : domain_add_device(domain, element, /* ret= */ NULL);
}

static int complete(Domain *domain, Part *part)
{
        Memballoon *balloon = part->data;

        if (balloon->none)
                return 0;
        if (xml_set(part->element, "model", xml_attribute(part->element, "model") ?: "virtio") < 0)
                return -ENOMEM;
        return virtio_want_place(domain, part, balloon->model, /* hotplug= */ true);
}

static int plan(Plan *plan, Part *part)
{
        Memballoon *balloon = part->data;
        json_object *device;
        int r;

        if (balloon->none)
                return 0;
        device = virtio_device(plan, part, "virtio-balloon", balloon->model, &balloon->virtio, &r);
        if (!device)
                return r;
        if (balloon->autodeflate >= 0)
                r = json_add_bool(device, "deflate-on-oom", balloon->autodeflate != 0);
        if (r >= 0 && balloon->free_page_reporting >= 0)
                r = json_add_bool(device, "free-page-reporting", balloon->free_page_reporting != 0);
        /* libvirt sets it when the guest runs; as a property it holds from the start. */
        if (r >= 0 && balloon->has_period && balloon->period > 0)
                r = json_add_int(device, "guest-stats-polling-interval", (int64_t)balloon->period);
        if (r >= 0)
                return plan_device(plan, part, device);
        json_object_put(device);
        return r;
}

const PartKind device_memballoon = {
        .name = "memballoon",
        .alias = "balloon",
        .flags = PART_ADDRESS | PART_SINGLE,
        .places = 1 << PLACE_PCI | 1 << PLACE_VIRTIO_MMIO,
        .size = sizeof(Memballoon),
        .read = read_memballoon,
        .imply = imply,
        .complete = complete,
        .plan = plan,
};
