/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/evidence.h"

#include "base/i18n.h"
#include "base/util.h"

#define LABEL_COLUMNS 12

Style verdict_style(const char *verdict)
{
        if (streq_ptr(verdict, "present"))
                return STYLE_GOOD;
        return streq_ptr(verdict, "absent") ? STYLE_BAD : STYLE_OPEN;
}

const char *verdict_word(const char *verdict)
{
        if (streq_ptr(verdict, "present"))
                return _("present");
        return streq_ptr(verdict, "absent") ? _("absent") : _("unknown");
}

unsigned text_width(void)
{
        unsigned width = output_width();

        return width == 0 || width > 100 ? 100 : width < 40 ? 40 : width;
}

json_object *array_object(json_object *array, size_t i)
{
        return array && i < json_object_array_length(array) ? json_object_array_get_idx(array, i) : NULL;
}

void say_field_styled(Style style, const char *label, const char *value)
{
        size_t columns = text_columns(label);

        if (!value || !*value)
                return;
        say("  %s%*s  ", label, columns < LABEL_COLUMNS ? (int)(LABEL_COLUMNS - columns) : 0, "");
        say_styled(style, "%s", value);
        say("\n");
}

void say_field(const char *label, const char *value)
{
        say_field_styled(STYLE_PLAIN, label, value);
}

static void say_mark(const char *result, bool bad)
{
        bool fancy = output_utf8();

        if (streq_ptr(result, "met"))
                say_styled(bad ? STYLE_BAD : STYLE_GOOD, "%s", bad ? "!" : fancy ? "✓" : "+");
        else if (streq_ptr(result, "unmet"))
                say_styled(bad ? STYLE_DIM : STYLE_BAD, "%s", fancy ? "✗" : "-");
        else if (streq_ptr(result, "unavailable"))
                say_styled(STYLE_OPEN, "?");
        else
                say_styled(STYLE_DIM, "%s", fancy ? "·" : ".");
}

static const char *result_word(const char *result)
{
        if (streq_ptr(result, "met"))
                return _("met");
        if (streq_ptr(result, "unmet"))
                return _("unmet");
        if (streq_ptr(result, "unavailable"))
                return _("unavailable");
        return streq_ptr(result, "not-asked") ? _("not asked") : result ?: "";
}

static void say_tie(json_object *tie, unsigned indent)
{
        const char *detail = json_get_string(tie, "detail"), *driver = json_get_string(tie, "driver");
        const char *result = json_get_string(tie, "result");
        bool bad = json_get_bool(tie, "bad", false);

        say("%*s", (int)indent, "");
        say_mark(result, bad);
        say(" %-8s ", json_get_string(tie, "kind") ?: "");
        say_styled(STYLE_BOLD, "%s", json_get_string(tie, "ref") ?: "");
        say_styled(STYLE_DIM, "  %s%s%s%s%s", result_word(result), bad ? _(", known as bad") : "",
                   driver ? " (" : "", driver ?: "", driver ? ")" : "");
        if (!json_get_bool(tie, "trusted", true))
                say_styled(STYLE_DIM, "%s", _(", not trusted"));
        say("\n");
        if (detail && *detail)
                say_wrapped(detail, indent + 4, text_width());
}

void say_ties(json_object *ties, unsigned indent)
{
        json_object *tie;

        for (size_t i = 0; (tie = array_object(ties, i)); i++)
                say_tie(tie, indent);
}

char *join_strings(json_object *array)
{
        char *joined = NULL;
        json_object *item;

        for (size_t i = 0; (item = array_object(array, i)); i++) {
                char *longer;

                if (asprintf(&longer, "%s%s%s", joined ?: "", joined ? ", " : "",
                             json_object_get_string(item)) < 0)
                        break;
                free(joined);
                joined = longer;
        }
        return joined;
}
