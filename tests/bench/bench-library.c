/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The figures within the process, but for `hash` through the public interface alone:
 *   bench-library plan EMULATOR   the QMP commands that a probe of it asks, one a line (the floor's input)
 *   bench-library measure DATA    schema load, path query, verdict; exit 1 where a bar is missed
 *   bench-library hash FILE       the file's digest against as many bytes that lie in memory
 */

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/digest.h"
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

static int compare_doubles(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

/* What the library does in chunks of digest.c's size, with nothing to read. */
static int hash_memory(const char *chunk, size_t chunk_size, size_t size)
{
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        unsigned char hash[EVP_MAX_MD_SIZE];
        unsigned int n;
        int good = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;

        for (size_t at = 0; good && at < size; at += chunk_size)
                good = EVP_DigestUpdate(ctx, chunk, size - at < chunk_size ? size - at : chunk_size) == 1;
        good = good && EVP_DigestFinal_ex(ctx, hash, &n) == 1;
        EVP_MD_CTX_free(ctx);
        return good ? 0 : -1;
}

static int measure_hash(const char *path)
{
        enum { ROUNDS = 31, CHUNK = 256 * 1024 };
        CLEANUP(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
        CLEANUP(free) char *chunk = calloc(1, CHUNK);
        double floors[ROUNDS], times[ROUNDS], ratio;
        off_t size = lseek(fd, 0, SEEK_END);
        char hex[DIGEST_HEX_SIZE];

        /* Before the first that counts, the library is loaded and the file's pages are in memory. */
        if (!chunk || size <= 0 || digest_fd(fd, hex) < 0)
                return 1;
        for (int i = 0; i < ROUNDS; i++) {
                uint64_t began = now_usec();

                if (hash_memory(chunk, CHUNK, (size_t)size) < 0)
                        return 1;
                floors[i] = (double)(now_usec() - began) / 1000;
                began = now_usec();
                if (digest_fd(fd, hex) < 0)
                        return 1;
                times[i] = (double)(now_usec() - began) / 1000;
        }
        qsort(floors, ROUNDS, sizeof(double), compare_doubles);
        qsort(times, ROUNDS, sizeof(double), compare_doubles);
        ratio = times[ROUNDS / 2] / floors[ROUNDS / 2];
        printf("%-40s %8.2f ms   floor %8.2f ms   %5.2f x   (bar 1.15 x)  %s   (%.0f MB/s)\n",
               "digest of the emulator's file", times[ROUNDS / 2], floors[ROUNDS / 2], ratio,
               ratio <= 1.15 ? "ok" : "MISSED", (double)size / times[ROUNDS / 2] / 1000);
        return ratio <= 1.15 ? 0 : 1;
}

int main(int argc, char **argv)
{
        CLEANUP(free) char *path = NULL, *text = NULL;
        MusterSchema *schema = NULL;
        size_t size;
        int missed;

        if (argc == 3 && streq(argv[1], "plan"))
                return print_plan(argv[2]);
        if (argc == 3 && streq(argv[1], "hash"))
                return measure_hash(argv[2]);
        if (argc != 3 || !streq(argv[1], "measure")) {
                fprintf(stderr, "usage: %s plan EMULATOR | measure DATA | hash FILE\n", argv[0]);
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
