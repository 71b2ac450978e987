/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/clock.h"

#include <errno.h>
#include <time.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/section/clock-private.h"
#include "domain/section/general.h"
#include "domain/section/os.h"
#include "domain/value.h"

#define SECONDS_MAX INT64_C(253402300799) /* the end of the year 9999 */

static const char *const offsets[] = {
        [CLOCK_UTC] = "utc",           [CLOCK_LOCALTIME] = "localtime", [CLOCK_VARIABLE] = "variable",
        [CLOCK_TIMEZONE] = "timezone", [CLOCK_ABSOLUTE] = "absolute",   [_CLOCK_OFFSETS] = NULL,
};

/* --- reading ------------------------------------------------------------------------------------- */

static int read_seconds(Domain *domain, XmlElement *element, const char *name, int64_t *ret)
{
        const char *text = xml_attribute(element, name), *digits;
        uint64_t number;

        if (!text)
                return 0;
        digits = text[0] == '-' || text[0] == '+' ? text + 1 : text;
        if (value_uint(digits, SECONDS_MAX, &number) < 0) {
                xml_fault(domain->xml, FAULT_ERROR, element, name,
                          _("This is no number of seconds; give a whole one, with '-' if it is before."));
                return -EINVAL;
        }
        *ret = text[0] == '-' ? -(int64_t)number : (int64_t)number;
        return 1;
}

/* A number makes a variable offset of either of the other two: it is one that begins there. */
static void read_adjustment(Domain *domain, XmlElement *element, Clock *clock)
{
        bool reset = streq_ptr(xml_attribute(element, "adjustment"), "reset");

        if (reset && clock->offset != CLOCK_VARIABLE)
                return;
        if (read_seconds(domain, element, "adjustment", &clock->adjustment) <= 0 ||
            clock->offset == CLOCK_VARIABLE)
                return;
        clock->local = clock->offset == CLOCK_LOCALTIME;
        clock->offset = CLOCK_VARIABLE;
}

/* It becomes a variable of the environment, and what libc opens below /usr/share/zoneinfo. */
static bool is_timezone(const char *name)
{
        for (const char *c = name; *c; c++)
                if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_/", *c))
                        return false;
        return *name && *name != '/';
}

static int read_offset(Domain *domain, XmlElement *element, Clock *clock)
{
        static const char *const bases[] = {"utc", "localtime", NULL};
        int base = 0, r = 0;

        read_word(domain->xml, element, "offset", offsets, &clock->offset);
        switch (clock->offset) {
        case CLOCK_VARIABLE:
                read_word(domain->xml, element, "basis", bases, &base);
                clock->local = base == 1;
                __attribute__((fallthrough));
        case CLOCK_UTC:
        case CLOCK_LOCALTIME:
                read_adjustment(domain, element, clock);
                break;
        case CLOCK_TIMEZONE:
                r = read_text(domain->xml, element, "timezone", &clock->timezone);
                if (r >= 0 && !is_timezone(clock->timezone ?: ""))
                        xml_fault(domain->xml, FAULT_ERROR, element, "timezone",
                                  _("Which time zone? Give timezone='Europe/Berlin' or another name of "
                                    "that kind."));
                break;
        default:
                if (read_seconds(domain, element, "start", &clock->start) == 0)
                        xml_fault(domain->xml, FAULT_ERROR, element, "start",
                                  _("Where does the clock start? Give start=… in seconds since 1970."));
        }
        return r;
}

static int read_clock(Domain *domain, Part *part)
{
        Clock *clock = part->data;
        int r;

        clock->element = xml_child(part->element, "clock");
        if (!clock->element)
                return 0;
        r = read_offset(domain, clock->element, clock);
        if (r >= 0)
                clock_read_timers(domain, clock);
        return r < 0 ? r : 0;
}

const Clock *clock_of(const Domain *domain)
{
        return domain_section(domain, &section_clock)->data;
}

/* --- completing ---------------------------------------------------------------------------------- */

static int complete(Domain *domain, Part *part)
{
        Clock *clock = part->data;
        int r = 0;

        if (!clock->element)
                r = xml_add(part->element, "clock", /* text= */ NULL, &clock->element);
        if (r >= 0)
                r = xml_set(clock->element, "offset", offsets[clock->offset]);
        if (r >= 0 && clock->offset == CLOCK_VARIABLE)
                r = xml_setf(clock->element, "adjustment", "%lld", (long long)clock->adjustment);
        if (r >= 0 && clock->offset == CLOCK_VARIABLE)
                r = xml_set(clock->element, "basis", clock->local ? "localtime" : "utc");
        if (r >= 0 && domain->faults->n_errors == 0)
                clock_check_timers(domain, clock);
        return r;
}

/* --- planning ------------------------------------------------------------------------------------ */

static int add_time(json_object *rtc, int64_t seconds)
{
        char text[64];
        struct tm when;
        time_t time = (time_t)seconds;

        if (seconds < 0 || seconds > SECONDS_MAX || !gmtime_r(&time, &when) ||
            strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &when) == 0)
                return -EINVAL;
        return json_add_string(rtc, "base", text);
}

/* The time that it is now, moved; QEMU knows no offset. */
static int add_moved(const Domain *domain, const Clock *clock, json_object *rtc)
{
        const DomainHost *host = domain->host;
        int64_t now = host->now ? host->now(host) : (int64_t)time(NULL);
        time_t local = (time_t)now;
        struct tm when;

        if (clock->local && localtime_r(&local, &when))
                now += when.tm_gmtoff;
        return add_time(rtc, now + clock->adjustment);
}

static int add_base(Plan *plan, const Clock *clock, json_object *rtc)
{
        int r;

        switch (clock->offset) {
        case CLOCK_TIMEZONE:
                r = plan_environment(plan, "TZ", clock->timezone);
                return r < 0 ? r : json_add_string(rtc, "base", "localtime");
        case CLOCK_ABSOLUTE:
                return add_time(rtc, clock->start);
        case CLOCK_VARIABLE:
                if (clock->adjustment != 0)
                        return add_moved(plan->domain, clock, rtc);
                return json_add_string(rtc, "base", clock->local ? "localtime" : "utc");
        default:
                return json_add_string(rtc, "base", clock->offset == CLOCK_LOCALTIME ? "localtime" : "utc");
        }
}

static int plan(Plan *plan, Part *part)
{
        CLEANUP(json) json_object *rtc = json_object_new_object();
        const Clock *clock = part->data;
        int r;

        r = rtc ? add_base(plan, clock, rtc) : -ENOMEM;
        if (r == -EINVAL) {
                plan_fault(
                        plan, clock->element, /* attribute= */ NULL,
                        _("The guest's clock would begin before 1970 or after 9999; give a time between."));
                return 0;
        }
        if (r >= 0)
                r = clock_add_rtc(plan->domain, clock, rtc);
        if (r >= 0)
                r = plan_properties(plan, part, "-rtc", TAKE(rtc));
        return r < 0 ? r : clock_plan_timers(plan, clock);
}

static void clear(Part *part)
{
        Clock *clock = part->data;

        free(clock->timezone);
}

const PartKind section_clock = {
        .name = "clock",
        .size = sizeof(Clock),
        .read = read_clock,
        .complete = complete,
        .plan = plan,
        .clear = clear,
};
