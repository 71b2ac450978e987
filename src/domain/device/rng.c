/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/rng.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/chardev.h"
#include "domain/value.h"
#include "domain/virtio.h"

typedef enum RngBackend {
        RNG_RANDOM,
        RNG_BUILTIN,
        RNG_EGD,
} RngBackend;

typedef struct Rng {
        VirtioModel model;
        VirtioOptions virtio;
        bool has_rate;
        uint64_t bytes, period; /* at most so many each period of milliseconds */
        RngBackend backend;
        char *file;      /* of RNG_RANDOM */
        Chardev chardev; /* of RNG_EGD */
} Rng;

static int read_backend(Domain *domain, Part *part, Rng *rng)
{
        static const char *const models[] = {"random", "builtin", "egd", NULL};
        static const char *const types[] = {"tcp", "unix", "udp", "dev", "file", "pipe", NULL};
        XmlElement *backend = xml_child(part->element, "backend");
        int model = RNG_RANDOM;

        if (!backend) {
                xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                          _("Where do the random bytes come from? Add <backend "
                            "model='random'>/dev/urandom</backend>."));
                return 0;
        }
        read_word(domain->xml, backend, "model", models, &model);
        rng->backend = (RngBackend)model;
        if (rng->backend == RNG_BUILTIN)
                return 0;
        if (rng->backend == RNG_EGD)
                return chardev_read(domain, backend, "type", types, &rng->chardev);
        rng->file = xml_text(backend);
        if (!rng->file)
                return -ENOMEM;
        if (*rng->file)
                return 0;
        free(rng->file);
        rng->file = strdup("/dev/random");
        return rng->file ? xml_set_text(backend, rng->file) : -ENOMEM;
}

static int read_rng(Domain *domain, Part *part)
{
        XmlElement *rate = xml_child(part->element, "rate");
        const char *model = xml_attribute(part->element, "model") ?: "virtio";
        Rng *rng = part->data;

        if (virtio_model_parse(model, &rng->model) < 0)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "model",
                          _("There is no <rng> of model \"%s\"; virtio, virtio-transitional and "
                            "virtio-non-transitional there are."),
                          model);
        rng->period = 1000;
        if (rate) {
                rng->has_rate = read_uint(domain->xml, rate, "bytes", INT64_MAX, &rng->bytes) > 0;
                read_uint(domain->xml, rate, "period", UINT32_MAX, &rng->period);
                if (!xml_attribute(rate, "bytes"))
                        xml_fault(domain->xml, FAULT_ERROR, rate, /* attribute= */ NULL,
                                  _("How many bytes in each period? Add bytes=."));
        }
        virtio_read(domain, xml_child(part->element, "driver"), &rng->virtio);
        return read_backend(domain, part, rng);
}

static int complete(Domain *domain, Part *part)
{
        Rng *rng = part->data;
        int r = rng->backend == RNG_EGD ? chardev_complete(&rng->chardev, "type") : 0;

        return r < 0 ? r : virtio_want_place(domain, part, rng->model, /* hotplug= */ true);
}

/* A daemon that gathers entropy, by its protocol. */
static int plan_egd(Plan *plan, Part *part, const char *id)
{
        const Rng *rng = part->data;
        CLEANUP(free) char *chardev = NULL;
        CLEANUP(json) json_object *object = json_object_new_object();
        int r;

        if (!object)
                return -ENOMEM;
        r = chardev_plan_alias(plan, part, &rng->chardev, &chardev);
        if (r >= 0)
                r = json_add_string(object, "chardev", chardev);
        return r < 0 ? r : plan_object(plan, part, "rng-egd", id, TAKE(object));
}

static int plan_backend(Plan *plan, Part *part, const char *id)
{
        const Rng *rng = part->data;
        json_object *object;
        int r;

        if (rng->backend == RNG_EGD)
                return plan_egd(plan, part, id);
        object = json_object_new_object();
        if (rng->backend == RNG_BUILTIN) {
                if (!plan_has(plan, part, "rng-builtin", NULL, _("the emulator makes the bytes"), NULL))
                        plan_fault(plan, part->element, /* attribute= */ NULL,
                                   _("%s has no rng-builtin (QEMU 4.2 or newer); give <backend "
                                     "model='random'>/dev/urandom</backend>."),
                                   domain_emulator_text(plan->domain));
                return plan_object(plan, part, "rng-builtin", id, object);
        }
        if (object && json_add_string(object, "filename", rng->file) < 0) {
                json_object_put(object);
                return -ENOMEM;
        }
        r = plan_object(plan, part, "rng-random", id, object);
        if (r >= 0 && plan->domain->host->descriptors)
                r = plan_file(plan, PLAN_FILE_EXISTS, rng->file, /* from= */ NULL,
                              _("a source of random bytes"));
        return r;
}

static int plan(Plan *plan, Part *part)
{
        const Rng *rng = part->data;
        CLEANUP(free) char *backend = text_format("obj%s", part->alias);
        CLEANUP(json) json_object *device = NULL;
        int r;

        if (!backend)
                return -ENOMEM;
        device = virtio_device(plan, part, "virtio-rng", rng->model, &rng->virtio, &r);
        if (!device)
                return r;
        r = plan_backend(plan, part, backend);
        if (r >= 0)
                r = json_add_string(device, "rng", backend);
        if (r >= 0 && rng->has_rate)
                r = json_add_int(device, "max-bytes", (int64_t)rng->bytes);
        if (r >= 0 && rng->has_rate)
                r = json_add_int(device, "period", (int64_t)rng->period);
        return r < 0 ? r : plan_device(plan, part, TAKE(device));
}

static void clear(Part *part)
{
        Rng *rng = part->data;

        free(rng->file);
        chardev_clear(&rng->chardev);
}

const PartKind device_rng = {
        .name = "rng",
        .alias = "rng",
        .flags = PART_ADDRESS,
        .places = 1 << PLACE_PCI | 1 << PLACE_VIRTIO_MMIO,
        .size = sizeof(Rng),
        .read = read_rng,
        .complete = complete,
        .plan = plan,
        .clear = clear,
};
