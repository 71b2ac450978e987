/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/hotplug-private.h"

/*
 * Each of a plan's additions has its command. What others refer to comes first: character devices, which
 * objects and network backends use, then objects, which block nodes use, and devices at last. As they run,
 * the emulator reads no option that has no command, which is what makes a device one for the next start.
 */

enum {
        RANK_CHARDEV,
        RANK_OBJECT,
        RANK_NETDEV,
        RANK_BLOCKDEV,
        RANK_DEVICE,
        RANKS,
};

static const char *const options[RANKS] = {
        [RANK_CHARDEV] = "-chardev",   [RANK_OBJECT] = "-object", [RANK_NETDEV] = "-netdev",
        [RANK_BLOCKDEV] = "-blockdev", [RANK_DEVICE] = "-device",
};

static const struct {
        const char *add, *remove, *key;
} commands[RANKS] = {
        [RANK_CHARDEV] = {"chardev-add", "chardev-remove", "id"},
        [RANK_OBJECT] = {"object-add", "object-del", "id"},
        [RANK_NETDEV] = {"netdev_add", "netdev_del", "id"},
        [RANK_BLOCKDEV] = {"blockdev-add", "blockdev-del", "node-name"},
        [RANK_DEVICE] = {"device_add", "device_del", "id"},
};

/* Before 6.0 properties stand in a member of their own. */
static int object_arguments(const Plan *plan, const json_object *properties, json_object **ret)
{
        CLEANUP(json) json_object *arguments = json_object_new_object(), *inner = NULL;
        json_object *to;

        if (!arguments)
                return -ENOMEM;
        to = arguments;
        if (domain_schema_has(plan->domain, "object-add/arg-type/props")) {
                inner = json_object_new_object();
                if (!inner || json_add(arguments, "props", json_object_get(inner)) < 0)
                        return -ENOMEM;
                to = inner;
        }
        json_object_object_foreach ((json_object *)properties, key, value) {
                bool own = streq(key, "qom-type") || streq(key, "id");

                if (json_add(own ? arguments : to, key, json_object_get(value)) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE(arguments);
        return 0;
}

static int make_arguments(const Plan *plan, int rank, json_object *properties, json_object **ret,
                          MusterError **ret_error)
{
        if (rank == RANK_CHARDEV)
                return chardev_arguments(properties, ret, ret_error);
        if (rank == RANK_OBJECT)
                return object_arguments(plan, properties, ret) < 0 ? error_oom(ret_error) : 0;
        *ret = json_object_get(properties);
        return 0;
}

static int add_step(const Plan *plan, int rank, json_object *properties, json_object *steps,
                    MusterError **ret_error)
{
        const char *id = json_get_string(properties, commands[rank].key);
        CLEANUP(json) json_object *arguments = NULL;
        json_object *step;
        int r;

        r = make_arguments(plan, rank, properties, &arguments, ret_error);
        if (r < 0)
                return r;
        r = step_add(steps, commands[rank].add, TAKE(arguments), id ? commands[rank].remove : NULL,
                     id ? step_named(commands[rank].key, id) : NULL, &step);
        if (r >= 0 && id && rank == RANK_DEVICE)
                r = step_wait_event(json_get(step, "undo", json_type_object), "DEVICE_DELETED", id);
        return r < 0 ? error_oom(ret_error) : 0;
}

static int rank_of(const json_object *addition)
{
        for (int rank = 0; rank < RANKS; rank++)
                if (streq_ptr(json_get_string(addition, "option"), options[rank]))
                        return rank;
        return RANKS;
}

static int check_options(const Plan *plan, MusterError **ret_error)
{
        for (size_t i = 0; i < json_object_array_length(plan->additions); i++) {
                const json_object *addition = json_object_array_get_idx(plan->additions, i);

                if (rank_of(addition) == RANKS)
                        return error_set(
                                ret_error, -EOPNOTSUPP,
                                _("The emulator takes %s only as it starts, so this device cannot be "
                                  "added to a running guest; add it to the definition (--config) "
                                  "and start the domain anew."),
                                json_get_string(addition, "option"));
        }
        return 0;
}

static int add_commands(const Plan *plan, json_object *steps)
{
        for (size_t i = 0; i < json_object_array_length(plan->commands); i++)
                if (json_append(steps, json_object_get(json_object_array_get_idx(plan->commands, i))) < 0)
                        return -ENOMEM;
        return 0;
}

int steps_of_plan(const Plan *plan, json_object *steps, MusterError **ret_error)
{
        int r;

        r = check_options(plan, ret_error);
        for (int rank = 0; rank < RANKS; rank++)
                for (size_t i = 0; r >= 0 && i < json_object_array_length(plan->additions); i++) {
                        const json_object *addition = json_object_array_get_idx(plan->additions, i);

                        if (rank_of(addition) == rank)
                                r = add_step(plan, rank, json_get(addition, "properties", json_type_object),
                                             steps, ret_error);
                }
        if (r >= 0 && add_commands(plan, steps) < 0)
                return error_oom(ret_error);
        return r;
}
