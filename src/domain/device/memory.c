/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/memory.h"

#include <errno.h>
#include <limits.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/section/features.h"
#include "domain/section/memory.h"
#include "domain/section/os.h"
#include "domain/value.h"
#include "domain/virtio.h"

#define NODES_MAX      1024
#define SLOTS_MAX      256
#define READ_ONLY_PATH "object-add/arg-type/+memory-backend-file/readonly"
#define BLOCK_SIZE                                                                                          \
        UINT64_C(0x200000) /* of virtio-mem: a transparent huge page of x86 and, mostly, of Arm             \
                            */

typedef enum DimmModel {
        DIMM_DIMM,
        DIMM_NVDIMM,
        DIMM_VIRTIO_MEM,
        DIMM_VIRTIO_PMEM,
} DimmModel;

typedef struct Dimm {
        DimmModel model;
        bool shared, discard;
        int access;                    /* -1: not said */
        char *path;                    /* NULL: anonymous memory */
        uint64_t alignment, page_size; /* 0: not said */
        bool pmem, read_only;
        unsigned *host_nodes;
        size_t n_host_nodes;
        uint64_t bytes, label, block, requested; /* 0: not said */
        bool has_node;
        uint64_t node;
        char uuid[UUID_TEXT_SIZE];
        XmlElement *target;
} Dimm;

static bool has_slot(const Dimm *dimm)
{
        return dimm->model == DIMM_DIMM || dimm->model == DIMM_NVDIMM;
}

static bool is_persistent(const Dimm *dimm)
{
        return dimm->model == DIMM_NVDIMM || dimm->model == DIMM_VIRTIO_PMEM;
}

uint64_t memory_device_bytes(const Domain *domain)
{
        uint64_t bytes = 0;

        for (Part *part = NULL; (part = domain_next(domain, &device_memory, part));)
                if (!is_persistent(part->data))
                        bytes += ((const Dimm *)part->data)->bytes;
        return bytes;
}

bool memory_device_nvdimm(const Domain *domain)
{
        for (Part *part = NULL; (part = domain_next(domain, &device_memory, part));)
                if (((const Dimm *)part->data)->model == DIMM_NVDIMM)
                        return true;
        return false;
}

/* --- reading ------------------------------------------------------------------------------------- */

static int read_host_nodes(Domain *domain, XmlElement *source, Dimm *dimm)
{
        XmlElement *element = xml_child(source, "nodemask");
        CLEANUP(free) char *text = element ? xml_text(element) : NULL;
        int r;

        if (!element)
                return 0;
        if (!text)
                return -ENOMEM;
        r = value_cpuset(text, NODES_MAX - 1, &dimm->host_nodes, &dimm->n_host_nodes);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("These are no nodes of the host; give numbers as in 0-1,3."));
        return 0;
}

/* "alignsize", "pmem" and "path" for what keeps its content, "pagesize" and "nodemask" for what does not. */
static int read_source(Domain *domain, Part *part)
{
        XmlElement *source = xml_child(part->element, "source"), *child;
        Dimm *dimm = part->data;

        if (source && is_persistent(dimm)) {
                child = xml_child(source, "path");
                dimm->path = child ? xml_text(child) : NULL;
                if (child && !dimm->path)
                        return -ENOMEM;
                child = dimm->model == DIMM_NVDIMM ? xml_child(source, "alignsize") : NULL;
                if (child)
                        read_size(domain->xml, child, 1024, &dimm->alignment);
                dimm->pmem = dimm->model == DIMM_NVDIMM && xml_child(source, "pmem");
        } else if (source) {
                child = xml_child(source, "pagesize");
                if (child)
                        read_size(domain->xml, child, 1024, &dimm->page_size);
                return read_host_nodes(domain, source, dimm);
        }
        if (is_persistent(dimm) && (!dimm->path || dimm->path[0] != '/'))
                xml_fault(domain->xml, FAULT_ERROR, source ?: part->element, /* attribute= */ NULL,
                          _("Which file keeps its content? Give <source><path>/…</path></source>."));
        return 0;
}

/* Sizes of <target>: KiB if nothing else is said. */
static void read_target_size(Domain *domain, XmlElement *parent, const char *name, uint64_t *ret)
{
        XmlElement *element = xml_child(parent, name);

        if (element)
                read_size(domain->xml, element, 1024, ret);
}

static void read_target(Domain *domain, Part *part)
{
        Dimm *dimm = part->data;
        XmlElement *target = dimm->target = xml_child(part->element, "target"), *child;

        if (target)
                read_target_size(domain, target, "size", &dimm->bytes);
        if (dimm->bytes == 0)
                xml_fault(domain->xml, FAULT_ERROR, target ?: part->element, /* attribute= */ NULL,
                          _("How large is it? Give <target><size unit='MiB'>…</size></target>."));
        if (!target)
                return;
        child = dimm->model != DIMM_VIRTIO_PMEM ? xml_child(target, "node") : NULL;
        dimm->has_node = child && read_number(domain->xml, child, UINT8_MAX, &dimm->node) > 0;
        if (dimm->model == DIMM_NVDIMM) {
                child = xml_child(target, "label");
                if (child)
                        read_target_size(domain, child, "size", &dimm->label);
                dimm->read_only = xml_child(target, "readonly") != NULL;
        }
        if (dimm->model == DIMM_VIRTIO_MEM) {
                read_target_size(domain, target, "block", &dimm->block);
                read_target_size(domain, target, "requested", &dimm->requested);
                /* What a running guest had of it. */
                read_target_size(domain, target, "current", &(uint64_t){0});
        }
}

static void check_sizes(Domain *domain, const Dimm *dimm)
{
        uint64_t block = dimm->block ?: BLOCK_SIZE;

        if (dimm->model != DIMM_VIRTIO_MEM || dimm->bytes == 0)
                return;
        if (block < 1024 * 1024 || (block & (block - 1)) != 0)
                xml_fault(domain->xml, FAULT_ERROR, dimm->target, /* attribute= */ NULL,
                          _("<block> is a power of two, and 1 MiB at least."));
        else if (dimm->bytes % block != 0 || dimm->requested % block != 0)
                xml_fault(domain->xml, FAULT_ERROR, dimm->target, /* attribute= */ NULL,
                          _("<size> and <requested> are multiples of <block>, %llu KiB."),
                          (unsigned long long)block / 1024);
        if (dimm->requested > dimm->bytes)
                xml_fault(domain->xml, FAULT_ERROR, dimm->target, /* attribute= */ NULL,
                          _("<requested> is more than <size>; make one of them fit."));
}

static int read_uuid(Domain *domain, Part *part)
{
        XmlElement *element = xml_child(part->element, "uuid");
        CLEANUP(free) char *text = element ? xml_text(element) : NULL;

        if (!element)
                return 0;
        if (!text)
                return -ENOMEM;
        if (value_uuid(text, ((Dimm *)part->data)->uuid) < 0)
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("This is no UUID: 32 hexadecimal digits, as in "
                            "6ba7b810-9dad-11d1-80b4-00c04fd430c8."));
        return 0;
}

static int read_memory(Domain *domain, Part *part)
{
        static const char *const models[] = {"dimm", "nvdimm", "virtio-mem", "virtio-pmem", NULL};
        static const char *const accesses[] = {"private", "shared", NULL};
        Dimm *dimm = part->data;
        int model = DIMM_DIMM, r;

        dimm->access = -1;
        if (read_word(domain->xml, part->element, "model", models, &model) == 0)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "model",
                          _("What is it? Give model='dimm', nvdimm, virtio-mem or virtio-pmem."));
        dimm->model = (DimmModel)model;
        read_word(domain->xml, part->element, "access", accesses, &dimm->access);
        read_switch(domain->xml, part->element, "discard", &dimm->discard);
        r = dimm->model == DIMM_NVDIMM ? read_uuid(domain, part) : 0;
        if (r >= 0)
                r = read_source(domain, part);
        if (r < 0)
                return r;
        read_target(domain, part);
        check_sizes(domain, dimm);
        return 0;
}

/* --- completing ---------------------------------------------------------------------------------- */

/* The lowest slot that no other has, nor was given to. */
static unsigned free_slot(const Domain *domain)
{
        bool used[SLOTS_MAX] = {false};
        unsigned slot = 0;

        for (Part *part = NULL; (part = domain_next(domain, &device_memory, part));)
                if (part->place.slot < SLOTS_MAX)
                        used[part->place.slot] = true;
        while (slot < SLOTS_MAX && used[slot])
                slot++;
        return slot;
}

static int complete_slot(Domain *domain, Part *part)
{
        XmlElement *address = NULL;
        int r;

        if (part->place.slot == UINT_MAX)
                part->place.slot = free_slot(domain);
        for (Part *other = NULL; (other = domain_next(domain, &device_memory, other)) && other != part;)
                if (other->place.slot == part->place.slot && has_slot(other->data))
                        xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                                  _("Slot %u is that of another <memory>; give another one, or none."),
                                  part->place.slot);
        part->place.type = PLACE_DIMM;
        part->place.given = true;
        r = xml_ensure(part->element, "address", &address);
        if (r >= 0)
                r = xml_set(address, "type", place_type_name(PLACE_DIMM));
        if (r >= 0 && !xml_attribute(address, "slot"))
                r = xml_setf(address, "slot", "%u", part->place.slot);
        return r;
}

/* libvirt's: a DIMM has its slot's number, the others are counted by model. */
static int complete_alias(const Domain *domain, Part *part)
{
        static const char *const names[] = {"dimm", "nvdimm", "virtiomem", "virtiopmem"};
        const Dimm *dimm = part->data;
        unsigned number = 0;

        if (part->alias)
                return 0;
        for (Part *other = NULL; (other = domain_next(domain, &device_memory, other)) && other != part;)
                number += ((const Dimm *)other->data)->model == dimm->model;
        part->alias = text_format("%s%u", names[dimm->model], has_slot(dimm) ? part->place.slot : number);
        return part->alias ? 0 : -ENOMEM;
}

static int complete_block(Dimm *dimm)
{
        XmlElement *element;
        int r;

        if (dimm->model != DIMM_VIRTIO_MEM || dimm->block > 0)
                return 0;
        dimm->block = BLOCK_SIZE;
        r = xml_add(dimm->target, "block", "2048", &element);
        return r < 0 ? r : xml_set(element, "unit", "KiB");
}

static int complete(Domain *domain, Part *part)
{
        Dimm *dimm = part->data;
        int r = 0;

        if (!xml_child(domain->xml->root, "maxMemory"))
                xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                          _("There is no room for it; add <maxMemory slots=… unit='GiB'>…</maxMemory> with "
                            "all that the guest may ever have."));
        /* What QEMU refuses with "memory hotplug is not enabled: missing acpi device or acpi disabled". */
        if (has_slot(dimm) && !features_acpi(domain) && !streq(os_arch(domain), "ppc64"))
                xml_fault(domain->xml, FAULT_ERROR, part->element, "model",
                          _("Only ACPI tells a guest of this; add <features><acpi/></features>, or take "
                            "model='virtio-mem'."));
        dimm->shared = dimm->access < 0 ? memory_is_shared(domain) : dimm->access > 0;
        if (has_slot(dimm))
                r = complete_slot(domain, part);
        if (r >= 0)
                r = complete_alias(domain, part);
        if (r >= 0)
                r = complete_block(dimm);
        if (r < 0 || has_slot(dimm))
                return r;
        return virtio_want_place(domain, part, VIRTIO_PLAIN, /* hotplug= */ true);
}

/* --- planning ------------------------------------------------------------------------------------ */

static int add_host_nodes(const Dimm *dimm, json_object *object)
{
        CLEANUP(json) json_object *nodes = json_object_new_array();
        int r = 0;

        if (dimm->n_host_nodes == 0)
                return 0;
        if (!nodes)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < dimm->n_host_nodes; i++)
                r = json_append(nodes, json_object_new_int64(dimm->host_nodes[i]));
        if (r >= 0)
                r = json_add(object, "host-nodes", TAKE(nodes));
        return r < 0 ? r : json_add_string(object, "policy", "bind");
}

static int add_file(Plan *plan, const Part *part, json_object *object)
{
        const Dimm *dimm = part->data;
        int r;

        if (json_add_string(object, "mem-path", dimm->path) < 0 ||
            json_add_bool(object, "share", dimm->shared) < 0 ||
            (!dimm->read_only && json_add_bool(object, "prealloc", true) < 0) ||
            (dimm->read_only && json_add_bool(object, "readonly", true) < 0) ||
            (dimm->alignment > 0 && json_add_int(object, "align", (int64_t)dimm->alignment) < 0))
                return -ENOMEM;
        r = plan_file(plan, PLAN_FILE_EXISTS, dimm->path, /* from= */ NULL,
                      _("what persistent memory keeps its content in"));
        if (dimm->read_only && !domain_schema_has(plan->domain, READ_ONLY_PATH))
                plan_fault(plan, dimm->target, /* attribute= */ NULL,
                           _("%s opens no file of memory read-only (QEMU 6.0 or newer declares it at %s); "
                             "remove <readonly/>."),
                           domain_emulator_text(plan->domain), READ_ONLY_PATH);
        if (r < 0 || !dimm->pmem)
                return r;
        if (plan_has(plan, part, "memory-file-pmem", NULL, NULL, NULL))
                return json_add_bool(object, "pmem", true);
        plan_fault(plan, part->element, /* attribute= */ NULL,
                   _("%s cannot treat a file as persistent memory: it was built without libpmem; remove "
                     "<pmem/>, or take another emulator."),
                   domain_emulator_text(plan->domain));
        return 0;
}

static int add_huge_pages(Plan *plan, const Part *part, json_object *object)
{
        const Dimm *dimm = part->data;
        int r;

        if (!plan_has(plan, part, "memfd-hugetlb", NULL, NULL, NULL)) {
                plan_fault(plan, part->element, /* attribute= */ NULL,
                           _("%s gives anonymous memory no huge pages; remove <pagesize>."),
                           domain_emulator_text(plan->domain));
                return 0;
        }
        r = json_add_bool(object, "hugetlb", true);
        return r < 0 ? r : json_add_int(object, "hugetlbsize", (int64_t)dimm->page_size);
}

static bool is_huge(const Dimm *dimm)
{
        return dimm->page_size > 0 && dimm->page_size != (uint64_t)sysconf(_SC_PAGESIZE);
}

static int plan_backend(Plan *plan, const Part *part, const char *id)
{
        const Dimm *dimm = part->data;
        CLEANUP(json) json_object *object = json_object_new_object();
        const char *type = dimm->path                      ? "memory-backend-file"
                           : dimm->shared || is_huge(dimm) ? "memory-backend-memfd"
                                                           : "memory-backend-ram";
        int r;

        r = object ? json_add_int(object, "size", (int64_t)dimm->bytes) : -ENOMEM;
        if (r >= 0 && dimm->path)
                r = add_file(plan, part, object);
        else if (r >= 0 && streq(type, "memory-backend-memfd"))
                r = json_add_bool(object, "share", dimm->shared);
        if (r >= 0 && is_huge(dimm))
                r = add_huge_pages(plan, part, object);
        if (r >= 0 && dimm->path && dimm->discard)
                r = json_add_bool(object, "discard-data", true);
        if (r >= 0)
                r = add_host_nodes(dimm, object);
        /* Most of it may never be used. */
        if (r >= 0 && dimm->model == DIMM_VIRTIO_MEM &&
            plan_has(plan, part, "memory-reserve", NULL, _("no swap space is reserved"), NULL))
                r = json_add_bool(object, "reserve", false);
        return r < 0 ? r : plan_object(plan, part, type, id, TAKE(object));
}

static json_object *new_dimm(Plan *plan, const Part *part, int *ret_r)
{
        const Dimm *dimm = part->data;
        const char *driver = dimm->model == DIMM_DIMM ? "pc-dimm" : "nvdimm";
        CLEANUP(json) json_object *device = json_object_new_object();

        *ret_r = 0;
        if (!domain_has_type(plan->domain, driver)) {
                plan_fault(plan, part->element, "model",
                           _("%s has no device '%s'; take another model, or another emulator."),
                           domain_emulator_text(plan->domain), driver);
                return NULL;
        }
        *ret_r = -ENOMEM;
        if (!device || json_add_string(device, "driver", driver) < 0 ||
            (dimm->label > 0 && json_add_int(device, "label-size", (int64_t)dimm->label) < 0) ||
            (*dimm->uuid && json_add_string(device, "uuid", dimm->uuid) < 0) ||
            (dimm->read_only && json_add_bool(device, "unarmed", true) < 0) ||
            json_add_int(device, "slot", part->place.slot) < 0 ||
            (part->place.base != UINT64_MAX && json_add_int(device, "addr", (int64_t)part->place.base) < 0))
                return NULL;
        *ret_r = 0;
        return TAKE(device);
}

static json_object *new_virtio(Plan *plan, const Part *part, int *ret_r)
{
        const Dimm *dimm = part->data;
        bool mem = dimm->model == DIMM_VIRTIO_MEM;
        CLEANUP(json) json_object *device = NULL;

        device = virtio_device(plan, part, mem ? "virtio-mem" : "virtio-pmem", VIRTIO_PLAIN,
                               /* options= */ NULL, ret_r);
        if (!device || !mem)
                return TAKE(device);
        if (json_add_int(device, "block-size", (int64_t)dimm->block) < 0 ||
            json_add_int(device, "requested-size", (int64_t)dimm->requested) < 0) {
                *ret_r = -ENOMEM;
                return NULL;
        }
        return TAKE(device);
}

static int plan(Plan *plan, Part *part)
{
        const Dimm *dimm = part->data;
        CLEANUP(free) char *backend = text_format("mem%s", part->alias);
        CLEANUP(json) json_object *device = NULL;
        int r = 0;

        if (!backend)
                return -ENOMEM;
        device = has_slot(dimm) ? new_dimm(plan, part, &r) : new_virtio(plan, part, &r);
        if (!device)
                return r;
        r = plan_backend(plan, part, backend);
        if (r >= 0 && dimm->has_node)
                r = json_add_int(device, "node", (int64_t)dimm->node);
        if (r >= 0)
                r = json_add_string(device, "memdev", backend);
        return r < 0 ? r : plan_device(plan, part, TAKE(device));
}

static void clear(Part *part)
{
        Dimm *dimm = part->data;

        free(dimm->path);
        free(dimm->host_nodes);
}

const PartKind device_memory = {
        .name = "memory",
        .flags = PART_ADDRESS,
        .places = 1 << PLACE_DIMM | 1 << PLACE_PCI | 1 << PLACE_VIRTIO_MMIO,
        .size = sizeof(Dimm),
        .read = read_memory,
        .complete = complete,
        .plan = plan,
        .clear = clear,
};
