/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/channel.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/chardev.h"
#include "domain/value.h"

typedef struct Channel {
        char *name; /* NULL: none */
        Chardev chardev;
} Channel;

/* What the agents of both kinds look for. */
static bool is_spice_agent(const Channel *channel)
{
        const char *type = chardev_type(&channel->chardev);

        return streq(type, "spicevmc") || streq(type, "qemu-vdagent");
}

static void refuse_target(Domain *domain, XmlElement *target, const char *type)
{
        xml_mark_all(target);
        if (streq(type, "guestfwd"))
                xml_fault(domain->xml, FAULT_ERROR, target, "type",
                          _("A guestfwd channel belongs to a network of its own, to which no card of the "
                            "guest is connected, so nothing would reach it; take <target type='virtio' "
                            "name='…'/>, or <portForward> of an <interface>."));
        else
                xml_fault(domain->xml, FAULT_ERROR, target, "type",
                          _("There is no channel of type \"%s\" here; give <target type='virtio' "
                            "name='…'/>."),
                          type);
}

static int read_target(Domain *domain, Part *part, Channel *channel)
{
        /* Whether an agent is there, in the dump of a running domain. */
        static const char *const states[] = {"connected", "disconnected", NULL};
        XmlElement *target = xml_child(part->element, "target");
        const char *type = target ? xml_attribute(target, "type") : NULL;
        int state, r;

        if (!type) {
                xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                          _("What does the guest see of it? Add <target type='virtio' "
                            "name='org.qemu.guest_agent.0'/> or another name."));
                return 0;
        }
        if (!streq(type, "virtio")) {
                refuse_target(domain, target, type);
                return 0;
        }
        read_word(domain->xml, target, "state", states, &state);
        r = read_text(domain->xml, target, "name", &channel->name);
        return r < 0 ? r : 0;
}

static int read_channel(Domain *domain, Part *part)
{
        Channel *channel = part->data;
        int r;

        r = read_target(domain, part, channel);
        return r < 0 ? r
                     : chardev_read(domain, part->element, "type", /* allowed= */ NULL, &channel->chardev);
}

static int complete(Domain *domain, Part *part)
{
        Channel *channel = part->data;
        int r;

        if (!channel->name && is_spice_agent(channel)) {
                channel->name = strdup("com.redhat.spice.0");
                if (!channel->name)
                        return -ENOMEM;
        }
        r = chardev_complete(&channel->chardev, "type");
        if (r >= 0 && channel->name)
                r = xml_set(xml_child(part->element, "target"), "name", channel->name);
        return r < 0 ? r : place_want_virtio_serial(domain, part);
}

static int check(Domain *domain, Part *part)
{
        const Channel *channel = part->data;

        for (Part *other = NULL;
             channel->name && (other = domain_next(domain, &device_channel, other)) && other != part;)
                if (streq_ptr(((const Channel *)other->data)->name, channel->name))
                        xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                                  _("Two channels have the name \"%s\", and a guest tells them apart by "
                                    "nothing else; give one of them another."),
                                  channel->name);
        return 0;
}

static int plan(Plan *plan, Part *part)
{
        const Channel *channel = part->data;
        CLEANUP(free) char *chardev = NULL;
        CLEANUP(json) json_object *device = json_object_new_object();
        int r;

        if (!device)
                return -ENOMEM;
        r = chardev_plan_alias(plan, part, &channel->chardev, &chardev);
        if (r >= 0)
                r = json_add_string(device, "driver", "virtserialport");
        if (r >= 0)
                r = json_add_string(device, "chardev", chardev);
        if (r >= 0 && channel->name)
                r = json_add_string(device, "name", channel->name);
        return r < 0 ? r : plan_device(plan, part, TAKE(device));
}

static void clear(Part *part)
{
        Channel *channel = part->data;

        free(channel->name);
        chardev_clear(&channel->chardev);
}

const PartKind device_channel = {
        .name = "channel",
        .alias = "channel",
        .flags = PART_ADDRESS,
        .places = 1 << PLACE_VIRTIO_SERIAL,
        .size = sizeof(Channel),
        .read = read_channel,
        .complete = complete,
        .check = check,
        .plan = plan,
        .clear = clear,
};
