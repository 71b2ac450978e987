/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/general.h"

#include <ctype.h>
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/graphics.h"
#include "domain/plan.h"
#include "domain/section/features.h"

#define NAME_MAX_BYTES 200 /* it is a directory's name, and part of others */

const General *domain_general(const Domain *domain)
{
        return domain_section(domain, &section_general)->data;
}

const char *domain_name(const Domain *domain)
{
        return domain_general(domain)->name;
}

static void read_type(Domain *domain, Part *part)
{
        static const char *const types[] = {"qemu", "kvm", NULL};
        General *general = part->data;
        int type = 0;

        if (read_word(domain->xml, part->element, "type", types, &type) == 0)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "type",
                          _("What shall the domain run on? Give type='kvm', or type='qemu' for emulation."));
        general->kvm = type == 1;
        /* Of a running domain's dump. */
        xml_attribute(part->element, "id");
}

/* It becomes the name of a directory, and words of a command line. */
static bool is_name(const char *name)
{
        if (!*name || name[0] == '.' || strlen(name) > NAME_MAX_BYTES)
                return false;
        for (; *name; name++)
                if (*name == '/' || iscntrl((unsigned char)*name))
                        return false;
        return true;
}

static int read_name(Domain *domain, Part *part)
{
        XmlElement *element = xml_child(part->element, "name");
        General *general = part->data;

        if (!element) {
                xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                          _("The domain has no name; add <name>…</name>."));
                return 0;
        }
        general->name = xml_text(element);
        if (!general->name)
                return -ENOMEM;
        if (!is_name(general->name))
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("This is no name for a domain: it must have 1 to %d bytes, no '/', no control "
                            "character, and not begin with '.'."),
                          NAME_MAX_BYTES);
        /* disk-secret.c: what holds the secrets of all domains lies beside their own directories. */
        else if (streq(general->name, "secrets"))
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("\"secrets\" is the directory of all domains' secrets; give the domain another "
                            "name."));
        return 0;
}

static int read_uuid(Domain *domain, XmlElement *element, char ret[static UUID_TEXT_SIZE])
{
        CLEANUP(free) char *text = xml_text(element);

        if (!text)
                return -ENOMEM;
        if (value_uuid(text, ret) < 0)
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("This is no UUID: 32 hexadecimal digits, as in "
                            "6ba7b810-9dad-11d1-80b4-00c04fd430c8."));
        return 0;
}

/* Kept as they are. */
static void read_words_of_others(Part *part)
{
        static const char *const names[] = {"title", "description", "metadata"};

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                XmlElement *element = xml_child(part->element, names[i]);

                if (element)
                        xml_mark_all(element);
        }
}

static int read_general(Domain *domain, Part *part)
{
        XmlElement *uuid = xml_child(part->element, "uuid"), *genid = xml_child(part->element, "genid");
        General *general = part->data;
        CLEANUP(free) char *text = NULL;
        int r;

        read_type(domain, part);
        read_words_of_others(part);
        r = read_name(domain, part);
        if (r >= 0 && uuid)
                r = read_uuid(domain, uuid, general->uuid);
        if (r < 0 || !genid)
                return r;
        general->has_genid = true;
        text = xml_text(genid);
        if (!text)
                return -ENOMEM;
        return *text ? read_uuid(domain, genid, general->genid) : 0;
}

/* A random one, of version 4. */
static int make_uuid(const Domain *domain, char ret[static UUID_TEXT_SIZE])
{
        uint8_t bytes[16];
        char text[2 * sizeof(bytes) + 1];
        int r;

        r = domain->host->random(domain->host, bytes, sizeof(bytes));
        if (r < 0)
                return r;
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        for (size_t i = 0; i < sizeof(bytes); i++)
                snprintf(text + 2 * i, 3, "%02x", bytes[i]);
        return value_uuid(text, ret);
}

static int write_uuid(Part *part, const char *name, const char *uuid)
{
        XmlElement *element;
        int r;

        r = xml_ensure(part->element, name, &element);
        return r < 0 ? r : xml_set_text(element, uuid);
}

/* Built in, and /dev/kvm can be opened by whoever asked the emulator. */
static void check_kvm(Domain *domain, Part *part)
{
        json_object *kvm = domain_answer(domain, "query-kvm"), *device = domain_answer(domain, "kvm-device");

        if (kvm && !json_get_bool(kvm, "present", false))
                xml_fault(domain->xml, FAULT_ERROR, part->element, "type",
                          _("%s has no KVM: it was built without, or for another architecture than this "
                            "machine's; type='qemu' emulates."),
                          domain_emulator_text(domain));
        else if (device && !json_get_bool(device, "usable", true))
                xml_fault(domain->xml, FAULT_COSMETIC, part->element, "type",
                          _("This user cannot use /dev/kvm here; join its group or load the module, or "
                            "give type='qemu', which emulates."));
}

static int complete(Domain *domain, Part *part)
{
        General *general = part->data;
        int r = 0;

        if (general->kvm)
                check_kvm(domain, part);
        if (!*general->uuid)
                r = make_uuid(domain, general->uuid);
        if (r >= 0)
                r = write_uuid(part, "uuid", general->uuid);
        if (r >= 0 && general->has_genid && !*general->genid)
                r = make_uuid(domain, general->genid);
        if (r >= 0 && general->has_genid)
                r = write_uuid(part, "genid", general->genid);
        return r;
}

static int plan_name(Plan *plan, const Part *part)
{
        const General *general = part->data;
        json_object *name = json_object_new_object();

        if (!name || json_add_string(name, "guest", general->name) < 0 ||
            json_add_bool(name, "debug-threads", true) < 0) {
                json_object_put(name);
                return -ENOMEM;
        }
        return plan_properties(plan, part, "-name", name);
}

static int plan_accel(Plan *plan, const Part *part)
{
        const General *general = part->data;
        CLEANUP(json) json_object *accel = json_object_new_object();

        if (!accel || json_add_string(accel, "accel", general->kvm ? "kvm" : "tcg") < 0 ||
            features_add_accel(plan->domain, accel) < 0)
                return -ENOMEM;
        return plan_properties(plan, part, "-accel", TAKE(accel));
}

static int plan_genid(Plan *plan, const Part *part)
{
        const General *general = part->data;
        json_object *device = json_object_new_object();

        if (!device || json_add_string(device, "driver", "vmgenid") < 0 ||
            json_add_string(device, "guid", general->genid) < 0 ||
            json_add_string(device, "id", "vmgenid0") < 0) {
                json_object_put(device);
                return -ENOMEM;
        }
        return plan_properties(plan, part, "-device", device);
}

static int plan(Plan *plan, Part *part)
{
        const General *general = part->data;
        int r;

        r = plan_name(plan, part);
        if (r >= 0)
                r = plan_accel(plan, part);
        if (r >= 0)
                r = plan_option(plan, "-uuid", general->uuid);
        if (r >= 0 && general->has_genid)
                r = plan_genid(plan, part);
        if (r >= 0)
                r = graphics_plan_none(plan);
        if (r >= 0)
                r = plan_option(plan, "-no-user-config", NULL);
        if (r >= 0)
                r = plan_option(plan, "-nodefaults", NULL);
        return r;
}

static void clear(Part *part)
{
        General *general = part->data;

        free(general->name);
}

const PartKind section_general = {
        .name = "domain",
        .size = sizeof(General),
        .read = read_general,
        .complete = complete,
        .plan = plan,
        .clear = clear,
};
