/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "qapi/faults.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/i18n.h"
#include "base/util.h"

#define PLACES_MAX (JSON_DEPTH_MAX + 1)
#define KEY_MAX    80
/* Names of a hostile schema may be megabytes long. */
#define MESSAGE_MAX 1000

/* Scripts match these words: they stay. */
static const char *const kind_names[] = {
        [FAULT_UNKNOWN_MEMBER] = "unknown-member",
        [FAULT_MISSING_MEMBER] = "missing-member",
        [FAULT_TYPE] = "type",
        [FAULT_UNKNOWN_VALUE] = "unknown-value",
        [FAULT_DEPTH] = "depth",
        [FAULT_TOO_MANY] = "too-many",
        [FAULT_DEPRECATED] = "deprecated",
        [FAULT_UNSTABLE] = "unstable",
};

int faults_init(Faults *faults)
{
        *faults = (Faults){.array = json_object_new_array()};
        return faults->array ? 0 : -ENOMEM;
}

void faults_done(Faults *faults)
{
        json_object_put(faults->array);
        *faults = (Faults){0};
}

char *fault_name(const char *name)
{
        return text_for_terminal(name, strnlen(name, 16 * KEY_MAX), KEY_MAX);
}

static int put_place(FILE *out, const Place *place)
{
        const Place *chain[PLACES_MAX];
        size_t n = 0;

        for (; place && n < PLACES_MAX; place = place->parent)
                chain[n++] = place;
        for (bool first = true; n-- > 0; first = false) {
                CLEANUP(free) char *name = NULL;

                if (!chain[n]->key) {
                        fprintf(out, "[%zu]", chain[n]->element);
                        continue;
                }
                name = fault_name(chain[n]->key);
                if (!name)
                        return -ENOMEM;
                fprintf(out, "%s%s", first ? "" : ".", name);
        }
        return 0;
}

static char *place_text(const Place *place)
{
        CLEANUP(free) char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        int r;

        if (!out)
                return NULL;
        r = put_place(out, place);
        return fclose(out) == 0 && r >= 0 ? TAKE(text) : NULL;
}

static int put(Faults *faults, const Place *place, FaultKind kind, const char *message)
{
        CLEANUP(free)
        char *path = place_text(place), *line = text_for_terminal(message, strlen(message), MESSAGE_MAX);
        json_object *out = json_object_new_object();
        bool warning = kind >= FAULT_DEPRECATED;
        int r = json_append(faults->array, out);

        if (r >= 0)
                r = path ? json_add_string(out, "path", path) : -ENOMEM;
        if (r >= 0)
                r = json_add_string(out, "severity", warning ? "warning" : "error");
        if (r >= 0)
                r = json_add_string(out, "fault", kind_names[kind]);
        if (r >= 0)
                r = line ? json_add_string(out, "message", line) : -ENOMEM;
        faults->n++;
        faults->n_errors += !warning;
        return r;
}

int faults_add(Faults *faults, const Place *place, FaultKind kind, const char *format, ...)
{
        CLEANUP(free) char *message = NULL;
        va_list args;
        int r;

        if (faults->n == FAULTS_MAX - 1) {
                r = put(faults, NULL, FAULT_TOO_MANY,
                        _("There are more faults than these; the rest was not looked at."));
                return r < 0 ? r : -E2BIG;
        }
        va_start(args, format);
        r = vasprintf(&message, format, args);
        va_end(args);
        if (r < 0) {
                message = NULL;
                return -ENOMEM;
        }
        return put(faults, place, kind, message);
}
