/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "standin.h"

typedef struct Timer {
        uint64_t at;
        TimerFn fn;
        void *data;
        struct Timer *next;
} Timer;

static Timer *timers;

void timer_add(int64_t msec, TimerFn fn, void *data)
{
        Timer *timer = calloc(1, sizeof(*timer)), **place = &timers;

        if (!timer)
                abort();
        *timer = (Timer){.at = now_usec() + (uint64_t)msec * USEC_PER_MSEC, .fn = fn, .data = data};
        while (*place && (*place)->at <= timer->at)
                place = &(*place)->next;
        timer->next = *place;
        *place = timer;
}

void timer_cancel(TimerFn fn, void *data)
{
        for (Timer **place = &timers; *place;) {
                Timer *timer = *place;

                if (timer->fn == fn && timer->data == data) {
                        *place = timer->next;
                        free(timer);
                } else {
                        place = &timer->next;
                }
        }
}

int timer_wait(void)
{
        uint64_t now = now_usec();

        if (!timers)
                return -1;
        return timers->at <= now ? 0 : (int)((timers->at - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC);
}

void timer_run(void)
{
        /* What is added meanwhile waits for the next turn, so that a timer of 0 ms starves nobody. */
        uint64_t now = now_usec();

        while (timers && timers->at <= now) {
                Timer timer = *timers;

                free(timers);
                timers = timer.next;
                timer.fn(timer.data);
        }
}
