/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/video.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/graphics.h"
#include "domain/section/os.h"
#include "domain/value.h"
#include "domain/virtio.h"

#define CIRRUS_KIB   16384 /* what libvirt writes, which the card's own 4 MiB do not mind */
#define QXL_KIB      65536
#define QXL_MODE_KIB 16384
#define VIDEO_KIB    16384

typedef enum VideoModel {
        VIDEO_VGA,
        VIDEO_CIRRUS,
        VIDEO_VMVGA,
        VIDEO_QXL,
        VIDEO_VIRTIO,
        VIDEO_BOCHS,
        VIDEO_RAMFB,
        VIDEO_NONE,
        _VIDEO_MODELS,
} VideoModel;

typedef struct Video {
        XmlElement *element; /* <model>; NULL until complete writes it */
        bool said;           /* whether the definition says which model */
        VideoModel model;
        bool primary, primary_said;
        uint64_t vram, ram, vgamem, vram64; /* KiB; 0: not said */
        uint64_t heads;                     /* 0: not said */
        int accel3d, blob;                  /* -1: not said */
        uint64_t x, y;                      /* 0: not said */
        VirtioOptions virtio;
} Video;

static const char *const models[] = {"vga",   "cirrus", "vmvga", "qxl", "virtio",
                                     "bochs", "ramfb",  "none",  NULL};

/* What a card is called, as the first one and as another: NULL where it can only be the first. */
static const struct {
        const char *primary, *secondary;
} drivers[_VIDEO_MODELS] = {
        [VIDEO_VGA] = {"VGA", NULL},
        [VIDEO_CIRRUS] = {"cirrus-vga", NULL},
        [VIDEO_VMVGA] = {"vmware-svga", NULL},
        [VIDEO_QXL] = {"qxl-vga", "qxl"},
        [VIDEO_BOCHS] = {"bochs-display", "bochs-display"},
        [VIDEO_RAMFB] = {"ramfb", NULL},
};

/* --- reading ------------------------------------------------------------------------------------- */

static void read_flag(Domain *domain, XmlElement *element, const char *attribute, int *ret)
{
        bool value;

        if (read_switch(domain->xml, element, attribute, &value) > 0)
                *ret = value;
}

static void read_sizes(Domain *domain, Video *video, XmlElement *model)
{
        /* Cards that take their memory from the guest, or have no choice, leave "vram" unread. */
        if (video->model <= VIDEO_BOCHS && video->model != VIDEO_VIRTIO)
                read_uint(domain->xml, model, "vram", UINT32_MAX, &video->vram);
        if (video->model == VIDEO_QXL) {
                read_uint(domain->xml, model, "ram", UINT32_MAX, &video->ram);
                read_uint(domain->xml, model, "vgamem", UINT32_MAX, &video->vgamem);
                read_uint(domain->xml, model, "vram64", UINT32_MAX, &video->vram64);
        }
}

static void read_resolution(Domain *domain, Video *video, XmlElement *model)
{
        XmlElement *resolution = xml_child(model, "resolution");

        if (!resolution)
                return;
        read_uint(domain->xml, resolution, "x", UINT16_MAX, &video->x);
        read_uint(domain->xml, resolution, "y", UINT16_MAX, &video->y);
        if (video->x == 0 || video->y == 0)
                xml_fault(domain->xml, FAULT_ERROR, resolution, /* attribute= */ NULL,
                          _("A resolution has both x and y, in pixels."));
        if (video->model == VIDEO_CIRRUS || video->model == VIDEO_VMVGA || video->model >= VIDEO_RAMFB)
                xml_fault(domain->xml, FAULT_COSMETIC, resolution, /* attribute= */ NULL,
                          _("This model has no resolution to begin with; take vga, qxl, virtio or bochs."));
}

static void read_acceleration(Domain *domain, Video *video, XmlElement *model)
{
        XmlElement *acceleration = xml_child(model, "acceleration");

        if (!acceleration)
                return;
        read_flag(domain, acceleration, "accel3d", &video->accel3d);
        if (video->accel3d > 0 && video->model != VIDEO_VIRTIO)
                xml_fault(domain->xml, FAULT_ERROR, acceleration, "accel3d",
                          _("Only model type='virtio' renders in 3D; take it, or remove <acceleration>."));
}

static int read_model(Domain *domain, Part *part, XmlElement *model)
{
        Video *video = part->data;
        int type = VIDEO_VGA, primary = -1;

        video->said = read_word(domain->xml, model, "type", models, &type) > 0;
        video->model = (VideoModel)type;
        read_flag(domain, model, "primary", &primary);
        video->primary = primary > 0;
        video->primary_said = primary >= 0;
        read_sizes(domain, video, model);
        if (video->model != VIDEO_NONE)
                read_uint(domain->xml, model, "heads", 16, &video->heads);
        if (video->heads > 1 && video->model != VIDEO_QXL && video->model != VIDEO_VIRTIO)
                xml_fault(domain->xml, FAULT_ERROR, model, "heads",
                          _("Only the models qxl and virtio have more heads than one."));
        if (video->model == VIDEO_VIRTIO)
                read_flag(domain, model, "blob", &video->blob);
        read_resolution(domain, video, model);
        read_acceleration(domain, video, model);
        return 0;
}

static void read_driver(Domain *domain, Part *part)
{
        XmlElement *driver = xml_child(part->element, "driver");
        const char *name = driver ? xml_attribute(driver, "name") : NULL;
        Video *video = part->data;

        virtio_read(domain, driver, &video->virtio);
        if (name && !streq(name, "qemu"))
                xml_fault(domain->xml, FAULT_ERROR, driver, "name",
                          _("Muster starts no other process that renders; give name='qemu'."));
}

static int read_video(Domain *domain, Part *part)
{
        Video *video = part->data;

        video->accel3d = video->blob = -1;
        read_driver(domain, part);
        video->element = xml_child(part->element, "model");
        return video->element ? read_model(domain, part, video->element) : 0;
}

/* --- completing ---------------------------------------------------------------------------------- */

static int imply(Domain *domain)
{
        XmlElement *element;
        int r;

        if (!graphics_any(domain) || domain_next(domain, &device_video, NULL))
                return 0;
        r = domain_new_element(domain, "video", &element);
        return r < 0 ? r : domain_add_device(domain, element, /* ret= */ NULL);
}

/* libvirt's, so that a guest finds the same card. */
static VideoModel default_model(const Domain *domain)
{
        if (os_pci_machine(domain) == PCI_MACHINE_PSERIES)
                return VIDEO_VGA;
        if (!os_is_x86(domain))
                return VIDEO_VIRTIO;
        return domain_has_type(domain, "cirrus-vga") ? VIDEO_CIRRUS : VIDEO_VGA;
}

/* The one that says so, or else the first. */
static const Part *primary_of(const Domain *domain)
{
        Part *first = domain_next(domain, &device_video, NULL);

        for (Part *part = NULL; (part = domain_next(domain, &device_video, part));)
                if (((const Video *)part->data)->primary)
                        return part;
        return first;
}

static void check_primary(Domain *domain, Part *part)
{
        const Video *video = part->data;

        if (video->primary && primary_of(domain) != part)
                xml_fault(domain->xml, FAULT_ERROR, video->element, "primary",
                          _("There is one primary <video> already; give primary='no' here."));
        else if (!video->primary && video->model < VIDEO_NONE && video->model != VIDEO_VIRTIO &&
                 !drivers[video->model].secondary)
                xml_fault(domain->xml, FAULT_ERROR, video->element, "type",
                          _("This model can be the first card only; take virtio, qxl or bochs for others."));
        if (video->model == VIDEO_NONE && domain_next(domain, &device_video, part))
                xml_fault(domain->xml, FAULT_ERROR, video->element, "type",
                          _("Type 'none' says that there is no card, so no other <video> can be there."));
}

static int set_size(Video *video, const char *attribute, uint64_t fallback, uint64_t *size)
{
        if (*size > 0)
                return 0;
        *size = fallback;
        return xml_setf(video->element, attribute, "%llu", (unsigned long long)fallback);
}

static int complete_sizes(Video *video)
{
        int r = 0;

        if (video->model == VIDEO_QXL) {
                r = set_size(video, "ram", QXL_KIB, &video->ram);
                if (r >= 0)
                        r = set_size(video, "vram", QXL_KIB, &video->vram);
                if (r >= 0)
                        r = set_size(video, "vgamem", QXL_MODE_KIB, &video->vgamem);
        } else if (video->model <= VIDEO_BOCHS && video->model != VIDEO_VIRTIO) {
                r = set_size(video, "vram", VIDEO_KIB, &video->vram);
        }
        if (r >= 0 && video->model != VIDEO_NONE)
                r = set_size(video, "heads", 1, &video->heads);
        return r;
}

static int complete_model(Domain *domain, Part *part)
{
        Video *video = part->data;
        int r = 0;

        if (!video->element)
                r = xml_ensure(part->element, "model", &video->element);
        if (!video->said)
                video->model = default_model(domain);
        video->said = true;
        if (r >= 0)
                r = xml_set(video->element, "type", models[video->model]);
        if (r < 0)
                return r;
        if (primary_of(domain) == part && video->model != VIDEO_NONE) {
                video->primary = true;
                r = xml_set(video->element, "primary", "yes");
        }
        check_primary(domain, part);
        return r < 0 ? r : complete_sizes(video);
}

/* A size that the card's property, in MiB, can say. */
static void check_size(Domain *domain, const Video *video, const char *attribute, uint64_t size)
{
        if (size % 1024 != 0)
                xml_fault(domain->xml, FAULT_ERROR, video->element, attribute,
                          _("The card's memory is counted in MiB; give a multiple of 1024 KiB."));
}

static void check_sizes(Domain *domain, const Video *video)
{
        check_size(domain, video, "vram", video->vram);
        check_size(domain, video, "vgamem", video->vgamem);
        check_size(domain, video, "vram64", video->vram64);
        if (video->model == VIDEO_CIRRUS && video->vram != CIRRUS_KIB)
                xml_fault(domain->xml, FAULT_COSMETIC, video->element, "vram",
                          _("A Cirrus card has its own 4 MiB, no more and no less; remove vram."));
}

static int complete(Domain *domain, Part *part)
{
        Video *video = part->data;
        PciPart role;
        PciPlug plug;
        int r;

        r = complete_model(domain, part);
        if (r < 0)
                return r;
        check_sizes(domain, video);
        if (video->model >= VIDEO_RAMFB)
                return 0;
        role = video->primary ? PCI_PART_VIDEO : PCI_PART_NONE;
        plug = video->model == VIDEO_VIRTIO || video->model == VIDEO_BOCHS ? PCI_PLUG_EITHER
                                                                           : PCI_PLUG_CONVENTIONAL;
        if (video->model == VIDEO_VIRTIO &&
            (part->place.type == PLACE_VIRTIO_MMIO || os_pci_machine(domain) == PCI_MACHINE_NONE))
                return place_want_mmio(domain, part);
        return place_want_pci(domain, part, plug, role, /* hotplug= */ false);
}

static int check(Domain *domain, Part *part)
{
        const Video *video = part->data;

        if (video->accel3d > 0 && !graphics_gl(domain))
                xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                          _("3D needs a display that renders with OpenGL: <gl enable='yes'/> in <graphics>, "
                            "or "
                            "one of type='egl-headless'."));
        return 0;
}

/* --- planning ------------------------------------------------------------------------------------ */

static int add_resolution(const Video *video, json_object *device)
{
        int r = 0;

        if (video->x == 0)
                return 0;
        r = json_add_int(device, "xres", (int64_t)video->x);
        return r < 0 ? r : json_add_int(device, "yres", (int64_t)video->y);
}

static int add_qxl(const Video *video, json_object *device)
{
        if (json_add_int(device, "max_outputs", (int64_t)video->heads) < 0 ||
            json_add_int(device, "ram_size", (int64_t)video->ram * 1024) < 0 ||
            json_add_int(device, "vram_size", (int64_t)video->vram * 1024) < 0 ||
            json_add_int(device, "vram64_size_mb", (int64_t)video->vram64 / 1024) < 0 ||
            json_add_int(device, "vgamem_mb", (int64_t)video->vgamem / 1024) < 0)
                return -ENOMEM;
        return 0;
}

static int add_properties(const Video *video, json_object *device)
{
        int r = 0;

        if (video->model == VIDEO_QXL)
                r = add_qxl(video, device);
        else if (video->model == VIDEO_VGA || video->model == VIDEO_VMVGA)
                r = json_add_int(device, "vgamem_mb", (int64_t)video->vram / 1024);
        else if (video->model == VIDEO_BOCHS)
                r = json_add_int(device, "vgamem", (int64_t)video->vram * 1024);
        return r < 0 ? r : add_resolution(video, device);
}

/* Rendering in 3D is a type of its own since QEMU 6.1; before, all of them did, unless told otherwise. */
static const char *rendering(Plan *plan, const Part *part)
{
        const Video *video = part->data;

        if (video->accel3d <= 0 || plan_has(plan, part, "virtio-gpu-virgl", NULL, NULL, NULL))
                return "";
        return "-gl";
}

/* The first card is a VGA, too, where the emulator has that. */
static json_object *virtio_card(Plan *plan, const Part *part, int *ret_r)
{
        const Video *video = part->data;
        bool pci = part->place.type == PLACE_PCI;
        bool vga = pci && video->primary && domain_has_type(plan->domain, "virtio-vga");
        const char *bus = pci ? (vga ? "" : "-pci") : "-device";
        CLEANUP(free)
        char *type = text_format("virtio-%s%s%s", vga ? "vga" : "gpu", rendering(plan, part), bus);
        json_object *device;

        *ret_r = type ? 0 : -ENOMEM;
        if (!type)
                return NULL;
        if (!domain_has_type(plan->domain, type)) {
                plan_fault(plan, part->element, /* attribute= */ NULL,
                           _("%s has no device '%s'; take another model, or another emulator."),
                           domain_emulator_text(plan->domain), type);
                return NULL;
        }
        device = virtio_device_of(type, &video->virtio);
        *ret_r = device ? 0 : -ENOMEM;
        return device;
}

static int add_virgl(Plan *plan, const Part *part, json_object *device)
{
        int accel3d = ((const Video *)part->data)->accel3d;

        if (accel3d < 0 || !plan_has(plan, part, "virtio-gpu-virgl", NULL, NULL, NULL))
                return 0;
        return json_add_bool(device, "virgl", accel3d != 0);
}

static int add_blob(Plan *plan, const Part *part, json_object *device)
{
        const Video *video = part->data;

        if (video->blob < 0)
                return 0;
        if (plan_has(plan, part, "virtio-gpu-blob", NULL, NULL, NULL))
                return json_add_bool(device, "blob", video->blob != 0);
        if (video->blob > 0)
                plan_fault(plan, video->element, "blob",
                           _("%s has no virtio-gpu-device.blob (QEMU 6.1 or newer); remove blob."),
                           domain_emulator_text(plan->domain));
        return 0;
}

static int plan_virtio(Plan *plan, const Part *part)
{
        const Video *video = part->data;
        CLEANUP(json) json_object *device = NULL;
        int r;

        device = virtio_card(plan, part, &r);
        if (!device)
                return r;
        if (r >= 0)
                r = json_add_int(device, "max_outputs", (int64_t)video->heads);
        if (r >= 0)
                r = add_virgl(plan, part, device);
        if (r >= 0)
                r = add_blob(plan, part, device);
        if (r >= 0)
                r = add_resolution(video, device);
        return r < 0 ? r : plan_device(plan, part, TAKE(device));
}

static int plan(Plan *plan, Part *part)
{
        const Video *video = part->data;
        CLEANUP(json) json_object *device = NULL;
        const char *driver;
        int r;

        if (video->model == VIDEO_NONE)
                return 0;
        if (video->model == VIDEO_VIRTIO)
                return plan_virtio(plan, part);
        driver = video->primary ? drivers[video->model].primary : drivers[video->model].secondary;
        if (!domain_has_type(plan->domain, driver)) {
                plan_fault(plan, part->element, /* attribute= */ NULL,
                           _("%s has no device '%s'; take another model, or another emulator."),
                           domain_emulator_text(plan->domain), driver);
                return 0;
        }
        device = json_object_new_object();
        r = device ? json_add_string(device, "driver", driver) : -ENOMEM;
        if (r >= 0)
                r = add_properties(video, device);
        return r < 0 ? r : plan_device(plan, part, TAKE(device));
}

const PartKind device_video = {
        .name = "video",
        .alias = "video",
        .flags = PART_ADDRESS | PART_ROM,
        .places = 1 << PLACE_PCI | 1 << PLACE_VIRTIO_MMIO,
        .size = sizeof(Video),
        .read = read_video,
        .imply = imply,
        .complete = complete,
        .check = check,
        .plan = plan,
};
