/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/shmem.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/plan.h"
#include "domain/value.h"

#define SIZE_DEFAULT ((uint64_t)4 * 1024 * 1024) /* libvirt's */

typedef enum ShmemModel {
        SHMEM_PLAIN,
        SHMEM_DOORBELL,
        SHMEM_OLD, /* "ivshmem", which went with QEMU 8.2 and was deprecated long before */
} ShmemModel;

typedef struct Shmem {
        char *name;
        ShmemModel model;
        int role; /* 0 master, 1 peer; -1: not said */
        uint64_t size;
        char *server;
        uint64_t vectors;
        int ioeventfd; /* -1: not said */
        bool has_msi;
} Shmem;

static void check_name(Domain *domain, Part *part)
{
        const Shmem *shmem = part->data;

        if (!shmem->name || !*shmem->name)
                xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                          _("Shared memory needs a name by which others find it; add name='…'."));
        else if (strchr(shmem->name, '/') || streq(shmem->name, ".") || streq(shmem->name, ".."))
                xml_fault(domain->xml, FAULT_ERROR, part->element, "name",
                          _("\"%s\" is no name of a file in /dev/shm."), shmem->name);
}

static int read_model(Domain *domain, Part *part)
{
        static const char *const models[] = {"ivshmem-plain", "ivshmem-doorbell", "ivshmem", NULL};
        XmlElement *model = xml_child(part->element, "model");
        Shmem *shmem = part->data;
        int found = SHMEM_OLD;

        if (model)
                read_word(domain->xml, model, "type", models, &found);
        shmem->model = (ShmemModel)found;
        if (shmem->model == SHMEM_OLD)
                xml_fault(domain->xml, FAULT_ERROR, model ?: part->element, model ? "type" : NULL,
                          _("QEMU has divided ivshmem in two; take <model type='ivshmem-plain'/>, or "
                            "ivshmem-doorbell with a <server>."));
        return 0;
}

static int read_server(Domain *domain, Part *part)
{
        XmlElement *server = xml_child(part->element, "server"), *msi = xml_child(part->element, "msi");
        Shmem *shmem = part->data;
        bool enabled = true, ioeventfd;
        int r = 0;

        if (server)
                r = read_text(domain->xml, server, "path", &shmem->server);
        if (r < 0)
                return r;
        if (shmem->model == SHMEM_DOORBELL && (!shmem->server || shmem->server[0] != '/'))
                xml_fault(domain->xml, FAULT_ERROR, server ?: part->element, /* attribute= */ NULL,
                          _("A doorbell needs an ivshmem-server; give <server path='/…'/>."));
        if (shmem->model == SHMEM_PLAIN && (server || msi))
                xml_fault(domain->xml, FAULT_ERROR, server ?: msi, /* attribute= */ NULL,
                          _("Only ivshmem-doorbell has a server and interrupts; take that model, or remove "
                            "<%s>."),
                          server ? "server" : "msi");
        if (!msi)
                return 0;
        shmem->has_msi = true;
        read_switch(domain->xml, msi, "enabled", &enabled);
        read_uint(domain->xml, msi, "vectors", UINT16_MAX, &shmem->vectors);
        if (read_switch(domain->xml, msi, "ioeventfd", &ioeventfd) > 0)
                shmem->ioeventfd = ioeventfd;
        if (!enabled)
                xml_fault(domain->xml, FAULT_ERROR, msi, "enabled",
                          _("ivshmem-doorbell always has interrupts; take ivshmem-plain."));
        return 0;
}

static int read_shmem(Domain *domain, Part *part)
{
        static const char *const roles[] = {"master", "peer", NULL};
        XmlElement *size = xml_child(part->element, "size");
        Shmem *shmem = part->data;
        int r;

        shmem->role = shmem->ioeventfd = -1;
        r = read_text(domain->xml, part->element, "name", &shmem->name);
        check_name(domain, part);
        read_word(domain->xml, part->element, "role", roles, &shmem->role);
        if (r >= 0)
                r = read_model(domain, part);
        if (r >= 0 && size)
                r = read_size(domain->xml, size, /* fallback= */ 1, &shmem->size);
        if (r == -EINVAL)
                r = 0;
        if (size && shmem->model == SHMEM_DOORBELL)
                xml_fault(
                        domain->xml, FAULT_ERROR, size, /* attribute= */ NULL,
                        _("With a doorbell it is the server that has the memory, and says how large it is; "
                          "remove <size>."));
        if (size && shmem->model == SHMEM_PLAIN && (shmem->size & (shmem->size - 1)) != 0)
                xml_fault(domain->xml, FAULT_ERROR, size, /* attribute= */ NULL,
                          _("The size of shared memory is a power of two."));
        return r < 0 ? r : read_server(domain, part);
}

static int complete(Domain *domain, Part *part)
{
        Shmem *shmem = part->data;
        XmlElement *size;
        int r;

        if (shmem->model == SHMEM_PLAIN && shmem->size == 0) {
                shmem->size = SIZE_DEFAULT;
                r = xml_ensure(part->element, "size", &size);
                if (r >= 0)
                        r = xml_set(size, "unit", "M");
                if (r >= 0)
                        r = xml_set_text(size, "4");
                if (r < 0)
                        return r;
        }
        return place_want_pci(domain, part, PCI_PLUG_CONVENTIONAL, PCI_PART_NONE, /* hotplug= */ true);
}

static int plan_memory(Plan *plan, Part *part, json_object *device)
{
        const Shmem *shmem = part->data;
        CLEANUP(free) char *id = text_format("shmmem-%s", part->alias);
        CLEANUP(free) char *path = text_format("/dev/shm/%s", shmem->name);
        CLEANUP(json) json_object *object = json_object_new_object();
        int r = id && path && object ? 0 : -ENOMEM;

        if (r >= 0)
                r = json_add_string(object, "mem-path", path);
        if (r >= 0)
                r = json_add_int(object, "size", (int64_t)shmem->size);
        if (r >= 0)
                r = json_add_bool(object, "share", true);
        if (r >= 0)
                r = plan_object(plan, part, "memory-backend-file", id, TAKE(object));
        return r < 0 ? r : json_add_string(device, "memdev", id);
}

static int plan_server(Plan *plan, Part *part, json_object *device)
{
        const Shmem *shmem = part->data;
        CLEANUP(free) char *id = text_format("char%s", part->alias);
        CLEANUP(json) json_object *chardev = json_object_new_object();
        int r = id && chardev ? 0 : -ENOMEM;

        if (r >= 0)
                r = json_add_string(chardev, "backend", "socket");
        if (r >= 0)
                r = json_add_string(chardev, "id", id);
        if (r >= 0)
                r = json_add_string(chardev, "path", shmem->server);
        if (r >= 0)
                r = plan_properties(plan, part, "-chardev", TAKE(chardev));
        if (r >= 0)
                r = plan_file(plan, PLAN_FILE_EXISTS, shmem->server, /* from= */ NULL,
                              _("an ivshmem-server's socket"));
        if (r >= 0)
                r = json_add_string(device, "chardev", id);
        if (r >= 0 && shmem->vectors > 0)
                r = json_add_int(device, "vectors", (int64_t)shmem->vectors);
        if (r >= 0 && shmem->ioeventfd >= 0)
                r = json_add_bool(device, "ioeventfd", shmem->ioeventfd != 0);
        return r;
}

static int plan(Plan *plan, Part *part)
{
        const Shmem *shmem = part->data;
        const char *type = shmem->model == SHMEM_PLAIN ? "ivshmem-plain" : "ivshmem-doorbell";
        CLEANUP(json) json_object *device = json_object_new_object();
        int r = device ? json_add_string(device, "driver", type) : -ENOMEM;

        if (!domain_has_type(plan->domain, type))
                plan_fault(plan, part->element, /* attribute= */ NULL,
                           _("%s has no device '%s'; take another model, or another emulator."),
                           domain_emulator_text(plan->domain), type);
        if (r >= 0)
                r = shmem->model == SHMEM_PLAIN ? plan_memory(plan, part, device)
                                                : plan_server(plan, part, device);
        /* A master's memory stays with it when it is migrated; QEMU's own default is that all may be. */
        if (r >= 0 && shmem->role >= 0)
                r = json_add_string(device, "master", shmem->role == 0 ? "on" : "off");
        return r < 0 ? r : plan_device(plan, part, TAKE(device));
}

static void clear(Part *part)
{
        Shmem *shmem = part->data;

        free(shmem->name);
        free(shmem->server);
}

const PartKind device_shmem = {
        .name = "shmem",
        .alias = "shmem",
        .flags = PART_ADDRESS,
        .places = 1 << PLACE_PCI,
        .size = sizeof(Shmem),
        .read = read_shmem,
        .complete = complete,
        .plan = plan,
        .clear = clear,
};
