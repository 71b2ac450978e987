/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/section/clock-private.h"
#include "domain/section/general.h"
#include "domain/section/os.h"
#include "domain/value.h"

static const char *const names[] = {
        [TIMER_RTC] = "rtc",
        [TIMER_PIT] = "pit",
        [TIMER_HPET] = "hpet",
        [TIMER_KVMCLOCK] = "kvmclock",
        [TIMER_HYPERVCLOCK] = "hypervclock",
        [TIMER_TSC] = "tsc",
        [TIMER_ARMVTIMER] = "armvtimer",
        [_TIMERS] = NULL,
};

enum {
        POLICY_DELAY,
        POLICY_CATCHUP,
        POLICY_MERGE,
        POLICY_DISCARD,
        _POLICIES,
};

enum {
        TRACK_BOOT,
        TRACK_GUEST,
        TRACK_WALL,
        TRACK_REALTIME,
        _TRACKS,
};

static const char *const policies[] = {
        [POLICY_DELAY] = "delay",     [POLICY_CATCHUP] = "catchup", [POLICY_MERGE] = "merge",
        [POLICY_DISCARD] = "discard", [_POLICIES] = NULL,
};

static const char *const tracks[] = {
        [TRACK_BOOT] = "boot",         [TRACK_GUEST] = "guest", [TRACK_WALL] = "wall",
        [TRACK_REALTIME] = "realtime", [_TRACKS] = NULL,
};

/* --- reading ------------------------------------------------------------------------------------- */

/* Xen has several ways to give a guest its TSC; under QEMU it is the processor's own. */
static void read_tsc(Domain *domain, XmlElement *element, Timer *timer)
{
        static const char *const modes[] = {"auto", "native", "emulate", "paravirt", "smpsafe", NULL};
        int mode = 0;

        read_uint(domain->xml, element, "frequency", UINT32_MAX * UINT64_C(1000), &timer->frequency);
        if (read_word(domain->xml, element, "mode", modes, &mode) > 0 && mode > 1)
                xml_fault(
                        domain->xml, FAULT_ERROR, element, "mode",
                        _("QEMU's guests have the processor's own TSC; give mode='native', or remove it."));
}

static void read_timer(Domain *domain, XmlElement *element, TimerName name, Timer *timer)
{
        bool present;

        if (timer->element) {
                xml_mark_all(element);
                xml_fault(domain->xml, FAULT_ERROR, element, "name",
                          _("The timer %s stands there twice; remove one."), names[name]);
                return;
        }
        timer->element = element;
        timer->present = read_switch(domain->xml, element, "present", &present) > 0 ? present : -1;
        timer->policy = timer->track = -1;
        if (name == TIMER_RTC || name == TIMER_PIT || name == TIMER_ARMVTIMER)
                read_word(domain->xml, element, "tickpolicy", policies, &timer->policy);
        if (name == TIMER_RTC)
                read_word(domain->xml, element, "track", tracks, &timer->track);
        if (name == TIMER_TSC)
                read_tsc(domain, element, timer);
}

void clock_read_timers(Domain *domain, Clock *clock)
{
        XmlElement *element = NULL;

        while ((element = xml_next(clock->element, "timer", element))) {
                int name = 0;

                if (read_word(domain->xml, element, "name", names, &name) > 0)
                        read_timer(domain, element, (TimerName)name, &clock->timers[name]);
                else {
                        if (!xml_attribute(element, "name"))
                                xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                                          _("Which timer? Add name=…."));
                        xml_mark_all(element);
                }
        }
}

/* --- checking ------------------------------------------------------------------------------------ */

static bool is_pc(const Domain *domain)
{
        PciMachine machine = os_pci_machine(domain);

        return machine == PCI_MACHINE_Q35 || machine == PCI_MACHINE_I440FX;
}

static bool is_microvm(const Domain *domain)
{
        return startswith(os_machine(domain), "microvm");
}

static bool is_off(const Timer *timer)
{
        return timer->element && timer->present == 0;
}

static void check_rtc(Domain *domain, const Timer *timer)
{
        if (timer->policy == POLICY_CATCHUP && !os_is_x86(domain))
                xml_fault(domain->xml, FAULT_COSMETIC, timer->element, "tickpolicy",
                          _("Only the real-time clock of a PC makes up for lost ticks; remove it."));
        if (timer->policy == POLICY_MERGE || timer->policy == POLICY_DISCARD)
                xml_fault(domain->xml, FAULT_COSMETIC, timer->element, "tickpolicy",
                          _("The real-time clock delays lost ticks or makes up for them; give delay or "
                            "catchup."));
        if (timer->track == TRACK_BOOT)
                xml_fault(domain->xml, FAULT_COSMETIC, timer->element, "track",
                          _("QEMU's real-time clock follows the guest's time, or the host's; give guest or "
                            "wall."));
        if (timer->present == 0 && !is_microvm(domain))
                xml_fault(domain->xml, FAULT_ERROR, timer->element, "present",
                          _("A machine of type %s always has a real-time clock; remove this."),
                          os_machine(domain));
}

/* KVM's PIT has two policies; the one that is emulated delays. */
static void check_pit(Domain *domain, const Timer *timer)
{
        if (timer->policy == POLICY_CATCHUP || timer->policy == POLICY_MERGE ||
            (timer->policy == POLICY_DISCARD && !domain_general(domain)->kvm))
                xml_fault(domain->xml, FAULT_COSMETIC, timer->element, "tickpolicy",
                          _("The PIT delays lost ticks, or with KVM discards them; give delay."));
}

/* Absent ones are no loss where there are none. */
static bool check_machine(Domain *domain, const Timer *timer, TimerName name, bool possible)
{
        if (!possible && timer->present != 0)
                xml_fault(domain->xml, FAULT_ERROR, timer->element, "name",
                          _("A machine of type %s has no timer %s; remove it."), os_machine(domain),
                          names[name]);
        return possible;
}

static void check_kvm(Domain *domain, const Timer *timer, TimerName name)
{
        if (timer->present != 0 && !domain_general(domain)->kvm)
                xml_fault(domain->xml, FAULT_COSMETIC, timer->element, "name",
                          _("Only KVM provides %s; remove it, or give <domain type='kvm'>."), names[name]);
}

static void check_arm_timer(Domain *domain, const Timer *timer)
{
        if (timer->present >= 0)
                xml_fault(domain->xml, FAULT_ERROR, timer->element, "present",
                          _("The timer armvtimer is always there; remove present=…."));
        if (timer->policy == POLICY_CATCHUP || timer->policy == POLICY_MERGE)
                xml_fault(domain->xml, FAULT_COSMETIC, timer->element, "tickpolicy",
                          _("The timer armvtimer delays lost ticks or discards them; give one of these."));
}

static void check_timer(Domain *domain, const Timer *timer, TimerName name)
{
        const char *arch = os_arch(domain);
        bool x86 = os_is_x86(domain), arm = streq(arch, "aarch64") || streq(arch, "arm");

        switch (name) {
        case TIMER_RTC:
                check_rtc(domain, timer);
                return;
        case TIMER_PIT:
                check_machine(domain, timer, name, x86);
                check_pit(domain, timer);
                return;
        case TIMER_HPET:
                check_machine(domain, timer, name, is_pc(domain));
                return;
        case TIMER_ARMVTIMER:
                check_arm_timer(domain, timer);
                if (check_machine(domain, timer, name, arm))
                        check_kvm(domain, timer, name);
                return;
        case TIMER_TSC:
                check_machine(domain, timer, name, x86);
                return;
        default:
                if (check_machine(domain, timer, name, x86))
                        check_kvm(domain, timer, name);
        }
}

void clock_check_timers(Domain *domain, const Clock *clock)
{
        for (TimerName name = 0; name < _TIMERS; name++)
                if (clock->timers[name].element)
                        check_timer(domain, &clock->timers[name], name);
}

/* --- what they add ------------------------------------------------------------------------------- */

static int add_switch(char ***flags, const Timer *timer, const char *flag)
{
        CLEANUP(free) char *text = NULL;

        if (!timer->element || timer->present < 0)
                return 0;
        text = text_format("%s=%s", flag, timer->present ? "on" : "off");
        return text ? strv_append(flags, text) : -ENOMEM;
}

int clock_add_cpu_flags(const Domain *domain, char ***flags)
{
        const Clock *clock = clock_of(domain);
        const Timer *arm = &clock->timers[TIMER_ARMVTIMER], *tsc = &clock->timers[TIMER_TSC];
        CLEANUP(free) char *frequency = NULL;
        int r = 0;

        /* Nothing of KVM's is there to be switched off without it. */
        if (domain_general(domain)->kvm) {
                r = add_switch(flags, &clock->timers[TIMER_KVMCLOCK], "kvmclock");
                if (r >= 0)
                        r = add_switch(flags, &clock->timers[TIMER_HYPERVCLOCK], "hv-time");
                if (r >= 0 && arm->element && arm->policy >= 0)
                        r = strv_append(flags, arm->policy == POLICY_DISCARD ? "kvm-no-adjvtime=on"
                                                                             : "kvm-no-adjvtime=off");
        }
        if (r < 0 || tsc->frequency == 0)
                return r;
        frequency = text_format("tsc-frequency=%llu", (unsigned long long)tsc->frequency);
        return frequency ? strv_append(flags, frequency) : -ENOMEM;
}

/* Until 8.0 the HPET is switched off by an option of its own, which 9.0 lost. */
static int add_hpet(Plan *plan, const Timer *timer, json_object *machine)
{
        const Part *part = domain_section(plan->domain, &section_clock);

        if (!timer->element || timer->present < 0 || !is_pc(plan->domain))
                return 0;
        if (plan_has(plan, part, "machine-hpet", /* driver= */ NULL,
                     _("the HPET is a parameter of the machine"), _("the HPET has an option of its own")))
                return json_add_bool(machine, "hpet", timer->present != 0);
        return timer->present ? 0 : plan_option(plan, "-no-hpet", NULL);
}

int clock_add_machine(Plan *plan, json_object *machine)
{
        const Clock *clock = clock_of(plan->domain);
        int r;

        r = add_hpet(plan, &clock->timers[TIMER_HPET], machine);
        if (r >= 0 && is_off(&clock->timers[TIMER_PIT]) && os_is_x86(plan->domain))
                r = json_add_bool(machine, "pit", false);
        if (r >= 0 && is_off(&clock->timers[TIMER_RTC]) && is_microvm(plan->domain))
                r = json_add_bool(machine, "rtc", false);
        return r;
}

int clock_add_rtc(const Domain *domain, const Clock *clock, json_object *rtc)
{
        static const char *const clocks[] = {
                [TRACK_BOOT] = NULL, [TRACK_GUEST] = "vm", [TRACK_WALL] = "host", [TRACK_REALTIME] = "rt"};
        const Timer *timer = &clock->timers[TIMER_RTC];
        int r = 0;

        if (!timer->element)
                return 0;
        if (timer->track >= 0 && clocks[timer->track])
                r = json_add_string(rtc, "clock", clocks[timer->track]);
        if (r >= 0 && timer->policy == POLICY_CATCHUP && os_is_x86(domain))
                r = json_add_string(rtc, "driftfix", "slew");
        return r;
}

int clock_plan_timers(Plan *plan, const Clock *clock)
{
        const Timer *pit = &clock->timers[TIMER_PIT];

        if (!pit->element || is_off(pit) || pit->policy < 0 || !domain_general(plan->domain)->kvm ||
            !domain_has_type(plan->domain, "kvm-pit"))
                return 0;
        return plan_option(plan, "-global",
                           pit->policy == POLICY_DISCARD ? "kvm-pit.lost_tick_policy=discard"
                                                         : "kvm-pit.lost_tick_policy=delay");
}
