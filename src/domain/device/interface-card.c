/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/interface-private.h"
#include "domain/section/os.h"

/* The card: its model, where it is plugged in, and virtio's many switches. */

typedef enum Bus {
        BUS_EXPRESS, /* PCIe where there is PCIe */
        BUS_CONVENTIONAL,
        BUS_USB,
        BUS_SPAPR,
} Bus;

/* What libvirt calls them is what QEMU does. */
static const struct {
        const char *name;
        Bus bus;
} models[] = {
        {"e1000", BUS_CONVENTIONAL},
        {"e1000-82544gc", BUS_CONVENTIONAL},
        {"e1000-82545em", BUS_CONVENTIONAL},
        {"e1000e", BUS_EXPRESS},
        {"igb", BUS_EXPRESS},
        {"rtl8139", BUS_CONVENTIONAL},
        {"vmxnet3", BUS_EXPRESS},
        {"ne2k_pci", BUS_CONVENTIONAL},
        {"pcnet", BUS_CONVENTIONAL},
        {"tulip", BUS_CONVENTIONAL},
        {"sungem", BUS_CONVENTIONAL},
        {"i82550", BUS_CONVENTIONAL},
        {"i82551", BUS_CONVENTIONAL},
        {"i82557a", BUS_CONVENTIONAL},
        {"i82557b", BUS_CONVENTIONAL},
        {"i82557c", BUS_CONVENTIONAL},
        {"i82558a", BUS_CONVENTIONAL},
        {"i82558b", BUS_CONVENTIONAL},
        {"i82559a", BUS_CONVENTIONAL},
        {"i82559b", BUS_CONVENTIONAL},
        {"i82559c", BUS_CONVENTIONAL},
        {"i82559er", BUS_CONVENTIONAL},
        {"i82562", BUS_CONVENTIONAL},
        {"i82801", BUS_CONVENTIONAL},
        {"usb-net", BUS_USB},
        {"spapr-vlan", BUS_SPAPR},
};

static const struct {
        const char *element; /* within <driver>; NULL: itself */
        const char *attribute, *property;
} flags[] = {
        {NULL, "ioeventfd", "ioeventfd"},
        {NULL, "event_idx", "event_idx"},
        {NULL, "rss", "rss"},
        {NULL, "rss_hash_report", "hash"},
        {"host", "csum", "csum"},
        {"host", "gso", "gso"},
        {"host", "tso4", "host_tso4"},
        {"host", "tso6", "host_tso6"},
        {"host", "ecn", "host_ecn"},
        {"host", "ufo", "host_ufo"},
        {"host", "mrg_rxbuf", "mrg_rxbuf"},
        {"guest", "csum", "guest_csum"},
        {"guest", "tso4", "guest_tso4"},
        {"guest", "tso6", "guest_tso6"},
        {"guest", "ecn", "guest_ecn"},
        {"guest", "ufo", "guest_ufo"},
};

static int find_model(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(models); i++)
                if (streq(models[i].name, name))
                        return (int)i;
        return -EINVAL;
}

/* --- reading ------------------------------------------------------------------------------------- */

static int take_model(Domain *domain, Part *part, XmlElement *element, const char *name)
{
        InterfaceCard *card = &((Interface *)part->data)->card;

        card->is_virtio = virtio_model_parse(name, &card->virtio_model) == 0;
        if (!card->is_virtio && find_model(name) < 0) {
                xml_fault(domain->xml, FAULT_ERROR, element, "type",
                          _("Muster knows no network card \"%s\"; virtio, e1000e, e1000, igb, rtl8139 and "
                            "vmxnet3 there are, among others."),
                          name);
                return 0;
        }
        card->model = strdup(name);
        return card->model ? 0 : -ENOMEM;
}

static void read_flags(Domain *domain, InterfaceCard *card)
{
        XmlElement *host = xml_child(card->driver, "host"), *guest = xml_child(card->driver, "guest");
        bool value;

        for (size_t i = 0; i < ELEMENTSOF(flags); i++) {
                XmlElement *element = !flags[i].element                 ? card->driver
                                      : streq(flags[i].element, "host") ? host
                                                                        : guest;

                if (!element || read_switch(domain->xml, element, flags[i].attribute, &value) <= 0)
                        continue;
                card->flags[i] = value;
                card->has_options = true;
        }
}

static void read_driver(Domain *domain, Part *part)
{
        static const char *const names[] = {"vhost", "qemu", NULL}, *const txmodes[] = {"iothread", "timer",
                                                                                        NULL};
        Interface *net = part->data;
        InterfaceCard *card = &net->card;
        XmlElement *driver = card->driver;

        read_word(domain->xml, driver, "name", names, &net->driver);
        card->has_options = read_word(domain->xml, driver, "txmode", txmodes, &card->txmode) > 0;
        read_uint(domain->xml, driver, "queues", INTERFACE_QUEUES_MAX, &card->queues);
        read_uint(domain->xml, driver, "rx_queue_size", UINT16_MAX, &card->rx_queue_size);
        read_uint(domain->xml, driver, "tx_queue_size", UINT16_MAX, &card->tx_queue_size);
        if (card->queues > 0 || card->rx_queue_size > 0 || card->tx_queue_size > 0)
                card->has_options = true;
        read_flags(domain, card);
        if (card->virtio.iommu >= 0 || card->virtio.ats >= 0 || card->virtio.packed >= 0 ||
            card->virtio.page_per_vq >= 0)
                card->has_options = true;
}

static void read_teaming(Domain *domain, Part *part)
{
        static const char *const types[] = {"persistent", "transient", NULL};
        XmlElement *teaming = xml_child(part->element, "teaming");
        Interface *net = part->data;
        int type = 0;

        if (!teaming)
                return;
        read_word(domain->xml, teaming, "type", types, &type);
        net->card.failover = type == 0;
        if (type == 1)
                xml_mark_all(teaming);
        if (type == 1)
                xml_fault(domain->xml, FAULT_ERROR, teaming, "type",
                          _("The transient half of a team is a device of the host; write it as <hostdev>."));
}

int interface_read_card(Domain *domain, Part *part)
{
        XmlElement *model = xml_child(part->element, "model"), *mtu = xml_child(part->element, "mtu");
        InterfaceCard *card = &((Interface *)part->data)->card;
        const char *type = model ? xml_attribute(model, "type") : NULL;

        card->txmode = -1;
        for (size_t i = 0; i < INTERFACE_FLAGS_MAX; i++)
                card->flags[i] = -1;
        card->driver = xml_child(part->element, "driver");
        virtio_read(domain, card->driver, &card->virtio);
        if (card->driver)
                read_driver(domain, part);
        if (mtu)
                read_uint(domain->xml, mtu, "size", UINT16_MAX, &card->mtu);
        read_teaming(domain, part);
        return type ? take_model(domain, part, model, type) : 0;
}

/* --- completing ---------------------------------------------------------------------------------- */

/* As libvirt chooses: what most guests have a driver for, virtio where machines have always had it. */
static const char *default_model(const Domain *domain)
{
        PciMachine machine = os_pci_machine(domain);

        if (machine == PCI_MACHINE_NONE || machine == PCI_MACHINE_VIRT)
                return "virtio";
        if (domain_has_type(domain, "rtl8139"))
                return "rtl8139";
        return domain_has_type(domain, "e1000") ? "e1000" : "virtio";
}

static int want_place(Domain *domain, Part *part)
{
        const InterfaceCard *card = &((Interface *)part->data)->card;

        if (card->is_virtio)
                return virtio_want_place(domain, part, card->virtio_model, /* hotplug= */ true);
        switch (models[find_model(card->model)].bus) {
        case BUS_EXPRESS:
                return place_want_pci(domain, part, PCI_PLUG_EITHER, PCI_PART_NONE, /* hotplug= */ true);
        case BUS_CONVENTIONAL:
                return place_want_pci(domain, part, PCI_PLUG_CONVENTIONAL, PCI_PART_NONE,
                                      /* hotplug= */ true);
        case BUS_USB:
                return place_want_usb(domain, part);
        case BUS_SPAPR:
                return place_want_spapr_vio(domain, part, /* first= */ 0x1000);
        }
        return 0;
}

/* By the limits of QEMU's virtio-net.c: a power of two from 256 to 1024, either way. */
static void check_queue_size(Domain *domain, const InterfaceCard *card, const char *attribute, uint64_t size)
{
        if (size > 0 && (size < 256 || size > 1024 || (size & (size - 1)) != 0))
                xml_fault(domain->xml, FAULT_ERROR, card->driver, attribute,
                          _("A queue of virtio has 256, 512 or 1024 entries."));
}

static void check_options(Domain *domain, Part *part)
{
        const InterfaceCard *card = &((Interface *)part->data)->card;

        check_queue_size(domain, card, "rx_queue_size", card->rx_queue_size);
        check_queue_size(domain, card, "tx_queue_size", card->tx_queue_size);
        if (card->is_virtio)
                return;
        if (card->has_options)
                xml_fault(domain->xml, FAULT_ERROR, card->driver, /* attribute= */ NULL,
                          _("These options are virtio's, and this card is \"%s\"; remove <driver>, or take "
                            "<model type='virtio'/>."),
                          card->model);
        if (card->mtu > 0)
                xml_fault(domain->xml, FAULT_COSMETIC, xml_child(part->element, "mtu"), "size",
                          _("Only virtio can tell a guest the MTU, and this card is \"%s\"; set it within "
                            "the guest and on the host, and remove <mtu>."),
                          card->model);
        if (card->failover)
                xml_fault(domain->xml, FAULT_ERROR, xml_child(part->element, "teaming"), "type",
                          _("The persistent half of a team is a virtio card, and this one is \"%s\"."),
                          card->model);
}

int interface_complete_card(Domain *domain, Part *part)
{
        InterfaceCard *card = &((Interface *)part->data)->card;
        XmlElement *model;
        int r;

        if (!card->model) {
                r = xml_ensure(part->element, "model", &model);
                if (r >= 0)
                        r = xml_set(model, "type", default_model(domain));
                if (r >= 0)
                        r = take_model(domain, part, model, xml_attribute(model, "type"));
                if (r < 0)
                        return r;
        }
        check_options(domain, part);
        return want_place(domain, part);
}

/* --- planning ------------------------------------------------------------------------------------ */

static int add_number(json_object *device, const char *name, uint64_t number)
{
        return number > 0 ? json_add_int(device, name, (int64_t)number) : 0;
}

static int add_virtio(const InterfaceCard *card, json_object *device)
{
        int r = 0;

        if (card->txmode >= 0)
                r = json_add_string(device, "tx", card->txmode == 0 ? "bh" : "timer");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(flags); i++)
                if (card->flags[i] >= 0)
                        r = json_add_bool(device, flags[i].property, card->flags[i] != 0);
        if (r >= 0 && card->queues > 1) {
                /* One for each queue and direction, one for control, one for changes of configuration. */
                r = json_add_bool(device, "mq", true);
                if (r >= 0)
                        r = json_add_int(device, "vectors", (int64_t)(2 * card->queues + 2));
        }
        if (r >= 0)
                r = add_number(device, "rx_queue_size", card->rx_queue_size);
        if (r >= 0)
                r = add_number(device, "tx_queue_size", card->tx_queue_size);
        if (r >= 0)
                r = add_number(device, "host_mtu", card->mtu);
        if (r >= 0 && card->failover)
                r = json_add_bool(device, "failover", true);
        return r;
}

static json_object *other_card(Plan *plan, const Part *part, const InterfaceCard *card, int *ret_r)
{
        json_object *device;

        *ret_r = 0;
        if (!domain_has_type(plan->domain, card->model)) {
                plan_fault(plan, xml_child(part->element, "model"), "type",
                           _("%s has no network card '%s'; take another model, or another emulator."),
                           domain_emulator_text(plan->domain), card->model);
                return NULL;
        }
        device = json_object_new_object();
        if (device && json_add_string(device, "driver", card->model) == 0)
                return device;
        json_object_put(device);
        *ret_r = -ENOMEM;
        return NULL;
}

int interface_plan_card(Plan *plan, Part *part, const char *netdev)
{
        const Interface *net = part->data;
        const InterfaceCard *card = &net->card;
        CLEANUP(json) json_object *device = NULL;
        int r;

        device = card->is_virtio
                         ? virtio_device(plan, part, "virtio-net", card->virtio_model, &card->virtio, &r)
                         : other_card(plan, part, card, &r);
        if (!device)
                return r;
        if (card->is_virtio)
                r = add_virtio(card, device);
        if (r >= 0 && netdev)
                r = json_add_string(device, "netdev", netdev);
        if (r >= 0)
                r = json_add_string(device, "mac", net->mac);
        return r < 0 ? r : plan_device(plan, part, TAKE(device));
}
