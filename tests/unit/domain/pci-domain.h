/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The PCI devices of a recorded definition, as the model of the topology wants them. */

#include "domain/pci.h"
#include "domain/xml.h"

#define PCI_DOMAIN_MAX 128

typedef struct PciDomain {
        PciMachine machine;
        PciController controllers[PCI_DOMAIN_MAX]; /* of PCI; .placed: has an address */
        size_t n_controllers;
        PciDevice devices[PCI_DOMAIN_MAX]; /* .placed likewise */
        char names[PCI_DOMAIN_MAX][64];
        size_t n_devices;
} PciDomain;

/* Fails the test if the file cannot be read. */
void pci_domain_read(const char *folder, const char *file, PciDomain *ret);

/* The definition's controllers and all its addresses, reserved and checked; the first fault in *ret_error.
 */
int pci_domain_reserve(const PciDomain *domain, Pci **ret, MusterError **ret_error);
