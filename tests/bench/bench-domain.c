/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* bench-domain DEFINITION.xml EMULATOR: from text to launch plan in process, each step by itself; medians.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/error.h"
#include "base/fileio.h"
#include "base/util.h"
#include "muster/muster.h"

enum { ROUNDS = 201, STEPS = 3 };

static int compare_doubles(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return x < y ? -1 : x > y;
}

static double now_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int one(const char *text, size_t size, MusterVerdicts *verdicts, double ret[static STEPS])
{
        CLEANUP(MusterError) MusterError *error = NULL;
        MusterDomain *domain = NULL;
        MusterPlan *plan = NULL;
        double at[STEPS + 1];
        int r;

        at[0] = now_ms();
        r = muster_domain_read(text, size, "bench", 0, &domain, &error);
        at[1] = now_ms();
        if (r >= 0)
                r = muster_domain_complete(domain, verdicts, &error);
        at[2] = now_ms();
        if (r >= 0)
                r = muster_plan_new(domain, 0, &plan, &error);
        at[3] = now_ms();
        if (r < 0 || !plan) {
                fprintf(stderr, "bench-domain: %s\n", error ? muster_error_message(error) : "no plan");
                r = -1;
        }
        for (int i = 0; i < STEPS; i++)
                ret[i] = at[i + 1] - at[i];
        muster_plan_free(plan);
        muster_domain_free(domain);
        return r;
}

static int judge(const char *emulator, MusterVerdicts **ret)
{
        MusterContext *context = NULL;
        MusterCatalogue *catalogue = NULL;
        MusterError *error = NULL;
        MusterFacts *facts = NULL;
        int r;

        r = muster_context_new(&context);
        if (r >= 0)
                r = muster_catalogue_new(&catalogue, &error);
        if (r >= 0)
                r = muster_judge(NULL, context, catalogue, emulator, MUSTER_TRUST_MEASURED, 0, &facts, ret,
                                 NULL, &error);
        muster_facts_unref(facts);
        muster_catalogue_unref(catalogue);
        muster_context_free(context);
        muster_error_free(error);
        return r;
}

int main(int argc, char **argv)
{
        static const char *const names[] = {"definition, read", "definition, completed", "launch plan"};
        static double times[STEPS][ROUNDS];
        MusterVerdicts *verdicts = NULL;
        CLEANUP(free) char *text = NULL;
        double whole = 0;
        size_t size;

        if (argc != 3 || read_file(argv[1], MUSTER_DOMAIN_SIZE_MAX, &text, &size) < 0 ||
            judge(argv[2], &verdicts) < 0)
                return 2;
        for (int i = 0; i < ROUNDS; i++) {
                double took[STEPS];

                if (one(text, size, verdicts, took) < 0)
                        return 2;
                for (int k = 0; k < STEPS; k++)
                        times[k][i] = took[k];
        }
        muster_verdicts_unref(verdicts);
        for (int k = 0; k < STEPS; k++) {
                qsort(times[k], ROUNDS, sizeof(double), compare_doubles);
                whole += times[k][ROUNDS / 2];
                printf("%-40s %8.3f ms%s\n", names[k], times[k][ROUNDS / 2],
                       k < STEPS - 1               ? "   (no bar)"
                       : times[k][ROUNDS / 2] <= 1 ? "   (bar 1 ms)  ok"
                                                   : "   (bar 1 ms)  MISSED");
        }
        printf("%-40s %8.3f ms   (no bar)\n", "from text to plan", whole);
        return times[STEPS - 1][ROUNDS / 2] <= 1 ? 0 : 1;
}
