/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/vsock.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/section/general.h"
#include "domain/value.h"
#include "domain/virtio.h"

/*
 * <cid auto='yes'/>: libvirt tries numbers from 3 on until the kernel takes one, which only who opens
 * /dev/vhost-vsock can. Here it is derived from the domain's UUID: the same at each start, from a range that
 * nobody who counts comes to. Should two domains ever meet, the second one's emulator says so at its start.
 */
#define DEVICE_NODE  "/dev/vhost-vsock"

#define CID_FIRST    3 /* below are the hypervisor, the loopback and the host */
#define CID_AUTO     UINT64_C(0x10000)
#define CID_AUTO_END UINT64_C(0x80000000)

typedef struct Vsock {
        VirtioModel model;
        VirtioOptions virtio;
        XmlElement *cid_element;
        bool automatic;
        uint64_t cid; /* 0: not given */
} Vsock;

static int read_vsock(Domain *domain, Part *part)
{
        const char *model = xml_attribute(part->element, "model") ?: "virtio";
        XmlElement *cid = xml_child(part->element, "cid");
        Vsock *vsock = part->data;

        if (virtio_model_parse(model, &vsock->model) < 0)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "model",
                          _("There is no <vsock> of model \"%s\"; virtio, virtio-transitional and "
                            "virtio-non-transitional there are."),
                          model);
        virtio_read(domain, xml_child(part->element, "driver"), &vsock->virtio);
        vsock->cid_element = cid;
        vsock->automatic = !cid;
        if (!cid)
                return 0;
        read_switch(domain->xml, cid, "auto", &vsock->automatic);
        read_uint(domain->xml, cid, "address", UINT32_MAX - 1, &vsock->cid);
        if (!vsock->automatic && vsock->cid < CID_FIRST)
                xml_fault(domain->xml, FAULT_ERROR, cid, vsock->cid > 0 ? "address" : NULL,
                          _("Guests have context IDs from %d on; give address='…', or auto='yes'."),
                          CID_FIRST);
        return 0;
}

/* FNV-1a. */
static uint64_t hash(const char *text)
{
        uint64_t value = UINT64_C(0xcbf29ce484222325);

        for (; *text; text++)
                value = (value ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
        return value;
}

static int complete(Domain *domain, Part *part)
{
        Vsock *vsock = part->data;
        int r = 0;

        if (vsock->automatic) {
                vsock->cid = CID_AUTO + hash(domain_general(domain)->uuid) % (CID_AUTO_END - CID_AUTO);
                r = xml_ensure(part->element, "cid", &vsock->cid_element);
                if (r >= 0)
                        r = xml_set(vsock->cid_element, "auto",
                                    xml_attribute(vsock->cid_element, "auto") ?: "yes");
                if (r >= 0)
                        r = xml_setf(vsock->cid_element, "address", "%llu", (unsigned long long)vsock->cid);
        }
        if (r >= 0)
                r = xml_set(part->element, "model", xml_attribute(part->element, "model") ?: "virtio");
        return r < 0 ? r : virtio_want_place(domain, part, vsock->model, /* hotplug= */ true);
}

/* What the emulator would open by itself, which only root may. */
static int add_descriptor(Plan *plan, const Part *part, json_object *device)
{
        json_object *how = json_object_new_object();
        CLEANUP(free) char *name = NULL;
        int fd, r;

        if (how && json_add_string(how, "open", DEVICE_NODE) < 0) {
                json_object_put(how);
                return -ENOMEM;
        }
        r = plan_descriptors(plan, part, "vhost-vsock", 1, how, &fd);
        if (r < 0)
                return r;
        name = plan_descriptor_name(plan, part, fd);
        return name ? json_add_string(device, "vhostfd", name) : -ENOMEM;
}

static int plan(Plan *plan, Part *part)
{
        const DomainHost *host = plan->domain->host;
        const Vsock *vsock = part->data;
        CLEANUP(json) json_object *device = NULL;
        mode_t mode = 0;
        int r;

        if (host->file_mode(host, DEVICE_NODE, &mode) < 0 || !S_ISCHR(mode))
                plan_fault(plan, part->element, /* attribute= */ NULL,
                           _("This host has no /dev/vhost-vsock; load the module vhost_vsock, or remove "
                             "<vsock>."));
        device = virtio_device(plan, part, "vhost-vsock", vsock->model, &vsock->virtio, &r);
        if (!device)
                return r;
        r = json_add_int(device, "guest-cid", (int64_t)vsock->cid);
        if (r >= 0 && host->descriptors)
                r = add_descriptor(plan, part, device);
        return r < 0 ? r : plan_device(plan, part, TAKE(device));
}

const PartKind device_vsock = {
        .name = "vsock",
        .alias = "vsock",
        .flags = PART_ADDRESS | PART_SINGLE,
        .places = 1 << PLACE_PCI | 1 << PLACE_VIRTIO_MMIO,
        .size = sizeof(Vsock),
        .read = read_vsock,
        .complete = complete,
        .plan = plan,
};
