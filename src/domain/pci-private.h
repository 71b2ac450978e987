/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of pci.h share: the rules by model and by machine, and the buses as they fill. */

#include "domain/pci.h"

/* A set of models. */
#define MODEL(name) (UINT32_C(1) << PCI_MODEL_##name)

typedef struct PciRule {
        const char *name;
        uint32_t takes; /* controllers */
        bool devices;   /* takes devices, too */
        bool express;
        uint8_t first_slot, last_slot;
        bool hotplug;
        bool root;        /* sits nowhere */
        bool apart;       /* a node's own: nothing is put below it unasked */
        const char *what; /* goes there, in words */
} PciRule;

const PciRule *pci_rule(PciModel model);

typedef enum PciClaim {
        PCI_CLAIM_BUILT_IN, /* always there, nowhere else */
        PCI_CLAIM_HABIT,    /* tried first */
} PciClaim;

typedef struct PciPlace {
        PciMachine machine;
        PciPart part;
        PciClaim claim;
        uint8_t slot, function;
        const char *name;
} PciPlace;

/* The next of the machine's places on its root bus behind `last` (NULL: the first); NULL at the end. */
const PciPlace *pci_next_place(PciMachine machine, const PciPlace *last);

typedef struct PciBus {
        PciController controller;
        char *users[PCI_SLOTS_MAX][PCI_FUNCTIONS_MAX];
        uint8_t used[PCI_SLOTS_MAX];       /* functions, as bits */
        bool multifunction[PCI_SLOTS_MAX]; /* function 0 says so */
        bool ports[PCI_SLOTS_MAX];         /* and is a root port, so that others may join it */
} PciBus;

struct Pci {
        PciMachine machine;
        PciBus *buses[PCI_BUSES_MAX];
};

/* Whether a bus hangs on the machine, through however many others; *ret_apart if below an expander. */
bool pci_is_rooted(const Pci *pci, const PciBus *bus, bool *ret_apart);

int pci_take(Pci *pci, const char *name, bool port, const PciAddress *address, MusterError **ret_error);

/* The address becomes the controller's, with chassis and port. */
int pci_settle_controller(Pci *pci, PciBus *bus, const PciAddress *address, MusterError **ret_error);

PciAddress pci_address_on(const PciBus *bus, unsigned slot, unsigned function);

typedef struct PciWanted {
        uint32_t takes; /* a bus that takes this controller, or 0: one that takes devices */
        bool express, hotplug, below_root;
} PciWanted;

/* The free slots of all the buses that fit, or of one bus, and the lowest of them. */
unsigned pci_count_fitting(const Pci *pci, const PciWanted *wanted, PciAddress *ret_lowest);
unsigned pci_count_free(const PciBus *bus, PciAddress *ret_lowest);

/* The place that a part has by habit, if it is free; -ENOENT. */
int pci_find_habit(const Pci *pci, PciPart part, unsigned function, PciAddress *ret);

/* One more than the definition has, with its place and with what that needs. */
int pci_make_controller(Pci *pci, PciModel model, unsigned *ret_index, MusterError **ret_error);

/* Those of the definition that have no address. */
int pci_place_controllers(Pci *pci, MusterError **ret_error);
