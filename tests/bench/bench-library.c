/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The figures within the process, through the public interface alone:
 *   bench-library plan EMULATOR   the QMP commands that a probe of it asks, one a line (the floor's input)
 *   bench-library measure DATA    schema load, path query, verdict; exit 1 where a bar is missed
 */

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fileio.h"
#include "base/json.h"
#include "base/util.h"
#include "muster/muster.h"

static int print_plan(const char *path)
{
        MusterContext *context;
        MusterCatalogue *catalogue;
        MusterFacts *facts;
        CLEANUP(free) char *text = NULL;
        CLEANUP(json) json_object *all = NULL;
        static const char *const scopes[] = {"portable", "host"};

        if (muster_context_new(&context) < 0 || muster_catalogue_new(&catalogue, NULL) < 0 ||
            muster_lookup(/* store= */ NULL, context, catalogue, path, 0, &facts, NULL, NULL) < 0 ||
            muster_facts_to_json(facts, &text, NULL) < 0 || json_parse(text, strlen(text), &all) < 0)
                return 1;
        puts("{\"execute\": \"qmp_capabilities\"}");
        for (size_t i = 0; i < ELEMENTSOF(scopes); i++) {
                json_object_object_foreach (json_get(all, scopes[i], json_type_object), key, value) {
                        const char *type = strchr(key, ':');

                        (void)value;
                        if (!startswith(key, "query-") && !startswith(key, "qom-") &&
                            !startswith(key, "device-"))
                                continue;
                        printf("{\"execute\": \"%.*s\"", type ? (int)(type - key) : (int)strlen(key), key);
                        if (type)
                                printf(", \"arguments\": {\"typename\": \"%s\"}", type + 1);
                        puts("}");
                }
        }
        puts("{\"execute\": \"quit\"}");
        return 0;
}

static int report(const char *what, double value, const char *unit, double bar)
{
        printf("%-40s %8.3f %s   (bar %g %s)  %s\n", what, value, unit, bar, unit,
               value <= bar ? "ok" : "MISSED");
        return value <= bar ? 0 : 1;
}

static int measure_load(const char *text, size_t size, MusterSchema **ret)
{
        enum { ROUNDS = 50 };
        double best = 1e9;

        for (int i = 0; i < ROUNDS; i++) {
                uint64_t began = now_usec();
                double took;

                muster_schema_unref(*ret);
                *ret = NULL;
                if (muster_schema_new(text, size, ret, NULL) < 0)
                        return 1;
                took = (double)(now_usec() - began) / 1000;
                best = took < best ? took : best;
        }
        printf("(schema of %zu bytes)\n", size);
        return report("schema load, JSON parsing included", best, "ms", 6);
}

static int measure_query(const MusterSchema *schema, const char *path)
{
        enum { ROUNDS = 200000 };
        uint64_t began = now_usec();

        for (int i = 0; i < ROUNDS; i++)
                if (muster_schema_query(schema, path, NULL, NULL) < 0)
                        return 1;
        return report(path, (double)(now_usec() - began) / ROUNDS, "us", 2);
}

static int measure_verdict(const char *emulator)
{
        enum { ROUNDS = 5000000 };
        MusterContext *context;
        MusterCatalogue *catalogue;
        MusterVerdicts *verdicts;
        MusterFacts *facts;
        uint64_t began;
        int sum = 0;

        if (muster_context_new(&context) < 0 || muster_catalogue_new(&catalogue, NULL) < 0 ||
            muster_lookup(/* store= */ NULL, context, catalogue, emulator, 0, &facts, NULL, NULL) < 0)
                return 1;
        muster_context_free(context);
        began = now_usec();
        if (muster_verdicts_new(catalogue, facts, MUSTER_TRUST_MEASURED, &verdicts, NULL) < 0)
                return 1;
        printf("%-40s %8.3f ms   (%zu features, all drivers)\n", "judging the whole catalogue",
               (double)(now_usec() - began) / 1000, muster_catalogue_size(catalogue));
        began = now_usec();
        for (int i = 0; i < ROUNDS; i++)
                sum += muster_verdict(verdicts, "dynamic-auto-read-only", "host_device");
        if (sum != 0)
                return 1;
        sum = report("verdict in process", (double)(now_usec() - began) * 1000 / ROUNDS, "ns", 100);
        muster_verdicts_unref(verdicts);
        muster_facts_unref(facts);
        muster_catalogue_unref(catalogue);
        return sum;
}

int main(int argc, char **argv)
{
        CLEANUP(free) char *path = NULL, *text = NULL;
        MusterSchema *schema = NULL;
        size_t size;
        int missed;

        if (argc == 3 && streq(argv[1], "plan"))
                return print_plan(argv[2]);
        if (argc != 3 || !streq(argv[1], "measure")) {
                fprintf(stderr, "usage: %s plan EMULATOR | measure DATA\n", argv[0]);
                return 2;
        }
        if (asprintf(&path, "%s/schema/11.1-x86_64.json", argv[2]) < 0 ||
            read_file(path, JSON_SIZE_MAX, &text, &size) < 0)
                return 2;
        missed = measure_load(text, size, &schema);
        missed |= measure_query(schema, "blockdev-add/arg-type/+file/$dynamic-auto-read-only");
        missed |= measure_query(schema, "blockdev-add/arg-type/+file/aio/^io_uring");
        missed |= measure_verdict("/usr/bin/qemu-storage-daemon");
        muster_schema_unref(schema);
        return missed;
}
