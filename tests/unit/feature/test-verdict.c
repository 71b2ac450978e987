/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The rule of verdicts and the meaning of each kind of tie, by table, over real schemas and edited ones. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/util.h"
#include "maker.h"

#define PRESENT  MUSTER_VERDICT_PRESENT
#define ABSENT   MUSTER_VERDICT_ABSENT
#define UNKNOWN  MUSTER_VERDICT_UNKNOWN

#define DECLARED MUSTER_TRUST_DECLARED
#define MEASURED MUSTER_TRUST_MEASURED
#define INFERRED MUSTER_TRUST_INFERRED

#define DYNAMIC                                                                                             \
        "[f]\nsummary = s\nsince = 1\n"                                                                     \
        "governs = blockdev-add driver=file,host_device,host_cdrom member=auto-read-only\n"                 \
        "tie = schema blockdev-add/arg-type/+file/$dynamic-auto-read-only\n"                                \
        "tie = schema blockdev-add/arg-type/$dynamic-auto-read-only\n"                                      \
        "tie = schema blockdev-add/$dynamic-auto-read-only\n"                                               \
        "tie = schema blockdev-add/arg-type/dynamic-auto-read-only\n"                                       \
        "tie = runtime file-posix-dynamic-auto-read-only\n"                                                 \
        "tie = measured auto-read-only-reopens\n"                                                           \
        "tie = version 4.0.0 .. 4.0.99\n"

#define ONE(ties) "[f]\nsummary = s\nsince = 1\n" ties

#define RUNTIME(status, value)                                                                              \
        {                                                                                                   \
                "query-qemu-features", status, value, "why"                                                 \
        }
#define CHECK(status, value)                                                                                \
        {                                                                                                   \
                "measured:auto-read-only-reopens", status, value, "why"                                     \
        }
#define OPTIONS(status, value)                                                                              \
        {                                                                                                   \
                "query-command-line-options", status, value, "why"                                          \
        }
#define TYPES(value)                                                                                        \
        {                                                                                                   \
                "qom-list-types", FACT_ANSWERED, value, NULL                                                \
        }
#define HALF(name, met) "{\"name\": \"" name "\", \"met\": " met ", \"detail\": \"saw it\"}"
#define HALVES(a, b)    "{\"halves\": [" HALF("opened-read-only", a) ", " HALF("reopened", b) "]}"
#define ANSWER(value)   "{\"file-posix-dynamic-auto-read-only\": " value "}"

/* Edits of a schema. */

static void silent(json_object *schema)
{
        json_object_object_del(maker_branch(schema, "blockdev-add", "file"), "features");
}

static void on_union(json_object *schema)
{
        silent(schema);
        maker_add_feature(maker_arguments(schema, "blockdev-add"), "dynamic-auto-read-only");
}

static void on_command(json_object *schema)
{
        silent(schema);
        maker_add_feature(maker_entity(schema, "blockdev-add"), "dynamic-auto-read-only");
}

static void new_member(json_object *schema)
{
        silent(schema);
        json_append(
                json_get(maker_arguments(schema, "blockdev-add"), "members", json_type_array),
                maker_json("{\"name\": \"dynamic-auto-read-only\", \"type\": \"bool\", \"default\": null}"));
}

static void add_query(json_object *schema, const char *member)
{
        char text[200];

        snprintf(text, sizeof(text),
                 "{\"name\": \"90001\", \"meta-type\": \"object\", \"members\": [{\"name\": \"%s\", "
                 "\"type\": \"bool\"}]}",
                 member);
        json_append(schema, maker_json(text));
        json_append(schema, maker_json("{\"name\": \"query-qemu-features\", \"meta-type\": \"command\", "
                                       "\"arg-type\": \"0\", \"ret-type\": \"90001\"}"));
}

static void with_query(json_object *schema)
{
        add_query(schema, "file-posix-dynamic-auto-read-only");
}

static void silent_with_query(json_object *schema)
{
        silent(schema);
        with_query(schema);
}

static void silent_with_other_query(json_object *schema)
{
        silent(schema);
        add_query(schema, "another");
}

static void drop_variant(json_object *schema, const char *command, const char *branch)
{
        json_object *variants = json_get(maker_arguments(schema, command), "variants", json_type_array);

        for (size_t i = 0; i < json_object_array_length(variants); i++)
                if (streq_ptr(json_get_string(json_object_array_get_idx(variants, i), "case"), branch)) {
                        json_object_array_del_idx(variants, i, 1);
                        return;
                }
        fail();
}

static void without_host_cdrom(json_object *schema)
{
        drop_variant(schema, "blockdev-add", "host_cdrom");
}

static void command_without_host_cdrom(json_object *schema)
{
        on_command(schema);
        without_host_cdrom(schema);
}

static void without_all_three(json_object *schema)
{
        without_host_cdrom(schema);
        drop_variant(schema, "blockdev-add", "host_device");
        drop_variant(schema, "blockdev-add", "file");
}

/* host_device gets a type of its own, without the flag: the drivers differ. */
static void host_device_apart(json_object *schema)
{
        json_object *variants =
                json_get(maker_arguments(schema, "blockdev-add"), "variants", json_type_array);

        json_append(schema, maker_json("{\"name\": \"90002\", \"meta-type\": \"object\", \"members\": []}"));
        for (size_t i = 0; i < json_object_array_length(variants); i++) {
                json_object *variant = json_object_array_get_idx(variants, i);

                if (streq_ptr(json_get_string(variant, "case"), "host_device"))
                        json_add_string(variant, "type", "90002");
        }
}

/* clang-format off */
static const struct {
        const char *name;
        const char *schema;
        void (*edit)(json_object *schema);
        const char *version;
        const char *features;
        FactRow facts[4];
        MusterTrust trust;
        const char *driver;
        int verdict;
        int tie; /* which evidence, in order; -1: none is looked at */
        TieResult result;
        const char *says; /* part of its detail, or with tie -1 of the `why` */
} rows[] = {
        /* Where the flag stands. */
        {"flag on the struct", "7.2-x86_64", NULL, "7.2.22", DYNAMIC, {{0}}, MEASURED, "host_device",
         PRESENT, 0, TIE_MET, "dynamic-auto-read-only"},
        {"flag on the struct, whole", "7.2-x86_64", NULL, "7.2.22", DYNAMIC, {{0}}, MEASURED, NULL, PRESENT,
         0, TIE_MET, ""},
        {"5.2", "5.2-x86_64", NULL, "5.2.0", DYNAMIC, {{0}}, MEASURED, "file", PRESENT, 0, TIE_MET, ""},
        {"10.0", "10.0-x86_64", NULL, "10.0.0", DYNAMIC, {{0}}, DECLARED, "host_cdrom", PRESENT, 0, TIE_MET,
         ""},
        {"11.1", "11.1-x86_64", NULL, "11.1.0", DYNAMIC, {{0}}, MEASURED, NULL, PRESENT, 0, TIE_MET, ""},
        {"storage daemon", "7.2-storage-daemon", NULL, "7.2.22", DYNAMIC, {{0}}, MEASURED, NULL, PRESENT, 0,
         TIE_MET, ""},
        {"nothing declared", "7.2-x86_64", silent, "7.2.22", DYNAMIC, {{0}}, MEASURED, "file", ABSENT, 0,
         TIE_UNMET, "blockdev-add/arg-type/+file"},
        {"a driver not governed", "7.2-x86_64", NULL, "7.2.22", DYNAMIC, {{0}}, MEASURED, "nbd", ABSENT, -1,
         0, NULL},
        {"flag on the union", "7.2-x86_64", on_union, "7.2.22", DYNAMIC, {{0}}, MEASURED, "host_cdrom",
         PRESENT, 1, TIE_MET, "type"},
        {"flag on the command", "7.2-x86_64", on_command, "7.2.22", DYNAMIC, {{0}}, MEASURED, "host_cdrom",
         PRESENT, 2, TIE_MET, "command blockdev-add"},
        {"a new member", "7.2-x86_64", new_member, "7.2.22", DYNAMIC, {{0}}, MEASURED, "file", PRESENT, 3,
         TIE_MET, "optional member"},
        {"no schema", NULL, NULL, "2.4.0", DYNAMIC, {{0}}, MEASURED, NULL, UNKNOWN, 0, TIE_UNAVAILABLE,
         "no schema"},

        /* Drivers that are apart, or not there. */
        {"another type: file", "7.2-x86_64", host_device_apart, "7.2.22", DYNAMIC, {{0}}, MEASURED, "file",
         PRESENT, 0, TIE_MET, ""},
        {"another type: host_device", "7.2-x86_64", host_device_apart, "7.2.22", DYNAMIC, {{0}}, MEASURED,
         "host_device", ABSENT, 0, TIE_UNMET, ""},
        {"another type: whole", "7.2-x86_64", host_device_apart, "7.2.22", DYNAMIC, {{0}}, MEASURED, NULL,
         ABSENT, -1, 0, "host_device: "},
        {"driver not built in", "7.2-x86_64", without_host_cdrom, "7.2.22", DYNAMIC, {{0}}, MEASURED,
         "host_cdrom", ABSENT, 0, TIE_UNMET, "no driver \"host_cdrom\""},
        {"driver not built in, tie on command", "7.2-x86_64", command_without_host_cdrom, "7.2.22", DYNAMIC,
         {{0}}, MEASURED, "host_cdrom", ABSENT, 0, TIE_UNMET, "no driver \"host_cdrom\""},
        {"driver not built in, whole", "7.2-x86_64", without_host_cdrom, "7.2.22", DYNAMIC, {{0}}, MEASURED,
         NULL, PRESENT, -1, 0, "Not counted, as this emulator was built without: host_cdrom."},
        {"no driver built in", "7.2-x86_64", without_all_three, "7.2.22", DYNAMIC, {{0}}, MEASURED, NULL,
         ABSENT, -1, 0, "file, host_device, host_cdrom: "},

        {"one driver unknown, whole", "7.2-x86_64", with_query, "7.2.22",
         ONE("governs = blockdev-add driver=file,nbd\ntie = schema blockdev-add/arg-type/+file/$dynamic-auto-read-only\n"
             "tie = runtime file-posix-dynamic-auto-read-only\n"),
         {RUNTIME(FACT_REFUSED, NULL)}, MEASURED, NULL, UNKNOWN, -1, 0, "nbd: "},
        {"one driver unknown, one absent, whole", "7.2-x86_64", NULL, "7.2.22",
         ONE("governs = blockdev-add driver=nbd,file\ntie = measured m\n"
             "bad = schema blockdev-add/arg-type/+file/$dynamic-auto-read-only\n"),
         {{0}}, MEASURED, NULL, ABSENT, -1, 0, "file: "},

        /* runtime */
        {"no such command", "7.2-x86_64", silent, "7.2.22", DYNAMIC, {RUNTIME(FACT_NOT_FOUND, NULL)},
         MEASURED, "file", ABSENT, 4, TIE_UNMET, "no command query-qemu-features"},
        {"true", "7.2-x86_64", silent_with_query, "7.2.22", DYNAMIC, {RUNTIME(FACT_ANSWERED,
         ANSWER("true"))}, DECLARED, "file", PRESENT, 4, TIE_MET, "true"},
        {"true covers all drivers", "7.2-x86_64", silent_with_query, "7.2.22", DYNAMIC,
         {RUNTIME(FACT_ANSWERED, ANSWER("true"))}, MEASURED, NULL, PRESENT, 6, TIE_MET, "true"},
        {"false", "7.2-x86_64", silent_with_query, "7.2.22", DYNAMIC, {RUNTIME(FACT_ANSWERED,
         ANSWER("false"))}, MEASURED, "file", ABSENT, 4, TIE_UNMET, "false"},
        {"false beats the flag", "7.2-x86_64", with_query, "7.2.22", DYNAMIC, {RUNTIME(FACT_ANSWERED,
         ANSWER("false"))}, DECLARED, "file", ABSENT, -1, 0, "refuted"},
        {"member not in the schema", "7.2-x86_64", silent_with_other_query, "7.2.22", DYNAMIC,
         {RUNTIME(FACT_ANSWERED, ANSWER("true"))}, MEASURED, "file", ABSENT, 4, TIE_UNMET, "By the schema"},
        {"false, member not in the schema", "7.2-x86_64", NULL, "7.2.22", DYNAMIC, {RUNTIME(FACT_ANSWERED,
         ANSWER("false"))}, MEASURED, "file", PRESENT, 4, TIE_UNMET, ""},
        {"not a boolean", "7.2-x86_64", silent_with_query, "7.2.22", DYNAMIC, {RUNTIME(FACT_ANSWERED,
         ANSWER("\"yes\""))}, MEASURED, "file", UNKNOWN, 4, TIE_UNAVAILABLE, "no boolean"},
        {"value missing", "7.2-x86_64", silent_with_query, "7.2.22", DYNAMIC, {RUNTIME(FACT_ANSWERED,
         "{}")}, MEASURED, "file", UNKNOWN, 4, TIE_UNAVAILABLE, "no boolean"},
        {"no object", "7.2-x86_64", silent_with_query, "7.2.22", DYNAMIC, {RUNTIME(FACT_ANSWERED, "[]")},
         MEASURED, "file", UNKNOWN, 4, TIE_UNAVAILABLE, "makes no sense"},
        {"refused", "7.2-x86_64", silent_with_query, "7.2.22", DYNAMIC, {RUNTIME(FACT_REFUSED, NULL)},
         MEASURED, "file", UNKNOWN, 4, TIE_UNAVAILABLE, "refused query-qemu-features: why"},
        {"died of it", "7.2-x86_64", silent_with_query, "7.2.22", DYNAMIC, {RUNTIME(FACT_CRASHED, NULL)},
         MEASURED, "file", UNKNOWN, 4, TIE_UNAVAILABLE, "died"},
        {"not asked", "7.2-x86_64", silent_with_query, "7.2.22", DYNAMIC, {RUNTIME(FACT_NOT_ASKED, NULL)},
         MEASURED, "file", UNKNOWN, 4, TIE_UNAVAILABLE, "not asked: why"},
        {"no fact at all", "7.2-x86_64", silent_with_query, "7.2.22", DYNAMIC, {{0}}, MEASURED, "file",
         UNKNOWN, 4, TIE_UNAVAILABLE, "not asked"},
        {"in the schema, not found", "7.2-x86_64", silent_with_query, "7.2.22", DYNAMIC,
         {RUNTIME(FACT_NOT_FOUND, NULL)}, MEASURED, "file", UNKNOWN, 4, TIE_UNAVAILABLE,
         "does not know it"},
        {"refused beside the flag", "7.2-x86_64", with_query, "7.2.22", DYNAMIC, {RUNTIME(FACT_REFUSED,
         NULL)}, MEASURED, "file", PRESENT, 4, TIE_UNAVAILABLE, ""},

        /* measured */
        {"check met", "7.2-x86_64", silent, "7.2.22", DYNAMIC, {CHECK(FACT_ANSWERED, HALVES("true",
         "true"))}, MEASURED, "file", PRESENT, 5, TIE_MET, "2"},
        {"check met, not trusted", "7.2-x86_64", silent, "7.2.22", DYNAMIC, {CHECK(FACT_ANSWERED,
         HALVES("true", "true"))}, DECLARED, "file", UNKNOWN, -1, 0, "suggests"},
        {"a half failed", "7.2-x86_64", NULL, "7.2.22", DYNAMIC, {CHECK(FACT_ANSWERED, HALVES("true",
         "false"))}, MEASURED, "file", ABSENT, 5, TIE_UNMET, "\"reopened\" does not hold: saw it"},
        {"a half failed, inferred", "7.2-x86_64", silent, "4.0.1", DYNAMIC, {CHECK(FACT_ANSWERED,
         HALVES("false", "true"))}, INFERRED, "file", ABSENT, -1, 0, "refuted"},
        {"a half failed, not trusted", "7.2-x86_64", NULL, "7.2.22", DYNAMIC, {CHECK(FACT_ANSWERED,
         HALVES("true", "false"))}, DECLARED, "file", PRESENT, -1, 0, "found otherwise"},
        {"not measurable", "7.2-x86_64", silent, "7.2.22", DYNAMIC, {CHECK(FACT_REFUSED, NULL)}, MEASURED,
         "file", UNKNOWN, 5, TIE_UNAVAILABLE, "why"},
        {"not measurable, not trusted", "7.2-x86_64", silent, "7.2.22", DYNAMIC, {CHECK(FACT_REFUSED,
         NULL)}, DECLARED, "file", ABSENT, 5, TIE_UNAVAILABLE, ""},
        {"no halves", "7.2-x86_64", silent, "7.2.22", DYNAMIC, {CHECK(FACT_ANSWERED, "{\"halves\": []}")},
         MEASURED, "file", UNKNOWN, 5, TIE_UNAVAILABLE, "makes no sense"},
        {"check not run", "7.2-x86_64", silent, "7.2.22", DYNAMIC, {{0}}, MEASURED, "file", ABSENT, 5,
         TIE_NOT_ASKED, "muster verify f"},
        {"nothing but a check", "7.2-x86_64", NULL, "7.2.22", ONE("tie = measured m\n"), {{0}}, MEASURED,
         NULL, UNKNOWN, -1, 0, "Only \"measured m\""},

        /* version */
        {"4.0, measured", "7.2-x86_64", silent, "4.0.1", DYNAMIC, {{0}}, MEASURED, "file", UNKNOWN, 6,
         TIE_MET, "4.0.1"},
        {"4.0, declared", "7.2-x86_64", silent, "4.0.1", DYNAMIC, {{0}}, DECLARED, NULL, UNKNOWN, -1, 0,
         "suggests"},
        {"4.0, inferred", "7.2-x86_64", silent, "4.0.1", DYNAMIC, {{0}}, INFERRED, "file", PRESENT, 6,
         TIE_MET, ""},
        {"4.0, verified", "7.2-x86_64", silent, "4.0.1", DYNAMIC, {CHECK(FACT_ANSWERED, HALVES("true",
         "true"))}, MEASURED, "file", PRESENT, 6, TIE_MET, ""},
        {"no version", NULL, NULL, NULL, ONE("tie = version 4.0 ..\n"), {{0}}, INFERRED, NULL, UNKNOWN, 0,
         TIE_UNAVAILABLE, "version"},
        {"below", NULL, NULL, "3.9.99", ONE("tie = version 4.0 .. 4.1\n"), {{0}}, INFERRED, NULL, ABSENT, 0,
         TIE_UNMET, ""},
        {"lower end", NULL, NULL, "4.0.0", ONE("tie = version 4.0 .. 4.1\n"), {{0}}, INFERRED, NULL,
         PRESENT, 0, TIE_MET, ""},
        {"upper end", NULL, NULL, "4.1.9", ONE("tie = version 4.0 .. 4.1\n"), {{0}}, INFERRED, NULL,
         PRESENT, 0, TIE_MET, ""},
        {"above", NULL, NULL, "4.2.0", ONE("tie = version 4.0 .. 4.1\n"), {{0}}, INFERRED, NULL, ABSENT, 0,
         TIE_UNMET, ""},
        {"open below", NULL, NULL, "2.0.0", ONE("tie = version .. 4.1\n"), {{0}}, INFERRED, NULL, PRESENT,
         0, TIE_MET, ""},
        {"open above", NULL, NULL, "99.0.0", ONE("tie = version 4.1 ..\n"), {{0}}, INFERRED, NULL, PRESENT,
         0, TIE_MET, ""},
        {"nothing trusted", NULL, NULL, "3.0.0", ONE("tie = version 4.1 ..\n"), {{0}}, DECLARED, NULL,
         UNKNOWN, -1, 0, "None of its ties"},

        /* bad */
        {"bad version", "7.2-x86_64", NULL, "6.2.1",
         ONE("tie = schema quit\nbad = version 6.2.0 .. 6.2.99\n"), {{0}}, DECLARED, NULL, ABSENT, -1, 0,
         "known-bad"},
        {"not that version", "7.2-x86_64", NULL, "7.2.1",
         ONE("tie = schema quit\nbad = version 6.2.0 .. 6.2.99\n"), {{0}}, DECLARED, NULL, PRESENT, 1,
         TIE_UNMET, ""},
        {"bad schema", "7.2-x86_64", NULL, "7.2.1", ONE("tie = schema quit\nbad = schema stop\n"), {{0}},
         INFERRED, NULL, ABSENT, 1, TIE_MET, ""},
        {"bad not told", "7.2-x86_64", NULL, NULL,
         ONE("tie = schema quit\nbad = version 6.2.0 .. 6.2.99\n"), {{0}}, MEASURED, NULL, PRESENT, -1, 0,
         "could not be told"},
        {"bad runtime false refutes nothing", "7.2-x86_64", with_query, "7.2.1",
         ONE("tie = schema quit\nbad = runtime file-posix-dynamic-auto-read-only\n"),
         {RUNTIME(FACT_ANSWERED, ANSWER("false"))}, MEASURED, NULL, PRESENT, 1, TIE_UNMET, ""},
        {"bad alone leaves it open", "7.2-x86_64", NULL, "7.2.1",
         ONE("tie = measured m\nbad = schema nothing\n"), {{0}}, MEASURED, NULL, UNKNOWN, -1, 0, NULL},

        /* option */
        {"option", NULL, NULL, NULL, ONE("tie = option sandbox\n"), {OPTIONS(FACT_ANSWERED,
         "[{\"option\": \"sandbox\", \"parameters\": []}]")}, DECLARED, NULL, PRESENT, 0, TIE_MET,
         "-sandbox"},
        {"parameter", NULL, NULL, NULL, ONE("tie = option sandbox/spawn\n"), {OPTIONS(FACT_ANSWERED,
         "[{\"option\": \"x\"}, {\"option\": \"sandbox\", \"parameters\": " "[{\"name\": \"spawn\"}]}]")},
         DECLARED, NULL, PRESENT, 0, TIE_MET, "spawn"},
        {"no parameter", NULL, NULL, NULL, ONE("tie = option sandbox/spawn\n"), {OPTIONS(FACT_ANSWERED,
         "[{\"option\": \"sandbox\", \"parameters\": [{\"name\": \"enable\"}]}]")}, DECLARED, NULL, ABSENT,
         0, TIE_UNMET, "no parameter \"spawn\""},
        {"no option", NULL, NULL, NULL, ONE("tie = option sandbox/spawn\n"), {OPTIONS(FACT_ANSWERED, "[]")},
         DECLARED, NULL, ABSENT, 0, TIE_UNMET, "no option -sandbox"},
        {"no list of options", NULL, NULL, NULL, ONE("tie = option sandbox\n"), {OPTIONS(FACT_ANSWERED,
         "7")}, DECLARED, NULL, UNKNOWN, 0, TIE_UNAVAILABLE, "makes no sense"},
        {"no command for options", NULL, NULL, NULL, ONE("tie = option sandbox\n"), {OPTIONS(FACT_NOT_FOUND,
         NULL)}, DECLARED, NULL, ABSENT, 0, TIE_UNMET, "no command"},
        {"options refused", NULL, NULL, NULL, ONE("tie = option sandbox\n"), {OPTIONS(FACT_REFUSED, NULL)},
         DECLARED, NULL, UNKNOWN, 0, TIE_UNAVAILABLE, "why"},

        /* type, property */
        {"type", NULL, NULL, NULL, ONE("tie = type a\n"), {TYPES("[{\"name\": \"a\"}]")}, DECLARED, NULL,
         PRESENT, 0, TIE_MET, ""},
        {"no type", NULL, NULL, NULL, ONE("tie = type b\n"), {TYPES("[{\"name\": \"a\"}]")}, DECLARED, NULL,
         ABSENT, 0, TIE_UNMET, ""},
        {"no types", NULL, NULL, NULL, ONE("tie = type b\n"), {TYPES("[]")}, DECLARED, NULL, ABSENT, 0,
         TIE_UNMET, ""},
        {"types not asked", NULL, NULL, NULL, ONE("tie = type b\n"), {{0}}, DECLARED, NULL, UNKNOWN, 0,
         TIE_UNAVAILABLE, ""},
        {"property", NULL, NULL, NULL, ONE("tie = property a.p\n"), {TYPES("[{\"name\": \"a\"}]"),
         {"device-list-properties:a", FACT_ANSWERED, "[{\"name\": \"p\"}]", NULL}}, DECLARED, NULL, PRESENT,
         0, TIE_MET, ""},
        {"object's property", NULL, NULL, NULL, ONE("tie = property a.p\n"), {TYPES("[{\"name\": \"a\"}]"),
         {"qom-list-properties:a", FACT_ANSWERED, "[{\"name\": \"p\"}]", NULL}}, DECLARED, NULL, PRESENT, 0,
         TIE_MET, ""},
        {"no property", NULL, NULL, NULL, ONE("tie = property a.p\n"), {TYPES("[{\"name\": \"a\"}]"),
         {"device-list-properties:a", FACT_ANSWERED, "[{\"name\": \"q\"}]", NULL}}, DECLARED, NULL, ABSENT,
         0, TIE_UNMET, "no property"},
        {"no type for a property", NULL, NULL, NULL, ONE("tie = property b.p\n"),
         {TYPES("[{\"name\": \"a\"}]")}, DECLARED, NULL, ABSENT, 0, TIE_UNMET, "no type b"},
        {"property died", NULL, NULL, NULL, ONE("tie = property a.p\n"), {TYPES("[{\"name\": \"a\"}]"),
         {"device-list-properties:a", FACT_CRASHED, NULL, "signal 11"}}, DECLARED, NULL, UNKNOWN, 0,
         TIE_UNAVAILABLE, "signal 11"},
        {"property not asked", NULL, NULL, NULL, ONE("tie = property a.p\n"),
         {TYPES("[{\"name\": \"a\"}]")}, DECLARED, NULL, UNKNOWN, 0, TIE_UNAVAILABLE, "not asked"},
        {"property not asked of a running one", NULL, NULL, NULL, ONE("tie = property a.p\n"),
         {TYPES("[{\"name\": \"a\"}]"), {"device-list-properties:a", FACT_NOT_ASKED, NULL, "it runs"}},
         DECLARED, NULL, UNKNOWN, 0, TIE_UNAVAILABLE, "it runs"},

        /* several paths */
        {"both", "7.2-x86_64", NULL, NULL, ONE("tie = schema quit & stop\n"), {{0}}, DECLARED, NULL,
         PRESENT, 0, TIE_MET, ""},
        {"second only", "7.2-x86_64", NULL, NULL, ONE("tie = schema nothing & stop\n"), {{0}}, DECLARED,
         NULL, ABSENT, 0, TIE_UNMET, ""},
        {"first only", "7.2-x86_64", NULL, NULL, ONE("tie = schema stop & nothing\n"), {{0}}, DECLARED,
         NULL, ABSENT, 0, TIE_UNMET, ""},

        /* which drivers a feature speaks of that names none */
        {"any driver", "7.2-x86_64", NULL, NULL,
         ONE("governs = blockdev-add member=auto-read-only\ntie = schema quit\n"), {{0}}, DECLARED, "nbd",
         PRESENT, 0, TIE_MET, ""},
        {"no driver at all", "7.2-x86_64", NULL, NULL, ONE("tie = schema quit\n"), {{0}}, DECLARED, "nbd",
         ABSENT, -1, 0, NULL},
};
/* clang-format on */

static void check_row(size_t index)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        CLEANUP(catalogue) MusterCatalogue *catalogue = maker_catalogue(rows[index].features);
        CLEANUP(verdicts) MusterVerdicts *verdicts = NULL;
        CLEANUP(facts) MusterFacts *facts = NULL;
        json_object *schema = rows[index].schema ? maker_schema(rows[index].schema) : NULL;
        const Judgement *judgement;
        int verdict;

        if (rows[index].edit)
                rows[index].edit(schema);
        facts = maker_facts(schema, rows[index].version, rows[index].facts);
        if (muster_verdicts_new(catalogue, facts, rows[index].trust, &verdicts, &error) < 0)
                fail_msg("%s: %s", rows[index].name, muster_error_message(error));
        verdict = muster_verdict(verdicts, "f", rows[index].driver);
        judgement = verdicts_find(verdicts, "f", rows[index].driver);
        if (verdict != rows[index].verdict)
                fail_msg("%s: %s: %s", rows[index].name, muster_verdict_name(verdict),
                         judgement ? judgement->why : "-");
        if (rows[index].tie >= 0) {
                const Evidence *evidence;

                assert_non_null(judgement);
                assert_true((size_t)rows[index].tie < judgement->n_evidence);
                evidence = &judgement->evidence[rows[index].tie];
                assert_false(evidence->tie->bad && evidence->refutes);
                if (evidence->result != rows[index].result || !strstr(evidence->detail, rows[index].says))
                        fail_msg("%s: %s: %s: %s", rows[index].name, evidence->ref,
                                 tie_result_name(evidence->result), evidence->detail);
        } else if (rows[index].says && (!judgement || !strstr(judgement->why, rows[index].says))) {
                fail_msg("%s: %s", rows[index].name, judgement ? judgement->why : "-");
        }
}

static void test_rules(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                check_row(i);
}

/* The driver asked about stands in the path, and only there is it named in the evidence. */
static void test_driver_in_path(void **state)
{
        CLEANUP(catalogue) MusterCatalogue *catalogue = maker_catalogue(DYNAMIC);
        CLEANUP(facts) MusterFacts *facts = maker_facts(maker_schema("7.2-x86_64"), "7.2.22", NULL);
        CLEANUP(verdicts) MusterVerdicts *verdicts = NULL;
        const Judgement *judgement;

        assert_int_equal(muster_verdicts_new(catalogue, facts, MEASURED, &verdicts, NULL), 0);
        judgement = verdicts_find(verdicts, "f", "host_device");
        assert_string_equal(judgement->evidence[0].ref,
                            "blockdev-add/arg-type/+host_device/$dynamic-auto-read-only");
        assert_string_equal(judgement->evidence[0].driver, "host_device");
        assert_null(judgement->evidence[1].driver);
        assert_int_equal(judgement->n_evidence, 7);
        /* As a whole: what depends on the driver once for each of the three, the rest once. */
        judgement = verdicts_find(verdicts, "f", NULL);
        assert_int_equal(judgement->n_evidence, 9);
        assert_string_equal(judgement->evidence[2].ref,
                            "blockdev-add/arg-type/+host_cdrom/$dynamic-auto-read-only");
        assert_null(judgement->evidence[3].driver);
        assert_int_equal(muster_verdict(verdicts, "g", NULL), -ENOENT);
        assert_int_equal(muster_verdict(verdicts, "g", "file"), -ENOENT);
        assert_null(verdicts_find(verdicts, "f", "nbd"));
}

static json_object *describe(const MusterVerdicts *verdicts, const char *feature, const char *driver)
{
        CLEANUP(free) char *text = NULL;

        assert_int_equal(muster_verdict_describe(verdicts, feature, driver, &text, NULL), 0);
        return maker_json(text);
}

static void test_describe(void **state)
{
        CLEANUP(free) char *path = maker_data("features/example.ini"), *text = NULL;
        CLEANUP(catalogue) MusterCatalogue *catalogue = NULL;
        CLEANUP(facts) MusterFacts *facts = maker_facts(maker_schema("7.2-x86_64"), "6.2.0", NULL);
        CLEANUP(verdicts) MusterVerdicts *verdicts = NULL;
        CLEANUP(json) json_object *one = NULL, *other = NULL, *bad = NULL, *all = NULL;
        json_object *first;

        assert_int_equal(muster_catalogue_new_from_file(path, &catalogue, NULL), 0);
        assert_int_equal(muster_verdicts_new(catalogue, facts, MEASURED, &verdicts, NULL), 0);

        one = describe(verdicts, "dynamic-auto-read-only", NULL);
        assert_string_equal(json_get_string(one, "verdict"), "present");
        assert_string_equal(json_get_string(json_get(one, "drivers", json_type_object), "host_device"),
                            "present");
        assert_null(json_get(one, "libvirt", json_type_array));
        first = json_object_array_get_idx(json_get(one, "evidence", json_type_array), 0);
        assert_string_equal(json_get_string(first, "kind"), "schema");
        assert_string_equal(json_get_string(first, "result"), "met");
        assert_string_equal(json_get_string(first, "driver"), "file");
        assert_string_equal(json_get_string(first, "ref"),
                            "blockdev-add/arg-type/+file/$dynamic-auto-read-only");
        assert_non_null(json_get_string(first, "detail"));

        other = describe(verdicts, "dynamic-auto-read-only", "nbd");
        assert_string_equal(json_get_string(other, "verdict"), "absent");
        assert_non_null(strstr(json_get_string(other, "why"), "nbd"));

        bad = describe(verdicts, "json-cli", NULL);
        assert_string_equal(json_get_string(bad, "verdict"), "absent");
        assert_string_equal(json_object_get_string(
                                    json_object_array_get_idx(json_get(bad, "libvirt", json_type_array), 0)),
                            "device.json");
        assert_true(json_get_bool(json_object_array_get_idx(json_get(bad, "evidence", json_type_array), 1),
                                  "bad", false));

        assert_int_equal(muster_verdicts_describe(verdicts, &text, NULL), 0);
        all = maker_json(text);
        assert_int_equal(json_object_array_length(all), 5);
        free(TAKE(text));
        assert_int_equal(muster_verdict_describe(verdicts, "nothing", NULL, &text, NULL), -ENOENT);
        assert_null(text);
}

static void test_trust_names(void **state)
{
        MusterTrust trust = INFERRED;

        assert_int_equal(muster_trust_from_name("declared", &trust), 0);
        assert_int_equal(trust, DECLARED);
        assert_int_equal(muster_trust_from_name("inferred", &trust), 0);
        assert_int_equal(trust, INFERRED);
        assert_int_equal(muster_trust_from_name("", &trust), -EINVAL);
        assert_int_equal(trust, INFERRED);
}

/* Many features and drivers, so that the table has collisions; each is found, and no other. */
static void test_table(void **state)
{
        CLEANUP(free) char *text = NULL;
        CLEANUP(catalogue) MusterCatalogue *catalogue = NULL;
        CLEANUP(facts) MusterFacts *facts = maker_facts(maker_schema("7.2-storage-daemon"), "7.2.22", NULL);
        CLEANUP(verdicts) MusterVerdicts *verdicts = NULL;
        CLEANUP(file) FILE *file = NULL;
        size_t size;

        file = open_memstream(&text, &size);
        for (int i = 0; i < 300; i++)
                fprintf(file, "[f%d]\nsummary = s\ngoverns = x driver=a%d,b\ntie = schema %s\n", i, i % 7,
                        i % 2 ? "quit" : "nothing");
        fflush(file);
        catalogue = maker_catalogue(text);
        assert_int_equal(muster_verdicts_new(catalogue, facts, MEASURED, &verdicts, NULL), 0);
        for (int i = 0; i < 300; i++) {
                char name[16], driver[16];

                snprintf(name, sizeof(name), "f%d", i);
                snprintf(driver, sizeof(driver), "a%d", i % 7);
                assert_int_equal(muster_verdict(verdicts, name, driver), i % 2 ? PRESENT : ABSENT);
                assert_int_equal(muster_verdict(verdicts, name, "b"), i % 2 ? PRESENT : ABSENT);
                assert_int_equal(muster_verdict(verdicts, name, NULL), i % 2 ? PRESENT : ABSENT);
                snprintf(driver, sizeof(driver), "a%d", (i + 1) % 7);
                assert_int_equal(muster_verdict(verdicts, name, driver), ABSENT);
                assert_null(verdicts_find(verdicts, name, driver));
        }
        assert_int_equal(muster_verdict(verdicts, "f300", NULL), -ENOENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rules),    cmocka_unit_test(test_driver_in_path),
                cmocka_unit_test(test_describe), cmocka_unit_test(test_trust_names),
                cmocka_unit_test(test_table),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
