/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/smartcard.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/chardev.h"
#include "domain/value.h"

#define CERTIFICATES 3

typedef enum SmartcardMode {
        SMARTCARD_HOST,
        SMARTCARD_CERTIFICATES,
        SMARTCARD_PASSTHROUGH,
} SmartcardMode;

typedef struct Smartcard {
        SmartcardMode mode;
        char *certificates[CERTIFICATES];
        char *database; /* NULL: the emulator's default */
        Chardev chardev;
} Smartcard;

static int read_certificates(Domain *domain, Part *part, Smartcard *card)
{
        XmlElement *element = NULL, *database = xml_child(part->element, "database");
        size_t n = 0;

        for (; n < CERTIFICATES && (element = xml_next(part->element, "certificate", element)); n++) {
                card->certificates[n] = xml_text(element);
                if (!card->certificates[n])
                        return -ENOMEM;
        }
        if (n < CERTIFICATES)
                xml_fault(domain->xml, FAULT_ERROR, part->element, /* attribute= */ NULL,
                          _("A card of certificates has exactly three <certificate>NAME</certificate>; add "
                            "what is missing."));
        if (!database)
                return 0;
        card->database = xml_text(database);
        if (!card->database)
                return -ENOMEM;
        if (card->database[0] != '/')
                xml_fault(domain->xml, FAULT_ERROR, database, /* attribute= */ NULL,
                          _("The path is not absolute; write it from / on."));
        return 0;
}

static int read_smartcard(Domain *domain, Part *part)
{
        static const char *const modes[] = {"host", "host-certificates", "passthrough", NULL};
        static const char *const types[] = {"spicevmc", "tcp",  "unix", "pty",  "dev",
                                            "file",     "pipe", "udp",  "null", NULL};
        Smartcard *card = part->data;
        int mode = SMARTCARD_HOST;

        if (read_word(domain->xml, part->element, "mode", modes, &mode) == 0)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "mode",
                          _("Where is the card? Give mode='host', 'host-certificates' or 'passthrough'."));
        card->mode = (SmartcardMode)mode;
        if (card->mode == SMARTCARD_CERTIFICATES)
                return read_certificates(domain, part, card);
        if (card->mode == SMARTCARD_PASSTHROUGH)
                return chardev_read(domain, part->element, "type", types, &card->chardev);
        return 0;
}

static const char *driver_of(const Smartcard *card)
{
        return card->mode == SMARTCARD_PASSTHROUGH ? "ccid-card-passthru" : "ccid-card-emulated";
}

static int complete(Domain *domain, Part *part)
{
        Smartcard *card = part->data;
        int r = 0;

        if (!domain_has_type(domain, driver_of(card)))
                xml_fault(domain->xml, FAULT_ERROR, part->element, "mode",
                          _("%s has no device \"%s\"; take an emulator that was built with libcacard."),
                          domain_emulator_text(domain), driver_of(card));
        if (card->mode == SMARTCARD_PASSTHROUGH)
                r = chardev_complete(&card->chardev, "type");
        return r < 0 ? r : place_want_ccid(domain, part);
}

static int add_certificates(const Smartcard *card, json_object *device)
{
        static const char *const names[CERTIFICATES] = {"cert1", "cert2", "cert3"};
        int r;

        r = json_add_string(device, "backend", "certificates");
        for (size_t i = 0; r >= 0 && i < CERTIFICATES; i++)
                r = json_add_string(device, names[i], card->certificates[i]);
        /* The emulator's own default is the same, but only where it was built so. */
        return r < 0 ? r : json_add_string(device, "db", card->database ?: "/etc/pki/nssdb");
}

static int add_chardev(Plan *plan, Part *part, const Smartcard *card, json_object *device)
{
        CLEANUP(free) char *chardev = NULL;
        int r;

        r = chardev_plan_alias(plan, part, &card->chardev, &chardev);
        return r < 0 ? r : json_add_string(device, "chardev", chardev);
}

static int plan(Plan *plan, Part *part)
{
        const Smartcard *card = part->data;
        CLEANUP(json) json_object *device = json_object_new_object();
        int r;

        if (!device)
                return -ENOMEM;
        r = json_add_string(device, "driver", driver_of(card));
        if (r >= 0 && card->mode == SMARTCARD_HOST)
                r = json_add_string(device, "backend", "nss-emulated");
        else if (r >= 0 && card->mode == SMARTCARD_CERTIFICATES)
                r = add_certificates(card, device);
        else if (r >= 0)
                r = add_chardev(plan, part, card, device);
        return r < 0 ? r : plan_device(plan, part, TAKE(device));
}

static void clear(Part *part)
{
        Smartcard *card = part->data;

        for (size_t i = 0; i < CERTIFICATES; i++)
                free(card->certificates[i]);
        free(card->database);
        chardev_clear(&card->chardev);
}

const PartKind device_smartcard = {
        .name = "smartcard",
        .alias = "smartcard",
        .flags = PART_ADDRESS,
        .places = 1 << PLACE_CCID,
        .size = sizeof(Smartcard),
        .read = read_smartcard,
        .complete = complete,
        .plan = plan,
        .clear = clear,
};
