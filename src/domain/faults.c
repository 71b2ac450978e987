/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/faults.h"

#include <stdarg.h>

#include "base/util.h"

static void keep(Faults *faults, bool error, unsigned line, const char *path, char *message)
{
        Fault item = {.error = error, .line = line, .message = message}, *grown;

        item.path = path ? strdup(path) : NULL;
        grown = reallocarray(faults->items, faults->n_items + 1, sizeof(*grown));
        if (!grown || (path && !item.path)) {
                faults->items = grown ?: faults->items;
                faults->out_of_memory = true;
                free(item.path);
                free(message);
                return;
        }
        faults->items = grown;
        grown[faults->n_items++] = item;
}

void fault(Faults *faults, FaultSeverity severity, unsigned line, const char *path, const char *format, ...)
{
        bool error = severity == FAULT_ERROR || (severity == FAULT_COSMETIC && !faults->lenient);
        char *message;
        va_list args;

        if (error)
                faults->n_errors++;
        else
                faults->n_warnings++;
        if (faults->n_items == FAULTS_MAX)
                return;
        va_start(args, format);
        message = text_vformat(format, args);
        va_end(args);
        if (message)
                keep(faults, error, line, path, message);
        else
                faults->out_of_memory = true;
}

char *fault_to_text(const Faults *faults, const Fault *item)
{
        return text_format("%s:%u: %s%s%s", faults->file, item->line, item->path ?: "",
                           item->path ? ": " : "", item->message);
}

static json_object *fault_to_json(const Faults *faults, const Fault *item)
{
        CLEANUP(json) json_object *object = json_object_new_object();

        if (!object || json_add_string(object, "file", faults->file) < 0 ||
            json_add_int(object, "line", item->line) < 0 ||
            (item->path && json_add_string(object, "path", item->path) < 0) ||
            json_add_string(object, "severity", item->error ? "error" : "warning") < 0 ||
            json_add_string(object, "message", item->message) < 0)
                return NULL;
        return TAKE(object);
}

json_object *faults_to_json(const Faults *faults)
{
        CLEANUP(json) json_object *array = json_object_new_array();

        for (size_t i = 0; array && i < faults->n_items; i++)
                if (json_append(array, fault_to_json(faults, &faults->items[i])) < 0)
                        return NULL;
        return TAKE(array);
}

void faults_clear(Faults *faults)
{
        for (size_t i = 0; i < faults->n_items; i++) {
                free(faults->items[i].path);
                free(faults->items[i].message);
        }
        free(faults->items);
        faults->items = NULL;
        faults->n_items = faults->n_errors = faults->n_warnings = 0;
}
