/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/events.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/plan.h"
#include "domain/value.h"

/*
 * The emulator never ends by itself: with -no-shutdown a guest that powers off or crashes leaves it paused,
 * and whoever runs it sees the event (SHUTDOWN with its reason, GUEST_PANICKED) and does what is recorded in
 * the plan as "lifecycle". So every pair of actions is possible, unlike with libvirt, which has no way to
 * keep a domain that has powered off ("preserve"). A reset does not come by: if it is anything else than a
 * restart, -no-reboot makes it a shutdown whose reason is "guest-reset".
 */

typedef struct Event {
        const char *name, *fallback;
} Event;

static const Event events[] = {
        {"on_poweroff", "destroy"}, {"on_reboot", "restart"}, {"on_crash", "destroy"}};

#define EVENT_REBOOT 1
#define EVENT_CRASH  2

static const char *const actions[] = {
        "destroy", "restart", "preserve", "coredump-destroy", "coredump-restart", NULL,
};

#define ACTION_COREDUMP 3 /* from here on of a crash alone */

typedef struct Events {
        XmlElement *elements[ELEMENTSOF(events)];
        const char *actions[ELEMENTSOF(events)]; /* of the words above */
        char *lock_failure;                      /* NULL: not said */
} Events;

static void report_action(Domain *domain, XmlElement *element, const char *action, bool crash)
{
        if (streq(action, "rename-restart"))
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("Muster gives no domain another name while it restarts; give restart."));
        else
                xml_fault(
                        domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                        crash ? _("This is no action: give destroy, restart, preserve, coredump-destroy or "
                                  "coredump-restart.")
                              : _("This is no action: give destroy, restart or preserve."));
}

static int read_event(Domain *domain, Part *part, size_t i)
{
        Events *data = part->data;
        CLEANUP(free) char *text = NULL;
        int action;

        data->elements[i] = xml_child(part->element, events[i].name);
        data->actions[i] = events[i].fallback;
        if (!data->elements[i])
                return 0;
        text = xml_text(data->elements[i]);
        if (!text)
                return -ENOMEM;
        action = value_word(text, actions);
        if (action < 0 || (action >= ACTION_COREDUMP && i != EVENT_CRASH))
                report_action(domain, data->elements[i], text, i == EVENT_CRASH);
        else
                data->actions[i] = actions[action];
        return 0;
}

/* Only a lock manager can lose a lock. */
static int read_lock_failure(Domain *domain, Part *part)
{
        static const char *const words[] = {"poweroff", "restart", "pause", "ignore", NULL};
        XmlElement *element = xml_child(part->element, "on_lockfailure");
        Events *data = part->data;

        if (!element)
                return 0;
        data->lock_failure = xml_text(element);
        if (!data->lock_failure)
                return -ENOMEM;
        if (value_word(data->lock_failure, words) < 0)
                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                          _("This is no action: give poweroff, restart, pause or ignore."));
        else
                xml_fault(domain->xml, FAULT_WARNING, element, /* attribute= */ NULL,
                          _("Muster has no lock manager whose locks could be lost, so this will never come "
                            "into effect."));
        return 0;
}

static int read_events(Domain *domain, Part *part)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(events); i++)
                r = read_event(domain, part, i);
        return r < 0 ? r : read_lock_failure(domain, part);
}

static int complete(Domain *domain, Part *part)
{
        Events *data = part->data;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(events); i++)
                if (!data->elements[i])
                        r = xml_add(part->element, events[i].name, data->actions[i], &data->elements[i]);
        return r;
}

static int plan(Plan *plan, Part *part)
{
        const Events *data = part->data;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(events); i++)
                r = json_add_string(plan->lifecycle, events[i].name, data->actions[i]);
        if (r >= 0 && data->lock_failure)
                r = json_add_string(plan->lifecycle, "on_lockfailure", data->lock_failure);
        if (r >= 0 && !streq(data->actions[EVENT_REBOOT], "restart"))
                r = plan_option(plan, "-no-reboot", NULL);
        return r < 0 ? r : plan_option(plan, "-no-shutdown", NULL);
}

static void clear(Part *part)
{
        Events *data = part->data;

        free(data->lock_failure);
}

const PartKind section_events = {
        .name = "events",
        .size = sizeof(Events),
        .read = read_events,
        .complete = complete,
        .plan = plan,
        .clear = clear,
};
