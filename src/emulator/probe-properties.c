/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Questions about the properties of QOM types. They come only when all else has been answered, so that they
 * cannot cost it: some emulators die of some of them.
 */

#include <errno.h>
#include <stdio.h>

#include "base/i18n.h"
#include "base/util.h"
#include "emulator/probe.h"

#define PROPERTY_DEATHS_MAX  32
#define PROPERTIES_TYPES_MAX 1024

static json_object *types_list(const Probe *probe)
{
        static const char name[] = "qom-list-types";
        const Ask *ask = probe_find(probe, name);
        const Fact *fact = ask || !probe->known ? NULL : facts_find_unsealed(probe->known, name);

        if (ask)
                return ask->status == FACT_ANSWERED ? ask->value : NULL;
        return fact && fact->status == FACT_ANSWERED ? fact->value : NULL;
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of the list, sorted, since hundreds are looked for among a thousand while the emulator waits. */
static int sort_types(json_object *list, const char ***ret, size_t *ret_n)
{
        size_t length = json_object_array_length(list), n = 0;
        const char **names = calloc(length + 1, sizeof(*names));

        if (!names)
                return -ENOMEM;
        for (size_t i = 0; i < length; i++) {
                names[n] = json_get_string(json_object_array_get_idx(list, i), "name");
                n += names[n] != NULL;
        }
        qsort(names, n, sizeof(*names), compare_names);
        *ret = names;
        *ret_n = n;
        return 0;
}

/* What is open when the emulator has died too often is not asked any more; all else is kept. */
static void give_up_open(Probe *probe)
{
        for (size_t i = 0; i < probe->n_asks; i++)
                if (!probe->asks[i].settled)
                        ask_settle(probe->asks + i, FACT_NOT_ASKED,
                                   strdup(_("the emulator had died of too many other questions")));
}

static int settle_properties(Probe *probe, MusterError **ret_error)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        int r;

        r = probe_settle(probe, PROPERTY_DEATHS_MAX, &error);
        if (r == -ECONNRESET) {
                give_up_open(probe);
                run_close(TAKE(probe->run));
                return 0;
        }
        if (r < 0)
                HAND_OVER(ret_error, error);
        return r;
}

static const char device_properties[] = "device-list-properties";

static int add_properties(Probe *probe, const char *const *types)
{
        json_object *list = types_list(probe);
        /* Without a list, every type may be there. */
        bool listed = json_object_is_type(list, json_type_array);
        CLEANUP(free) const char **names = NULL;
        size_t n = 0;
        int r = 0;

        if (listed)
                r = sort_types(list, &names, &n);
        for (size_t i = 0; r == 0 && types && types[i]; i++) {
                if (i >= PROPERTIES_TYPES_MAX)
                        return -E2BIG;
                if (!listed || bsearch(&types[i], names, n, sizeof(*names), compare_names))
                        r = probe_add_ask(probe, device_properties, types[i], FACT_PORTABLE);
        }
        return r;
}

static int join_names(const Probe *probe, const char *more, char **ret)
{
        CLEANUP(free) char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return -ENOMEM;
        for (size_t i = 0; i < probe->n_asks; i++)
                fprintf(out, "%s,", probe->asks[i].name);
        fputs(more, out);
        if (fclose(out) != 0)
                return -ENOMEM;
        *ret = TAKE(text);
        return 0;
}

int probe_missing(const MusterFacts *known, const char *const *types, char **ret_names)
{
        bool lacks_host = !facts_find_unsealed(known, HOST_FACT_KVM_DEVICE);
        CLEANUP(probe) Probe probe = {.known = known};
        int r;

        r = probe_add_plan(&probe);
        if (r == 0)
                r = add_properties(&probe, types);
        if (r == 0)
                r = join_names(&probe, lacks_host ? HOST_FACT_KVM_DEVICE : "", ret_names);
        return r < 0 ? r : (int)probe.n_asks + lacks_host;
}

int probe_ask_properties(Probe *probe, const char *const *types, MusterError **ret_error)
{
        size_t first = probe->n_asks, last;
        int r;

        r = add_properties(probe, types);
        if (r == -E2BIG)
                return error_set(ret_error, r, _("No more than %d types can be asked in one probe."),
                                 PROPERTIES_TYPES_MAX);
        if (r < 0)
                return error_oom(ret_error);
        r = settle_properties(probe, ret_error);
        if (r < 0)
                return r;
        last = probe->n_asks;
        for (size_t i = first; i < last; i++) {
                /* No device: another kind of object (QEMU 2.12 and newer). */
                if (probe->asks[i].status != FACT_REFUSED)
                        continue;
                r = probe_add_ask(probe, "qom-list-properties", probe->asks[i].type, FACT_PORTABLE);
                if (r < 0)
                        return error_oom(ret_error);
        }
        return settle_properties(probe, ret_error);
}

int probe_forgo_properties(Probe *probe)
{
        int r;

        r = probe_add_ask(probe, "device-list-properties", /* type= */ NULL, FACT_PORTABLE);
        if (r < 0)
                return r;
        ask_settle(
                probe->asks + probe->n_asks - 1, FACT_NOT_ASKED,
                strdup(_("some releases die of a question about the wrong device, so a running emulator is "
                         "not asked")));
        return 0;
}
