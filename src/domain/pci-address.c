/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "base/util.h"
#include "domain/pci.h"

int pci_address_from_numbers(uint64_t domain, uint64_t bus, uint64_t slot, uint64_t function,
                             PciAddress *ret)
{
        if (domain > UINT16_MAX || bus >= PCI_BUSES_MAX || slot >= PCI_SLOTS_MAX ||
            function >= PCI_FUNCTIONS_MAX)
                return -ERANGE;
        *ret = (PciAddress){.domain = (uint16_t)domain,
                            .bus = (uint8_t)bus,
                            .slot = (uint8_t)slot,
                            .function = (uint8_t)function};
        return 0;
}

/* Up to `digits` hexadecimal ones and then `end`. */
static int take_part(const char **text, size_t digits, char end, uint64_t *ret)
{
        size_t n = 0;

        *ret = 0;
        for (; n < digits && isxdigit((unsigned char)**text); n++, (*text)++) {
                char c = (char)tolower((unsigned char)**text);

                *ret = *ret * 16 + (uint64_t)(isdigit((unsigned char)c) ? c - '0' : c - 'a' + 10);
        }
        if (n == 0 || **text != end)
                return -EINVAL;
        if (end)
                (*text)++;
        return 0;
}

int pci_address_parse(const char *text, PciAddress *ret)
{
        const char *colon = strchr(text, ':');
        uint64_t domain = 0, bus = 0, slot = 0, function = 0;
        int r = 0;

        if (colon && strchr(colon + 1, ':'))
                r = take_part(&text, 4, ':', &domain);
        if (r == 0)
                r = take_part(&text, 2, ':', &bus);
        if (r == 0)
                r = take_part(&text, 2, '.', &slot);
        if (r == 0)
                r = take_part(&text, 1, '\0', &function);
        if (r < 0)
                return r;
        return pci_address_from_numbers(domain, bus, slot, function, ret) < 0 ? -EINVAL : 0;
}

const char *pci_address_format(const PciAddress *address, char buffer[static PCI_ADDRESS_TEXT_SIZE])
{
        snprintf(buffer, PCI_ADDRESS_TEXT_SIZE, "%04x:%02x:%02x.%x", address->domain, address->bus,
                 address->slot & 0x1f, address->function & 7);
        return buffer;
}

bool pci_address_equal(const PciAddress *a, const PciAddress *b)
{
        return a->domain == b->domain && a->bus == b->bus && a->slot == b->slot &&
               a->function == b->function;
}

bool pci_address_is_unset(const PciAddress *address)
{
        return pci_address_equal(address, &(PciAddress){0});
}
