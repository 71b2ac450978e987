/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/tune.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/cpuset.h"
#include "domain/plan.h"
#include "domain/section/iothreads.h"
#include "domain/section/vcpu.h"
#include "domain/value.h"

typedef enum Thread {
        THREAD_VCPU,
        THREAD_IOTHREAD,
        THREAD_EMULATOR,
        _THREADS,
} Thread;

static const struct {
        const char *name, *pin, *pin_id, *sched, *sched_ids;
} threads[_THREADS] = {
        [THREAD_VCPU] = {"vcpu", "vcpupin", "vcpu", "vcpusched", "vcpus"},
        [THREAD_IOTHREAD] = {"iothread", "iothreadpin", "iothread", "iothreadsched", "iothreads"},
        [THREAD_EMULATOR] = {"emulator", "emulatorpin", NULL, "emulatorsched", NULL},
};

/* What a systemd unit does about the same; NULL: there is nothing like it. */
typedef struct Limit {
        const char *parent, *name, *remedy;
} Limit;

static const Limit limits[] = {
        {"cputune", "shares", "CPUWeight="},
        {"cputune", "period", "CPUQuotaPeriodSec="},
        {"cputune", "quota", "CPUQuota="},
        {"cputune", "global_period", "CPUQuotaPeriodSec="},
        {"cputune", "global_quota", "CPUQuota="},
        {"cputune", "emulator_period", "CPUQuotaPeriodSec="},
        {"cputune", "emulator_quota", "CPUQuota="},
        {"cputune", "iothread_period", "CPUQuotaPeriodSec="},
        {"cputune", "iothread_quota", "CPUQuota="},
        {"cputune", "cachetune", NULL},
        {"cputune", "memorytune", NULL},
        {"memtune", "hard_limit", "MemoryMax="},
        {"memtune", "soft_limit", "MemoryHigh="},
        {"memtune", "swap_hard_limit", "MemorySwapMax="},
        {"memtune", "min_guarantee", "MemoryMin="},
        {"blkiotune", "weight", "IOWeight="},
        {"blkiotune", "device", "IOReadBandwidthMax="},
        {"resource", "partition", "Slice="},
        {"resource", "fibrechannel", NULL},
        {NULL, "idmap", "User="},
};

/* --- limits -------------------------------------------------------------------------------------- */

/* What libvirt writes where nothing was asked for, or what is no limit. */
static bool says_nothing(const Limit *limit, XmlElement *element)
{
        CLEANUP(free) char *text = xml_text(element);

        if (!text)
                return false;
        if (streq(limit->name, "partition"))
                return streq(text, "/machine") || streq(text, "/machine.slice");
        if (strstr(limit->name, "quota"))
                return text[0] == '-';
        /* 9007199254740991 KiB: libvirt's "unlimited". */
        return limit->parent && streq(limit->parent, "memtune") && streq(text, "9007199254740991");
}

/* A period without a quota bounds nothing. */
static bool is_idle_period(const Limit *limit, XmlElement *parent)
{
        const char *end = strstr(limit->name, "period");
        CLEANUP(free) char *quota = NULL, *text = NULL;
        XmlElement *element;

        if (!end)
                return false;
        quota = text_format("%.*squota", (int)(end - limit->name), limit->name);
        element = quota ? xml_child(parent, quota) : NULL;
        text = element ? xml_text(element) : NULL;
        return !element || (text && text[0] == '-');
}

static void read_limit(Domain *domain, XmlElement *root, const Limit *limit)
{
        XmlElement *parent = limit->parent ? xml_child(root, limit->parent) : root, *element = NULL;

        while (parent && (element = xml_next(parent, limit->name, element))) {
                bool idle = says_nothing(limit, element) || is_idle_period(limit, parent);

                xml_mark_all(element);
                if (idle)
                        continue;
                if (limit->remedy)
                        xml_fault(
                                domain->xml, FAULT_COSMETIC, element, /* attribute= */ NULL,
                                _("Limits are a matter of control groups, and muster makes none; set %s of "
                                  "the systemd unit or slice that it runs in, and remove this."),
                                limit->remedy);
                else
                        xml_fault(domain->xml, FAULT_COSMETIC, element, /* attribute= */ NULL,
                                  _("Limits are a matter of control groups, and muster makes none; remove "
                                    "this."));
        }
}

/* --- threads ------------------------------------------------------------------------------------- */

static bool exists(const Domain *domain, Thread thread, unsigned id)
{
        switch (thread) {
        case THREAD_VCPU:
                return id < vcpu_max(domain);
        case THREAD_IOTHREAD:
                return iothread_exists(domain, id);
        default:
                return true;
        }
}

static void check_ids(Domain *domain, Thread thread, XmlElement *element, const char *attribute,
                      const Cpuset *ids)
{
        for (size_t i = 0; i < ids->n; i++)
                if (!exists(domain, thread, ids->items[i])) {
                        xml_fault(domain->xml, FAULT_ERROR, element, attribute,
                                  thread == THREAD_VCPU ? _("The domain has no processor %u.")
                                                        : _("The domain has no I/O thread %u."),
                                  ids->items[i]);
                        return;
                }
}

/* The number of the thread that is pinned, or those that are scheduled: all of them where nothing is said.
 */
static int read_ids(Domain *domain, Thread thread, XmlElement *element, const char *attribute, Cpuset *ret)
{
        int r;

        if (!attribute)
                return 0;
        r = cpuset_read(domain->xml, element, attribute, INT16_MAX, ret);
        if (r == 0)
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("Which threads is this about? Add %s=."), attribute);
        check_ids(domain, thread, element, attribute, ret);
        return r;
}

static void read_pins(Domain *domain, XmlElement *cputune, Thread thread)
{
        XmlElement *element = NULL;

        while ((element = xml_next(cputune, threads[thread].pin, element))) {
                Cpuset ids = {}, cpus = {};

                read_ids(domain, thread, element, threads[thread].pin_id, &ids);
                if (cpuset_read(domain->xml, element, "cpuset", CPUSET_MAX, &cpus) == 0)
                        xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                                  _("On which processors of the host does it run? Add cpuset=."));
                cpuset_clear(&ids);
                cpuset_clear(&cpus);
        }
}

static void read_scheds(Domain *domain, XmlElement *cputune, Thread thread)
{
        static const char *const names[] = {"batch", "idle", "fifo", "rr", NULL};
        XmlElement *element = NULL;

        while ((element = xml_next(cputune, threads[thread].sched, element))) {
                Cpuset ids = {};
                int name = -1;
                uint64_t priority = 0;

                read_ids(domain, thread, element, threads[thread].sched_ids, &ids);
                read_word(domain->xml, element, "scheduler", names, &name);
                read_uint(domain->xml, element, "priority", 99, &priority);
                if (name < 0 || (name >= 2) != (priority > 0))
                        xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                                  _("A thread is scheduled as batch or idle, or as fifo or rr with "
                                    "priority= from 1 to 99."));
                cpuset_clear(&ids);
        }
}

static int read_tune(Domain *domain, Part *part)
{
        /* Of all that these contain something is said. */
        static const char *const parents[] = {"cputune", "memtune", "blkiotune", "resource"};

        for (size_t i = 0; i < ELEMENTSOF(parents); i++)
                xml_child(part->element, parents[i]);
        for (size_t i = 0; i < ELEMENTSOF(limits); i++)
                read_limit(domain, part->element, &limits[i]);
        for (Thread thread = 0; thread < _THREADS; thread++) {
                XmlElement *cputune = xml_child(part->element, "cputune");

                if (!cputune)
                        break;
                read_pins(domain, cputune, thread);
                read_scheds(domain, cputune, thread);
        }
        return 0;
}

/* --- the plan ------------------------------------------------------------------------------------ */

static json_object *new_thread(Thread thread, int id)
{
        CLEANUP(json) json_object *object = json_object_new_object();

        if (!object || json_add_string(object, "thread", threads[thread].name) < 0 ||
            (thread != THREAD_EMULATOR && json_add_int(object, "id", id) < 0))
                return NULL;
        return TAKE(object);
}

static int plan_cpus(Plan *plan, Thread thread, unsigned id, const char *cpus)
{
        CLEANUP(json) json_object *object = new_thread(thread, (int)id);

        if (!object || json_add_string(object, "cpus", cpus) < 0)
                return -ENOMEM;
        return plan_affinity(plan, TAKE(object));
}

/* The element that pins a thread; NULL. */
static XmlElement *find_pin(XmlElement *cputune, Thread thread, unsigned id)
{
        XmlElement *element = NULL;

        while (cputune && (element = xml_next(cputune, threads[thread].pin, element))) {
                uint64_t number = id;

                if (threads[thread].pin_id)
                        value_uint(xml_attribute(element, threads[thread].pin_id) ?: "", UINT32_MAX,
                                   &number);
                if (number == id)
                        return element;
        }
        return NULL;
}

/* What is pinned itself is there; the rest of processors and the emulator where <vcpu cpuset=> says. */
static int plan_thread(Plan *plan, XmlElement *cputune, Thread thread, unsigned id, const char *fallback)
{
        XmlElement *pin = find_pin(cputune, thread, id);

        if (pin)
                return plan_cpus(plan, thread, id, xml_attribute(pin, "cpuset"));
        return *fallback ? plan_cpus(plan, thread, id, fallback) : 0;
}

static int plan_sched(Plan *plan, XmlElement *element, Thread thread, unsigned id)
{
        CLEANUP(json) json_object *object = new_thread(thread, (int)id);
        uint64_t priority = 0;

        if (!object || json_add_string(object, "scheduler", xml_attribute(element, "scheduler")) < 0)
                return -ENOMEM;
        read_uint(plan->domain->xml, element, "priority", 99, &priority);
        if (priority > 0 && json_add_int(object, "priority", (int64_t)priority) < 0)
                return -ENOMEM;
        return plan_affinity(plan, TAKE(object));
}

static int plan_scheds(Plan *plan, XmlElement *cputune, Thread thread)
{
        XmlElement *element = NULL;
        int r = 0;

        while (r >= 0 && cputune && (element = xml_next(cputune, threads[thread].sched, element))) {
                Cpuset ids = {};

                if (threads[thread].sched_ids)
                        cpuset_read(plan->domain->xml, element, threads[thread].sched_ids, INT16_MAX, &ids);
                else if (cpuset_add(&ids, 0) < 0)
                        r = -ENOMEM;
                for (size_t i = 0; r >= 0 && i < ids.n; i++)
                        r = plan_sched(plan, element, thread, ids.items[i]);
                cpuset_clear(&ids);
        }
        return r;
}

static int plan_iothreads(Plan *plan, XmlElement *cputune)
{
        XmlElement *element = NULL;
        int r = 0;

        while (r >= 0 && cputune && (element = xml_next(cputune, "iothreadpin", element))) {
                uint64_t id = 0;

                value_uint(xml_attribute(element, "iothread") ?: "", UINT32_MAX, &id);
                r = plan_cpus(plan, THREAD_IOTHREAD, (unsigned)id, xml_attribute(element, "cpuset"));
        }
        return r;
}

static int plan(Plan *plan, Part *part)
{
        XmlElement *cputune = xml_child(part->element, "cputune");
        CLEANUP(free) char *fallback = cpuset_to_text(vcpu_cpuset(plan->domain));
        int r;

        if (!fallback)
                return -ENOMEM;
        r = plan_thread(plan, cputune, THREAD_EMULATOR, 0, fallback);
        for (unsigned id = 0; r >= 0 && id < vcpu_max(plan->domain) && (cputune || *fallback); id++)
                r = plan_thread(plan, cputune, THREAD_VCPU, id, fallback);
        if (r >= 0)
                r = plan_iothreads(plan, cputune);
        for (Thread thread = 0; r >= 0 && thread < _THREADS; thread++)
                r = plan_scheds(plan, cputune, thread);
        return r;
}

const PartKind section_tune = {
        .name = "cputune",
        .size = 1,
        .read = read_tune,
        .plan = plan,
};
