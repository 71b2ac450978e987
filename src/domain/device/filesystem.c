/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/filesystem.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/filesystem-private.h"
#include "domain/section/memory.h"

#define TAG_MAX_9P       31 /* by virtio-9p's and virtio-fs's devices */
#define TAG_MAX_VIRTIOFS 36

static const char *const accessmodes[] = {"passthrough", "mapped", "squash", NULL};
static const char *const multidevs[] = {"default", "remap", "forbid", "warn", NULL};

/* --- reading ------------------------------------------------------------------------------------- */

/* "0644": as chmod has it, and nothing that -fsdev would read as more. */
static int read_mode(Domain *domain, Part *part, const char *attribute, char **ret)
{
        int r = read_text(domain->xml, part->element, attribute, ret);

        if (r > 0 && (strlen(*ret) < 3 || strlen(*ret) > 4 || strspn(*ret, "01234567") != strlen(*ret)))
                xml_fault(domain->xml, FAULT_ERROR, part->element, attribute,
                          _("\"%s\" is no file mode; write it as 0644."), *ret);
        return r;
}

static int read_9p(Domain *domain, Part *part)
{
        static const char *const policies[] = {"immediate", NULL};
        Filesystem *fs = part->data;
        int policy = -1, r;

        if (read_word(domain->xml, part->element, "multidevs", multidevs, &fs->multidevs) > 0 &&
            fs->multidevs == 0)
                fs->multidevs = -1;
        if (fs->driver)
                read_word(domain->xml, fs->driver, "wrpolicy", policies, &policy);
        fs->immediate = policy == 0;
        r = read_mode(domain, part, "fmode", &fs->fmode);
        if (r >= 0)
                r = read_mode(domain, part, "dmode", &fs->dmode);
        if ((fs->fmode || fs->dmode) && fs->accessmode != 1)
                xml_fault(domain->xml, FAULT_ERROR, part->element, fs->fmode ? "fmode" : "dmode",
                          _("Only with accessmode='mapped' do new files have a mode of their own."));
        if (fs->binary) {
                xml_mark_all(fs->binary);
                xml_fault(domain->xml, FAULT_ERROR, fs->binary, /* attribute= */ NULL,
                          _("9p is the emulator's own work; remove <binary>, or take <driver "
                            "type='virtiofs'/>."));
        }
        if (fs->socket)
                xml_fault(domain->xml, FAULT_ERROR, fs->source, "socket",
                          _("Only virtiofs has a socket; add <driver type='virtiofs'/>."));
        if (part->boot_order > 0)
                xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                          _("No firmware boots from 9p; remove <boot>."));
        return r < 0 ? r : 0;
}

static int read_ends(Domain *domain, Part *part)
{
        XmlElement *target = xml_child(part->element, "target");
        Filesystem *fs = part->data;
        size_t max = fs->virtiofs ? TAG_MAX_VIRTIOFS : TAG_MAX_9P;
        int r = 0;

        fs->source = xml_child(part->element, "source");
        if (fs->source)
                r = read_text(domain->xml, fs->source, "dir", &fs->directory);
        if (r >= 0 && fs->source)
                r = read_text(domain->xml, fs->source, "socket", &fs->socket);
        if (r >= 0 && target)
                r = read_text(domain->xml, target, "dir", &fs->tag);
        if (r < 0)
                return r;
        if (!fs->socket && (!fs->directory || fs->directory[0] != '/'))
                xml_fault(domain->xml, FAULT_ERROR, fs->source ?: part->element,
                          fs->directory ? "dir" : NULL,
                          _("Which directory of the host is it? Give <source dir='/…'/>."));
        if (!fs->tag || !*fs->tag || strlen(fs->tag) > max)
                xml_fault(domain->xml, FAULT_ERROR, target ?: part->element, fs->tag ? "dir" : NULL,
                          _("What is it called in the guest? Give <target dir='…'/>, a name of up to %zu "
                            "bytes for mount."),
                          max);
        return 0;
}

static int read_driver(Domain *domain, Filesystem *fs)
{
        static const char *const types[] = {"path", "handle", "virtiofs", NULL};
        int type = 0;

        if (!fs->driver)
                return 0;
        read_word(domain->xml, fs->driver, "type", types, &type);
        fs->virtiofs = type == 2;
        if (type == 1)
                xml_fault(domain->xml, FAULT_ERROR, fs->driver, "type",
                          _("QEMU has no driver \"handle\" any longer; take path or virtiofs."));
        return 0;
}

static void refuse_limits(Domain *domain, Part *part)
{
        static const char *const names[] = {"space_hard_limit", "space_soft_limit"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                XmlElement *element = xml_child(part->element, names[i]);

                if (!element)
                        continue;
                xml_mark_all(element);
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("Only containers have such a limit; set a quota on the host, and remove it."));
        }
}

static int read_filesystem(Domain *domain, Part *part)
{
        static const char *const types[] = {"mount", NULL};
        const char *model = xml_attribute(part->element, "model") ?: "virtio";
        Filesystem *fs = part->data;
        int type = 0, r;

        fs->multidevs = fs->xattr = fs->posix_lock = fs->flock = fs->cache = fs->sandbox = -1;
        fs->driver = xml_child(part->element, "driver");
        fs->binary = xml_child(part->element, "binary");
        fs->readonly = xml_child(part->element, "readonly") != NULL;
        read_word(domain->xml, part->element, "type", types, &type);
        read_word(domain->xml, part->element, "accessmode", accessmodes, &fs->accessmode);
        if (virtio_model_parse(model, &fs->model) < 0)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "model",
                          _("There is no <filesystem> of model \"%s\"; virtio, virtio-transitional and "
                            "virtio-non-transitional there are."),
                          model);
        virtio_read(domain, fs->driver, &fs->virtio);
        refuse_limits(domain, part);
        r = read_driver(domain, fs);
        if (r >= 0)
                r = read_ends(domain, part);
        if (r >= 0)
                r = fs->virtiofs ? filesystem_read_virtiofs(domain, part) : read_9p(domain, part);
        if (fs->virtiofs && fs->accessmode != 0)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "accessmode",
                          _("virtiofs passes owners and modes through; take accessmode='passthrough', or "
                            "remove <driver type='virtiofs'/>."));
        return r;
}

/* --- completing ---------------------------------------------------------------------------------- */

static int complete(Domain *domain, Part *part)
{
        const Filesystem *fs = part->data;

        if (fs->virtiofs && !memory_is_shared(domain))
                xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                          _("virtiofsd must map the guest's memory; add <memoryBacking><source "
                            "type='memfd'/><access mode='shared'/></memoryBacking>."));
        if (xml_set(part->element, "type", "mount") < 0 ||
            xml_set(part->element, "accessmode", accessmodes[fs->accessmode]) < 0)
                return -ENOMEM;
        return virtio_want_place(domain, part, fs->model, /* hotplug= */ true);
}

/* --- planning ------------------------------------------------------------------------------------ */

static int add_multidevs(Plan *plan, const Part *part, json_object *fsdev)
{
        const Filesystem *fs = part->data;

        if (fs->multidevs < 0)
                return 0;
        if (!plan_has(plan, part, "fsdev-multidevs", NULL, _("multidevs= is said"), NULL))
                plan_fault(plan, part->element, "multidevs",
                           _("%s has no parameter multidevs for -fsdev (QEMU 4.2 or newer); remove "
                             "multidevs=."),
                           domain_emulator_text(plan->domain));
        return json_add_string(fsdev, "multidevs", multidevs[fs->multidevs]);
}

static int plan_fsdev(Plan *plan, Part *part, const char *id)
{
        static const char *const models[] = {"passthrough", "mapped", "none"};
        const Filesystem *fs = part->data;
        CLEANUP(json) json_object *fsdev = json_object_new_object();
        int r = fsdev ? json_add_string(fsdev, "fsdriver", "local") : -ENOMEM;

        if (r >= 0)
                r = json_add_string(fsdev, "id", id);
        if (r >= 0)
                r = json_add_string(fsdev, "path", fs->directory);
        if (r >= 0)
                r = json_add_string(fsdev, "security_model", models[fs->accessmode]);
        if (r >= 0)
                r = add_multidevs(plan, part, fsdev);
        if (r >= 0 && fs->fmode)
                r = json_add_string(fsdev, "fmode", fs->fmode);
        if (r >= 0 && fs->dmode)
                r = json_add_string(fsdev, "dmode", fs->dmode);
        if (r >= 0 && fs->immediate)
                r = json_add_string(fsdev, "writeout", "immediate");
        if (r >= 0 && fs->readonly)
                r = json_add_bool(fsdev, "readonly", true);
        if (r >= 0)
                r = plan_properties(plan, part, "-fsdev", TAKE(fsdev));
        return r < 0 ? r
                     : plan_file(plan, PLAN_FILE_EXISTS, fs->directory, /* from= */ NULL,
                                 _("a shared directory"));
}

static int plan_9p(Plan *plan, Part *part, json_object *device)
{
        const Filesystem *fs = part->data;
        CLEANUP(free) char *id = text_format("fsdev-%s", part->alias);
        int r = id ? plan_fsdev(plan, part, id) : -ENOMEM;

        if (r >= 0)
                r = json_add_string(device, "fsdev", id);
        return r < 0 ? r : json_add_string(device, "mount_tag", fs->tag);
}

static int plan(Plan *plan, Part *part)
{
        const Filesystem *fs = part->data;
        CLEANUP(json) json_object *device = NULL;
        int r;

        device = virtio_device(plan, part, fs->virtiofs ? "vhost-user-fs" : "virtio-9p", fs->model,
                               &fs->virtio, &r);
        if (!device)
                return r;
        r = fs->virtiofs ? filesystem_plan_virtiofs(plan, part, device) : plan_9p(plan, part, device);
        return r < 0 ? r : plan_device(plan, part, TAKE(device));
}

static void clear(Part *part)
{
        Filesystem *fs = part->data;

        free(fs->directory);
        free(fs->socket);
        free(fs->tag);
        free(fs->fmode);
        free(fs->dmode);
        free(fs->program);
}

const PartKind device_filesystem = {
        .name = "filesystem",
        .alias = "fs",
        .flags = PART_ADDRESS | PART_BOOT,
        .places = 1 << PLACE_PCI | 1 << PLACE_VIRTIO_MMIO,
        .size = sizeof(Filesystem),
        .read = read_filesystem,
        .complete = complete,
        .plan = plan,
        .clear = clear,
};
