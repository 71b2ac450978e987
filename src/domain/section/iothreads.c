/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/iothreads.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/plan.h"
#include "domain/value.h"

#define IOTHREADS_MAX 4096

/* -1: not said */
typedef struct Pool {
        int64_t min, max;
} Pool;

typedef struct Iothread {
        XmlElement *element; /* NULL: of those that are only counted */
        uint64_t id;
        Pool pool;
        bool polls;
        int64_t poll_max, poll_grow, poll_shrink; /* ns, and two factors */
} Iothread;

typedef struct Iothreads {
        XmlElement *number, *main; /* <iothreads>, <defaultiothread>; NULL: not there */
        Iothread *items;
        size_t n;
        Pool main_pool;
} Iothreads;

static Iothreads *iothreads_of(const Domain *domain)
{
        return domain_section(domain, &section_iothreads)->data;
}

static bool is_taken(const Iothreads *iothreads, uint64_t id)
{
        for (size_t i = 0; i < iothreads->n; i++)
                if (iothreads->items[i].id == id)
                        return true;
        return false;
}

bool iothread_exists(const Domain *domain, unsigned number)
{
        return number > 0 && is_taken(iothreads_of(domain), number);
}

/* --- reading ------------------------------------------------------------------------------------- */

static int64_t read_or_none(Domain *domain, XmlElement *element, const char *attribute, uint64_t max)
{
        uint64_t value;

        return read_uint(domain->xml, element, attribute, max, &value) > 0 ? (int64_t)value : -1;
}

static Pool read_pool(Domain *domain, XmlElement *element)
{
        Pool pool = {read_or_none(domain, element, "thread_pool_min", INT32_MAX),
                     read_or_none(domain, element, "thread_pool_max", INT32_MAX)};

        if (pool.max == 0 || (pool.max > 0 && pool.min > pool.max))
                xml_fault(domain->xml, FAULT_ERROR, element, "thread_pool_max",
                          _("A pool has at least one thread, and at least thread_pool_min= of them."));
        return pool;
}

static void read_polling(Domain *domain, Iothread *iothread)
{
        XmlElement *poll = xml_child(iothread->element, "poll");

        iothread->poll_max = iothread->poll_grow = iothread->poll_shrink = -1;
        iothread->polls = poll != NULL;
        if (!poll)
                return;
        iothread->poll_max = read_or_none(domain, poll, "max", INT64_MAX);
        iothread->poll_grow = read_or_none(domain, poll, "grow", INT64_MAX);
        iothread->poll_shrink = read_or_none(domain, poll, "shrink", INT64_MAX);
}

static int append(Iothreads *iothreads, Iothread item)
{
        Iothread *grown = reallocarray(iothreads->items, iothreads->n + 1, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        iothreads->items = grown;
        grown[iothreads->n++] = item;
        return 0;
}

static int read_one(Domain *domain, Iothreads *iothreads, XmlElement *element)
{
        Iothread item = {.element = element};

        read_uint(domain->xml, element, "id", INT32_MAX, &item.id);
        if (item.id == 0 || is_taken(iothreads, item.id)) {
                xml_fault(domain->xml, FAULT_ERROR, element, "id",
                          _("A thread has a number of its own, from 1 on."));
                return 0;
        }
        item.pool = read_pool(domain, element);
        read_polling(domain, &item);
        return append(iothreads, item);
}

/* Those that have no element get the numbers that are free, from 1 on. */
static int fill_up(Iothreads *iothreads, uint64_t number)
{
        Iothread item = {.id = 1, .pool = {-1, -1}};

        while (iothreads->n < number) {
                while (is_taken(iothreads, item.id))
                        item.id++;
                if (append(iothreads, item) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int read_iothreads(Domain *domain, Part *part)
{
        XmlElement *ids = xml_child(part->element, "iothreadids"), *element = NULL;
        Iothreads *iothreads = part->data;
        uint64_t number = 0;
        int r = 0;

        iothreads->main_pool = (Pool){-1, -1};
        iothreads->number = xml_child(part->element, "iothreads");
        iothreads->main = xml_child(part->element, "defaultiothread");
        if (iothreads->number)
                read_number(domain->xml, iothreads->number, IOTHREADS_MAX, &number);
        while (r >= 0 && ids && (element = xml_next(ids, "iothread", element)))
                r = read_one(domain, iothreads, element);
        if (iothreads->main)
                iothreads->main_pool = read_pool(domain, iothreads->main);
        return r < 0 ? r : fill_up(iothreads, number);
}

static int complete(Domain *domain, Part *part)
{
        Iothreads *iothreads = part->data;
        CLEANUP(free) char *text = text_format("%zu", iothreads->n);
        int r = 0;

        if (!text)
                return -ENOMEM;
        if (iothreads->n > 0 && !iothreads->number)
                r = xml_ensure(part->element, "iothreads", &iothreads->number);
        return r < 0 || !iothreads->number ? r : xml_set_text(iothreads->number, text);
}

static void clear(Part *part)
{
        Iothreads *iothreads = part->data;

        free(iothreads->items);
}

/* --- the plan ------------------------------------------------------------------------------------ */

static int add_if_said(json_object *object, const char *name, int64_t value)
{
        return value < 0 ? 0 : json_add_int(object, name, value);
}

static int add_pool(json_object *object, const Pool *pool)
{
        int r = add_if_said(object, "thread-pool-min", pool->min);

        return r < 0 ? r : add_if_said(object, "thread-pool-max", pool->max);
}

static void check_features(Plan *plan, const Part *part, const Iothread *iothread)
{
        if ((iothread->pool.min >= 0 || iothread->pool.max >= 0) &&
            !plan_has(plan, part, "iothread-thread-pool", /* driver= */ NULL,
                      _("the number of its workers is set"), /* if_not= */ NULL))
                plan_fault(plan, iothread->element, /* attribute= */ NULL,
                           _("%s cannot bound the workers of a thread; QEMU 7.1 or newer can. Remove "
                             "thread_pool_min= and thread_pool_max=."),
                           domain_emulator_text(plan->domain));
        if (iothread->polls && !plan_has(plan, part, "iothread-polling", /* driver= */ NULL,
                                         _("how long it polls is set"), /* if_not= */ NULL))
                plan_fault(plan, iothread->element, /* attribute= */ NULL,
                           _("%s has no polling of threads (QEMU 2.9 or newer); remove <poll>."),
                           domain_emulator_text(plan->domain));
}

static int plan_iothread(Plan *plan, const Part *part, const Iothread *iothread)
{
        CLEANUP(free) char *id = text_format("iothread%llu", (unsigned long long)iothread->id);
        CLEANUP(json) json_object *object = json_object_new_object();
        int r;

        if (!id || !object)
                return -ENOMEM;
        check_features(plan, part, iothread);
        r = add_pool(object, &iothread->pool);
        if (r >= 0 && iothread->polls)
                r = add_if_said(object, "poll-max-ns", iothread->poll_max);
        if (r >= 0 && iothread->polls)
                r = add_if_said(object, "poll-grow", iothread->poll_grow);
        if (r >= 0 && iothread->polls)
                r = add_if_said(object, "poll-shrink", iothread->poll_shrink);
        return r < 0 ? r : plan_object(plan, part, "iothread", id, TAKE(object));
}

/* The emulator's own loop, which serves all that has no thread. */
static int plan_main(Plan *plan, const Part *part, const Iothreads *iothreads)
{
        CLEANUP(json) json_object *object = json_object_new_object();

        if (iothreads->main_pool.min < 0 && iothreads->main_pool.max < 0)
                return 0;
        if (!domain_has_type(plan->domain, "main-loop"))
                plan_fault(plan, iothreads->main, /* attribute= */ NULL,
                           _("%s has no main-loop (QEMU 7.1 or newer); remove <defaultiothread>."),
                           domain_emulator_text(plan->domain));
        if (!object || add_pool(object, &iothreads->main_pool) < 0)
                return -ENOMEM;
        return plan_object(plan, part, "main-loop", "main-loop", TAKE(object));
}

static int plan(Plan *plan, Part *part)
{
        const Iothreads *iothreads = part->data;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < iothreads->n; i++)
                r = plan_iothread(plan, part, &iothreads->items[i]);
        return r < 0 ? r : plan_main(plan, part, iothreads);
}

const PartKind section_iothreads = {
        .name = "iothreads",
        .size = sizeof(Iothreads),
        .read = read_iothreads,
        .complete = complete,
        .plan = plan,
        .clear = clear,
};
