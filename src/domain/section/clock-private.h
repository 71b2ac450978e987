/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* clock.c has the time of day, clock-timers.c the timers. */

#include "domain/section/clock.h"

enum {
        CLOCK_UTC,
        CLOCK_LOCALTIME,
        CLOCK_VARIABLE,
        CLOCK_TIMEZONE,
        CLOCK_ABSOLUTE,
        _CLOCK_OFFSETS,
};

typedef enum TimerName {
        TIMER_RTC,
        TIMER_PIT,
        TIMER_HPET,
        TIMER_KVMCLOCK,
        TIMER_HYPERVCLOCK,
        TIMER_TSC,
        TIMER_ARMVTIMER,
        _TIMERS,
} TimerName;

typedef struct Timer {
        XmlElement *element; /* NULL: not there */
        int present;         /* switch; -1: not said */
        int policy, track;   /* of their words; -1: not said */
        uint64_t frequency;  /* Hz; 0: not said */
} Timer;

typedef struct Clock {
        XmlElement *element;
        int offset;
        bool local; /* variable: from local time */
        int64_t adjustment, start;
        char *timezone;
        Timer timers[_TIMERS];
} Clock;

const Clock *clock_of(const Domain *domain);

void clock_read_timers(Domain *domain, Clock *clock);
void clock_check_timers(Domain *domain, const Clock *clock);
int clock_add_rtc(const Domain *domain, const Clock *clock, json_object *rtc);
int clock_plan_timers(Plan *plan, const Clock *clock);
