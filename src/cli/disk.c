/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/disk.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/evidence.h"
#include "cli/input.h"

int split_pairs(const char *text, char ***ret)
{
        CLEANUP(strv) char **pairs = NULL;
        CLEANUP(free) char *buffer = malloc(strlen(text) + 1);

        if (!buffer)
                return -ENOMEM;
        while (*text) {
                size_t key = strcspn(text, "=,"), n = 0;

                if (key == 0 || text[key] != '=')
                        return -EINVAL;
                memcpy(buffer, text, key);
                buffer[key] = '\0';
                if (strv_append(&pairs, buffer) < 0)
                        return -ENOMEM;
                for (text += key + 1; *text && (*text != ',' || text[1] == ','); text++) {
                        buffer[n++] = *text;
                        text += *text == ',';
                }
                buffer[n] = '\0';
                if (strv_append(&pairs, buffer) < 0)
                        return -ENOMEM;
                if (*text == ',' && !*++text)
                        return -EINVAL;
        }
        if (!pairs)
                return -EINVAL;
        *ret = TAKE(pairs);
        return 0;
}

static int get_access(const char *name, MusterAccess *ret)
{
        static const char *const names[] = {
                [MUSTER_ACCESS_RO] = "ro",
                [MUSTER_ACCESS_RW] = "rw",
                [MUSTER_ACCESS_ON_DEMAND] = "on-demand",
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(names[i], name)) {
                        *ret = (MusterAccess)i;
                        return 0;
                }
        return -EINVAL;
}

static int add_backing(MusterGateRequest *request, const char *text, MusterError **ret_error)
{
        const char *driver = "file", *filename = NULL, *format = NULL;
        CLEANUP(strv) char **pairs = NULL;
        bool known = split_pairs(text, &pairs) == 0;

        for (char **pair = pairs; known && pair && *pair; pair += 2)
                if (streq(pair[0], "driver"))
                        driver = pair[1];
                else if (streq(pair[0], "filename"))
                        filename = pair[1];
                else if (streq(pair[0], "format"))
                        format = pair[1];
                else
                        known = false;
        if (!known || !filename || !*filename)
                return error_set(ret_error, -EINVAL,
                                 _("'%s' names no backing image; give filename=FILE, and driver=DRIVER "
                                   "(file) and format=DRIVER (raw) where they differ, with commas between "
                                   "and those in a value doubled."),
                                 text);
        if (muster_gate_request_add_backing(request, driver, filename, format) < 0)
                return error_oom(ret_error);
        return 0;
}

static int add_option(MusterGateRequest *request, const char *text, MusterError **ret_error)
{
        const char *equals = strchr(text, '=');
        CLEANUP(free) char *key = equals ? strndup(text, (size_t)(equals - text)) : NULL;
        int r;

        if (!equals || equals == text)
                return error_set(ret_error, -EINVAL, _("'%s' is no option of a node; give KEY=VALUE."),
                                 text);
        r = key ? muster_gate_request_add_option(request, key, equals + 1) : -ENOMEM;
        if (r == -EINVAL)
                return error_set(ret_error, r, _("'%s' is no name of an option."), key);
        return r < 0 ? error_oom(ret_error) : 0;
}

static int add_conditions(const char *text, unsigned *conditions, MusterError **ret_error)
{
        static const struct {
                const char *name;
                unsigned condition;
        } known[] = {
                {"runas", MUSTER_LAUNCH_RUNAS},
                {"chroot", MUSTER_LAUNCH_CHROOT},
                {"uid", MUSTER_LAUNCH_UID},
                {"single-fd", MUSTER_LAUNCH_SINGLE_FD},
        };
        CLEANUP(strv) char **names = NULL;

        if (strv_split(text, ",", &names) < 0)
                return error_oom(ret_error);
        for (char **name = names; name && *name; name++) {
                size_t i = 0;

                while (i < ELEMENTSOF(known) && !streq(known[i].name, *name))
                        i++;
                if (i == ELEMENTSOF(known))
                        return error_set(
                                ret_error, -EINVAL,
                                _("'%s' is no launch condition; give runas, chroot, uid or single-fd."),
                                *name);
                *conditions |= known[i].condition;
        }
        return 0;
}

static int set_repeated(const Invocation *invocation, MusterGateRequest *request, MusterError **ret_error)
{
        unsigned conditions = 0;
        const char *value;
        int r;

        for (size_t cursor = 0; (value = option_next(invocation, &option_option, &cursor));)
                if ((r = add_option(request, value, ret_error)) < 0)
                        return r;
        for (size_t cursor = 0; (value = option_next(invocation, &option_backing, &cursor));)
                if ((r = add_backing(request, value, ret_error)) < 0)
                        return r;
        for (size_t cursor = 0; (value = option_next(invocation, &option_launch, &cursor));)
                if ((r = add_conditions(value, &conditions, ret_error)) < 0)
                        return r;
        muster_gate_request_set_launch(request, conditions);
        return 0;
}

static int set_accesses(const Invocation *invocation, MusterGateRequest *request, MusterError **ret_error)
{
        const char *access_name = option_value(invocation, &option_access);
        const char *fallback_name = option_value(invocation, &option_fallback);
        MusterAccess access, fallback;

        if (access_name && get_access(access_name, &access) < 0)
                return error_set(ret_error, -EINVAL, _("'%s' is no access; give ro, rw or on-demand."),
                                 access_name);
        if (access_name)
                muster_gate_request_set_access(request, access);
        if (!fallback_name)
                return 0;
        if (get_access(fallback_name, &fallback) < 0 ||
            muster_gate_request_set_fallback(request, fallback) < 0)
                return error_set(ret_error, -EINVAL, _("'%s' is no fallback; give ro or rw."),
                                 fallback_name);
        return 0;
}

/* What every request needs that is not a tree. */
static int check_complete(const Invocation *invocation, MusterError **ret_error)
{
        if (!option_value(invocation, &option_disk_driver))
                return error_set(ret_error, -EINVAL,
                                 _("--driver is missing, such as --driver file; or give '-' and a JSON tree "
                                   "on standard input."));
        if (!option_value(invocation, &option_access))
                return error_set(ret_error, -EINVAL, _("--access is missing: ro, rw or on-demand."));
        return 0;
}

static int set_tree(const Invocation *invocation, MusterGateRequest *request, MusterError **ret_error)
{
        static const Option *const excluded[] = {
                &option_disk_driver, &option_filename, &option_format, &option_option, &option_backing,
        };
        CLEANUP(free) char *text = NULL;
        int r;

        for (size_t i = 0; i < ELEMENTSOF(excluded); i++)
                if (option_given(invocation, excluded[i]))
                        return error_set(ret_error, -EINVAL,
                                         _("With a tree from standard input, --%s has no meaning."),
                                         excluded[i]->name);
        r = read_stdin(&text, ret_error);
        return r < 0 ? r : muster_gate_request_set_tree(request, text, ret_error);
}

static int set_one(MusterGateRequest *request, int (*set)(MusterGateRequest *, const char *),
                   const Option *option, const Invocation *invocation, MusterError **ret_error)
{
        const char *value = option_value(invocation, option);
        int r = value ? set(request, value) : 0;

        if (r == -EINVAL)
                return error_set(ret_error, r, _("'%s' does not fit --%s."), value, option->name);
        return r < 0 ? error_oom(ret_error) : 0;
}

static int set_scalars(const Invocation *invocation, MusterGateRequest *request, MusterError **ret_error)
{
        int r = set_one(request, muster_gate_request_set_driver, &option_disk_driver, invocation, ret_error);

        if (r >= 0)
                r = set_one(request, muster_gate_request_set_filename, &option_filename, invocation,
                            ret_error);
        if (r >= 0)
                r = set_one(request, muster_gate_request_set_format, &option_format, invocation, ret_error);
        return r;
}

int disk_request(const Invocation *invocation, MusterGateRequest **ret, MusterError **ret_error)
{
        CLEANUP(MusterGateRequest) MusterGateRequest *request = NULL;
        const char *tree = invocation->n_arguments > 0 ? invocation->arguments[0] : NULL;
        int r;

        if (tree && !streq(tree, "-"))
                return error_set(ret_error, -EINVAL,
                                 _("'%s' is not taken here; '-' reads a tree from standard input."), tree);
        if (muster_gate_request_new(&request) < 0)
                return error_oom(ret_error);
        r = tree ? 0 : check_complete(invocation, ret_error);
        if (r >= 0)
                r = set_accesses(invocation, request, ret_error);
        if (r >= 0)
                r = set_scalars(invocation, request, ret_error);
        if (r >= 0)
                r = set_one(request, muster_gate_request_set_node_name, &option_node_name, invocation,
                            ret_error);
        if (r >= 0)
                r = set_repeated(invocation, request, ret_error);
        if (r >= 0 && tree)
                r = set_tree(invocation, request, ret_error);
        if (r < 0)
                return r;
        *ret = TAKE(request);
        return 0;
}

static void say_list(const char *title, json_object *list)
{
        json_object *item;

        if (!list || json_object_array_length(list) == 0)
                return;
        say_styled(STYLE_BOLD, "\n%s\n", title);
        for (size_t i = 0; (item = array_object(list, i)); i++)
                if (json_object_is_type(item, json_type_string))
                        say_wrapped(json_object_get_string(item), 2, text_width());
                else
                        say("  %s\n", json_object_to_json_string_ext(item, JSON_C_TO_STRING_NOSLASHESCAPE |
                                                                                   JSON_C_TO_STRING_SPACED));
}

void say_decision(json_object *answer)
{
        const char *decision = json_get_string(answer, "decision");
        const char *access_name = json_get_string(answer, "access");
        Style style = STYLE_GOOD;

        if (streq_ptr(decision, "refused"))
                style = STYLE_BAD;
        else if (streq_ptr(decision, "fallback"))
                style = STYLE_OPEN;
        say_styled(style, "%s",
                   style == STYLE_BAD    ? _("refused")
                   : style == STYLE_OPEN ? _("allowed by the fallback")
                                         : _("allowed"));
        say("%s%s\n", access_name ? ": " : "", access_name ?: "");
        if (json_get_string(answer, "reason"))
                say_wrapped(json_get_string(answer, "reason"), 2, text_width());
        say_list(_("Arguments of blockdev-add, in this order"),
                 json_get(answer, "arguments", json_type_array));
        say_list(_("Notes"), json_get(answer, "notes", json_type_array));
        say_list(_("Nodes as the emulator has them"), json_get(answer, "nodes", json_type_array));
}

int exit_of_decision(int decision)
{
        return decision == MUSTER_DECISION_REFUSED ? EXIT_NO : EXIT_OK;
}
