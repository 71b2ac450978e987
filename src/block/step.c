/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "block/step.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "qapi/schema.h"

static int make(const char *execute, json_object *arguments, json_object **ret)
{
        CLEANUP(json) json_object *owned = arguments, *step = json_object_new_object();

        if (!owned || !step || json_add_string(step, "execute", execute) < 0 ||
            json_add(step, "arguments", TAKE(owned)) < 0)
                return -ENOMEM;
        *ret = TAKE(step);
        return 0;
}

int step_add(json_object *steps, const char *execute, json_object *arguments, const char *undo,
             json_object *undo_arguments, json_object **ret)
{
        CLEANUP(json) json_object *step = NULL, *undo_owned = undo_arguments, *undo_step = NULL;
        json_object *added;
        int r;

        r = make(execute, arguments, &step);
        if (r >= 0 && undo)
                r = make(undo, TAKE(undo_owned), &undo_step);
        if (r >= 0 && undo_step)
                r = json_add(step, "undo", TAKE(undo_step));
        if (r < 0)
                return r;
        added = step;
        r = json_append(steps, TAKE(step));
        if (r >= 0 && ret)
                *ret = added;
        return r;
}

json_object *step_named(const char *key, const char *value)
{
        CLEANUP(json) json_object *object = json_object_new_object();

        return object && json_add_string(object, key, value) >= 0 ? TAKE(object) : NULL;
}

int step_add_named(json_object *steps, const char *execute, const char *key, const char *value)
{
        return step_add(steps, execute, step_named(key, value), /* undo= */ NULL,
                        /* undo_arguments= */ NULL, /* ret= */ NULL);
}

int step_wait_event(json_object *step, const char *event, const char *device)
{
        CLEANUP(json) json_object *wait = step_named("event", event);

        if (!wait || json_add_string(wait, "device", device) < 0)
                return -ENOMEM;
        return json_add(step, "wait", TAKE(wait));
}

int step_wait_job(json_object *step, const char *job)
{
        return json_add(step, "wait", step_named("job", job));
}

int step_append_undone(json_object *steps, const json_object *done)
{
        for (size_t i = json_object_array_length(done); i-- > 0;) {
                json_object *undo = json_get(json_object_array_get_idx(done, i), "undo", json_type_object);

                if (undo && json_append(steps, json_object_get(undo)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* --- by the schema ------------------------------------------------------------------------------- */

static int refuse(const char *command, const char *faults, MusterError **ret_error)
{
        CLEANUP(json) json_object *list = NULL;
        const char *message = NULL;

        if (faults && json_parse(faults, strlen(faults), &list) == -ENOMEM)
                return error_oom(ret_error);
        for (size_t i = 0; list && !message && i < json_object_array_length(list); i++) {
                json_object *item = json_object_array_get_idx(list, i);

                if (streq_ptr(json_get_string(item, "severity"), "error"))
                        message = json_get_string(item, "message");
        }
        return error_set_detail(ret_error, -EBADMSG, faults,
                                _("The emulator's schema does not take what muster would send as %s: %s"),
                                command, message ?: "?");
}

static int check_one(const MusterSchema *schema, const json_object *step, MusterError **ret_error)
{
        const char *command = json_get_string(step, "execute");
        CLEANUP(free)
        char *text = json_to_text(json_get(step, "arguments", json_type_object)), *faults = NULL;
        int r;

        if (!text)
                return error_oom(ret_error);
        r = muster_schema_check(schema, command, text, &faults, /* ret_error= */ NULL);
        if (r == -ENOENT)
                return error_set(
                        ret_error, -EOPNOTSUPP,
                        _("This emulator has no command %s, which this takes; use a newer one, or do "
                          "it while the domain is shut off."),
                        command);
        if (r < 0)
                return error_errno(ret_error, r, "%s", command);
        return r > 0 ? refuse(command, faults, ret_error) : 0;
}

int step_check_all(MusterVerdicts *verdicts, const json_object *steps, MusterError **ret_error)
{
        const MusterSchema *schema = muster_facts_schema(verdicts_facts(verdicts));
        int r = 0;

        for (size_t i = 0; r >= 0 && i < json_object_array_length(steps); i++) {
                const json_object *step = json_object_array_get_idx(steps, i);
                const json_object *undo = json_get(step, "undo", json_type_object);

                r = check_one(schema, step, ret_error);
                if (r >= 0 && undo)
                        r = check_one(schema, undo, ret_error);
        }
        return r;
}
