/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/util.h"
#include "pci-domain.h"

/* Calls for each recorded canonical definition of a machine with PCI. */
static unsigned each_domain(void (*function)(const char *file, const PciDomain *domain))
{
        CLEANUP(free) char *folder = text_format("%s/domains/dumpxml", getenv("MUSTER_TEST_DATA"));
        CLEANUP(dir) DIR *dir = opendir(folder);
        unsigned n = 0;

        assert_non_null(dir);
        for (struct dirent *entry; (entry = readdir(dir));) {
                PciDomain domain;

                if (!strstr(entry->d_name, ".xml"))
                        continue;
                pci_domain_read("dumpxml", entry->d_name, &domain);
                if (domain.machine == PCI_MACHINE_NONE)
                        continue;
                function(entry->d_name, &domain);
                n++;
        }
        return n;
}

static Pci *reserved(const char *file, const PciDomain *domain)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        Pci *pci = NULL;

        if (pci_domain_reserve(domain, &pci, &error) < 0)
                fail_msg("%s: %s", file, muster_error_message(error));
        return pci;
}

static void expect_no_clash(const char *file, const PciDomain *domain)
{
        CLEANUP(Pci) Pci *pci = reserved(file, domain);
        PciDomain again = *domain;

        for (size_t i = 0; i < domain->n_devices; i++)
                if (!domain->devices[i].placed)
                        fail_msg("%s: %s has no address", file, domain->devices[i].name);
        /* Nothing is left to do, and chassis and port are what libvirt makes of the address. */
        assert_int_equal(pci_assign(pci, again.devices, again.n_devices, NULL), 0);
        for (size_t i = 0; i < domain->n_controllers; i++) {
                PciController *controller = &again.controllers[i];
                const PciController *made = pci_controller(pci, (unsigned)controller->index);

                assert_memory_equal(made, controller, offsetof(PciController, placed));
                controller->chassis = controller->port = -1;
        }
        for (unsigned i = 0; i < PCI_BUSES_MAX; i++)
                assert_false(pci_controller(pci, i) && pci_controller(pci, i)->added);
        pci_free(TAKE(pci));
        pci = reserved(file, &again);
        for (size_t i = 0; i < domain->n_controllers; i++)
                assert_memory_equal(pci_controller(pci, (unsigned)domain->controllers[i].index),
                                    &domain->controllers[i], offsetof(PciController, placed));
}

/* What libvirt made of each definition holds together. */
static void test_canonical(void **state)
{
        assert_in_range(each_domain(expect_no_clash), 90, 1000);
}

/* Whether two names begin with the same word: "disk in line 12". */
static bool same_element(const PciDevice *a, const PciDevice *b)
{
        size_t n = strcspn(a->name, " ");

        return strncmp(a->name, b->name, n + 1) == 0;
}

/* The n-th of its element in one list as the n-th in the other; libvirt adds elements, but no such one. */
static PciDevice *counterpart(const PciDomain *from, size_t at, PciDomain *to)
{
        size_t before = 0;

        for (size_t i = 0; i < at; i++)
                before += same_element(&from->devices[i], &from->devices[at]);
        for (size_t i = 0; i < to->n_devices; i++)
                if (same_element(&to->devices[i], &from->devices[at]) && before-- == 0)
                        return &to->devices[i];
        fail_msg("no counterpart of %s", from->devices[at].name);
        return NULL;
}

/* Devices as libvirt completed them, and controllers and addresses as virt-install wrote them. */
static void strip(const PciDomain *written, const PciDomain *canonical, PciDomain *ret)
{
        *ret = *canonical;
        memcpy(ret->controllers, written->controllers, sizeof(ret->controllers));
        ret->n_controllers = written->n_controllers;
        for (size_t i = 0; i < ret->n_devices; i++) {
                ret->devices[i].placed = false;
                ret->devices[i].address = (PciAddress){0};
        }
        for (size_t i = 0; i < written->n_devices; i++)
                if (written->devices[i].placed) {
                        PciDevice *device = counterpart(written, i, ret);

                        device->address = written->devices[i].address;
                        device->placed = true;
                }
}

static void expect_same_address(const char *file, const char *name, const PciAddress *ours,
                                const PciAddress *theirs)
{
        char a[PCI_ADDRESS_TEXT_SIZE], b[PCI_ADDRESS_TEXT_SIZE];

        if (!pci_address_equal(ours, theirs) || ours->multifunction != theirs->multifunction)
                fail_msg("%s: %s is at %s, with libvirt at %s", file, name, pci_address_format(ours, a),
                         pci_address_format(theirs, b));
}

static void expect_same(const char *file, const PciDomain *domain)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(Pci) Pci *pci = NULL;
        PciDomain written, bare;
        size_t n_buses = 0;

        pci_domain_read("virt-install", file, &written);
        assert_int_equal(written.machine, domain->machine);
        strip(&written, domain, &bare);
        pci = reserved(file, &bare);
        if (pci_assign(pci, bare.devices, bare.n_devices, &error) < 0)
                fail_msg("%s: %s", file, muster_error_message(error));
        for (size_t i = 0; i < domain->n_devices; i++)
                expect_same_address(file, domain->devices[i].name, &bare.devices[i].address,
                                    &domain->devices[i].address);
        for (size_t i = 0; i < domain->n_controllers; i++) {
                const PciController *theirs = &domain->controllers[i];
                const PciController *ours = pci_controller(pci, (unsigned)theirs->index);

                assert_non_null(ours);
                assert_memory_equal(ours, theirs, offsetof(PciController, placed));
                expect_same_address(file, pci_model_name(theirs->model), &ours->address, &theirs->address);
        }
        for (unsigned i = 0; i < PCI_BUSES_MAX; i++)
                n_buses += pci_controller(pci, i) != NULL;
        assert_int_equal(n_buses, domain->n_controllers);
}

/* From what virt-install wrote, muster makes the addresses and controllers that libvirt made. */
static void test_as_libvirt(void **state)
{
        assert_in_range(each_domain(expect_same), 90, 1000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_canonical),
                cmocka_unit_test(test_as_libvirt),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
