/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/memory-backing.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/section/numatune.h"
#include "domain/value.h"

/*
 * libvirt makes files on a hugetlbfs, and in a directory of its own for shared memory. Here it is memfd for
 * both: it needs no mount and no permission, and leaves nothing behind. What libvirt asks of a file on
 * top of that comes with it: there is nothing to be discarded when the emulator ends.
 */

static int read_page(Domain *domain, XmlElement *element, MemoryBacking *backing)
{
        HugePage *grown = reallocarray(backing->pages, backing->n_pages + 1, sizeof(*grown)), *page;
        const char *size = xml_attribute(element, "size"), *unit = xml_attribute(element, "unit");

        if (!grown)
                return -ENOMEM;
        backing->pages = grown;
        page = &grown[backing->n_pages++];
        *page = (HugePage){};
        if (!size || value_size(size, unit, 1024, &page->size) < 0 || page->size < 1024 ||
            (page->size & (page->size - 1)))
                xml_fault(domain->xml, FAULT_ERROR, element, "size",
                          _("A size of pages is a power of two that the host has, as in size='2' "
                            "unit='MiB'."));
        cpuset_read(domain->xml, element, "nodeset", NUMA_CELLS_MAX - 1, &page->cells);
        return 0;
}

static int read_pages(Domain *domain, MemoryBacking *backing)
{
        XmlElement *list = xml_child(backing->element, "hugepages"), *page = NULL;
        int r = 0;

        backing->huge = list != NULL;
        while (r >= 0 && list && (page = xml_next(list, "page", page)))
                r = read_page(domain, page, backing);
        return r;
}

static void read_allocation(Domain *domain, XmlElement *element, MemoryBacking *backing)
{
        static const char *const modes[] = {"ondemand", "immediate", NULL};
        int mode = 0;

        read_word(domain->xml, element, "mode", modes, &mode);
        backing->immediate = mode == 1;
        read_uint(domain->xml, element, "threads", UINT16_MAX, &backing->threads);
}

int memory_backing_read(Domain *domain, XmlElement *element, MemoryBacking *ret)
{
        static const char *const sources[] = {"anonymous", "file", "memfd", NULL};
        static const char *const accesses[] = {"shared", "private", NULL};
        XmlElement *source, *access, *allocation;
        int number;

        *ret = (MemoryBacking){.element = element};
        if (!element)
                return 0;
        source = xml_child(element, "source");
        access = xml_child(element, "access");
        allocation = xml_child(element, "allocation");
        number = MEMORY_ANONYMOUS;
        if (source)
                read_word(domain->xml, source, "type", sources, &number);
        ret->source = (MemorySource)number;
        if (access && read_word(domain->xml, access, "mode", accesses, &number) > 0)
                ret->access = number == 0 ? MEMORY_ACCESS_SHARED : MEMORY_ACCESS_PRIVATE;
        if (allocation)
                read_allocation(domain, allocation, ret);
        ret->unmerged = xml_child(element, "nosharepages") != NULL;
        ret->locked = xml_child(element, "locked") != NULL;
        ret->discard = xml_child(element, "discard") != NULL;
        return read_pages(domain, ret);
}

void memory_backing_clear(MemoryBacking *backing)
{
        for (size_t i = 0; i < backing->n_pages; i++)
                cpuset_clear(&backing->pages[i].cells);
        free(backing->pages);
        *backing = (MemoryBacking){};
}

static MemoryAccess access_of(const MemoryBacking *backing, const NumaCell *cell)
{
        return cell && cell->access != MEMORY_ACCESS_DEFAULT ? cell->access : backing->access;
}

bool memory_backing_is_shared(const MemoryBacking *backing, const NumaCell *cell)
{
        MemoryAccess access = access_of(backing, cell);

        return access == MEMORY_ACCESS_SHARED ||
               (access == MEMORY_ACCESS_DEFAULT && backing->source == MEMORY_MEMFD);
}

bool memory_backing_is_special(const MemoryBacking *backing)
{
        return backing->huge || backing->immediate || backing->source != MEMORY_ANONYMOUS ||
               backing->access == MEMORY_ACCESS_SHARED;
}

/* --- the plan ------------------------------------------------------------------------------------ */

/* Whether the cell has huge pages, and of which size (0: the host's default). */
static bool find_huge(const MemoryBacking *backing, int cell, uint64_t *ret_size)
{
        const HugePage *found = NULL;

        *ret_size = 0;
        if (!backing->huge || backing->n_pages == 0)
                return backing->huge;
        for (size_t i = 0; i < backing->n_pages; i++) {
                const HugePage *page = &backing->pages[i];

                if (page->cells.n == 0 ? !found : cell >= 0 && cpuset_has(&page->cells, (unsigned)cell))
                        found = page;
        }
        if (found)
                *ret_size = found->size;
        /* 4 KiB says: none for these cells. */
        return found && found->size > 4096;
}

static int add_huge(Plan *plan, const Part *part, const MemoryBacking *backing, uint64_t size,
                    json_object *object)
{
        if (!plan_has(plan, part, "memfd-hugetlb", /* driver= */ NULL, _("huge pages are those of a memfd"),
                      /* if_not= */ NULL))
                plan_fault(plan, backing->element, /* attribute= */ NULL,
                           _("%s has no memory-backend-memfd with huge pages (QEMU 2.12 or newer, Linux "
                             "4.14); remove <hugepages>."),
                           domain_emulator_text(plan->domain));
        if (json_add_bool(object, "hugetlb", true) < 0)
                return -ENOMEM;
        return size > 0 ? json_add_int(object, "hugetlbsize", (int64_t)size) : 0;
}

/* The emulator makes a file without a name in this directory. */
static int add_file(Plan *plan, bool discard, json_object *object)
{
        CLEANUP(free) char *directory = plan_state_path(plan, "ram");

        if (!directory || json_add_string(object, "mem-path", directory) < 0 ||
            (discard && json_add_bool(object, "discard-data", true) < 0))
                return -ENOMEM;
        return plan_file(plan, PLAN_FILE_DIRECTORY, directory, /* from= */ NULL, _("the guest's memory"));
}

static int add_allocation(const MemoryBacking *backing, bool huge, json_object *object)
{
        /* A guest that finds no huge page is killed while it runs: rather now. */
        if ((huge || backing->immediate) && json_add_bool(object, "prealloc", true) < 0)
                return -ENOMEM;
        return backing->threads > 0 ? json_add_int(object, "prealloc-threads", (int64_t)backing->threads)
                                    : 0;
}

static const char *choose_type(Plan *plan, const MemoryBacking *backing, bool huge, bool shared)
{
        if (huge)
                return "memory-backend-memfd";
        if (backing->source == MEMORY_FILE)
                return "memory-backend-file";
        if (backing->source != MEMORY_MEMFD && !shared)
                return "memory-backend-ram";
        if (!domain_has_type(plan->domain, "memory-backend-memfd"))
                plan_fault(plan, backing->element, /* attribute= */ NULL,
                           _("%s has no memory-backend-memfd (QEMU 2.12 or newer, on Linux); give <source "
                             "type='file'/>."),
                           domain_emulator_text(plan->domain));
        return "memory-backend-memfd";
}

int memory_backing_plan(Plan *plan, const Part *part, const MemoryBacking *backing, const char *id,
                        uint64_t bytes, int cell)
{
        const Numa *numa = domain_numa(plan->domain);
        const NumaCell *node = cell >= 0 && (size_t)cell < numa->n ? &numa->cells[cell] : NULL;
        bool shared = memory_backing_is_shared(backing, node);
        bool discard = node && node->discard >= 0 ? node->discard != 0 : backing->discard;
        CLEANUP(json) json_object *object = json_object_new_object();
        uint64_t page;
        bool huge = find_huge(backing, cell, &page);
        const char *type = choose_type(plan, backing, huge, shared);
        int r = 0;

        if (!object)
                return -ENOMEM;
        if (huge)
                r = add_huge(plan, part, backing, page, object);
        else if (streq(type, "memory-backend-file"))
                r = add_file(plan, discard, object);
        /* For memfd the emulator's default is shared, for others it is not. */
        if (r >= 0 && !streq(type, "memory-backend-ram"))
                r = json_add_bool(object, "share", shared);
        if (r >= 0)
                r = add_allocation(backing, huge, object);
        if (r >= 0)
                r = json_add_int(object, "size", (int64_t)bytes);
        if (r >= 0)
                r = numatune_add_backend(plan->domain, cell, object);
        return r < 0 ? r : plan_object(plan, part, type, id, TAKE(object));
}
