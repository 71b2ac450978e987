/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/metrics.h"

#include <stdio.h>
#include <sys/resource.h>

#include "base/util.h"
#include "daemon/managed.h"

static void add(FILE *out, const char *name, const char *type, const char *help, double value)
{
        fprintf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", name, help, name, type, name, value);
}

static void add_states(FILE *out, const Daemon *daemon)
{
        size_t counts[STATES] = {};

        for (const Managed *managed = daemon->domains; managed; managed = managed->next)
                counts[managed->state]++;
        fprintf(out, "# HELP muster_domains Domains by state.\n# TYPE muster_domains gauge\n");
        for (int i = 0; i < STATES; i++)
                fprintf(out, "muster_domains{state=\"%s\"} %zu\n", domain_state_name((DomainState)i),
                        counts[i]);
}

static size_t count_unresponsive(const Daemon *daemon)
{
        size_t n = 0;

        for (const Managed *managed = daemon->domains; managed; managed = managed->next)
                n += managed->life && (managed->life->lost || !managed->life->monitor_ready);
        return n;
}

static void add_self(FILE *out)
{
        struct rusage usage;

        if (getrusage(RUSAGE_SELF, &usage) < 0)
                return;
        add(out, "process_cpu_seconds_total", "counter", "Processor time of the daemon.",
            (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                    (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
        add(out, "process_resident_memory_peak_bytes", "gauge",
            "The most memory that the daemon had resident.", (double)usage.ru_maxrss * 1024);
}

char *metrics_text(const Daemon *daemon)
{
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return NULL;
        add_states(out, daemon);
        add(out, "muster_unresponsive_domains", "gauge",
            "Domains that run, but whose monitor does not answer.", (double)count_unresponsive(daemon));
        add(out, "muster_requests_total", "counter", "Requests of clients.",
            (double)daemon->counters.requests);
        add(out, "muster_operations_total", "counter", "Operations on domains.",
            (double)daemon->counters.operations);
        add(out, "muster_operation_failures_total", "counter", "Operations that failed.",
            (double)daemon->counters.failures);
        add(out, "muster_probes_total", "counter",
            "Emulators that had to be started to learn what they have.", (double)daemon->counters.probes);
        add(out, "muster_events_total", "counter", "The number of the last event.",
            (double)events_last_id(daemon->events));
        add(out, "process_start_time_seconds", "gauge", "When the daemon was started.",
            (double)daemon->started);
        add_self(out);
        if (fclose(out) != 0) {
                free(text);
                return NULL;
        }
        return text;
}
