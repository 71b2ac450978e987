/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/invocation.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/suggest.h"

/*
 * One pass over argv. An option that stands before the verb is looked up among those of all verbs, which
 * have the same shape wherever they occur; whether the verb takes it is checked at the end, when the verb is
 * known.
 */

typedef struct Parser {
        int argc;
        char *const *argv;
        int next;
        bool options_ended;
        Invocation *invocation;
        MusterError **ret_error;
} Parser;

static int unknown_option(Parser *parser, const char *dashes, const char *name)
{
        const Verb *verb = parser->invocation->verb;
        Suggestion suggestion = {.word = name};

        for (const Option *const *o = options_common; *o; o++)
                suggestion_feed(&suggestion, (*o)->name);
        for (const Verb *const *v = verbs; *v; v++)
                for (const Option *const *o = !verb || *v == verb ? (*v)->options : NULL; o && *o; o++)
                        suggestion_feed(&suggestion, (*o)->name);
        if (suggestion.best && dashes[1])
                return error_set(parser->ret_error, -EINVAL,
                                 _("There is no option '%s%s' here; did you mean '--%s'?"), dashes, name,
                                 suggestion.best);
        if (verb)
                return error_set(parser->ret_error, -EINVAL,
                                 _("'%s' has no option '%s%s'; 'muster help %s' lists what it takes."),
                                 verb->name, dashes, name, verb->name);
        return error_set(parser->ret_error, -EINVAL, _("There is no option '%s%s'; see 'muster help'."),
                         dashes, name);
}

static int unknown_verb(Parser *parser, const char *group, const char *word)
{
        CLEANUP(free) char *name = NULL;
        Suggestion suggestion = {0};

        if (asprintf(&name, "%s%s%s", group ?: "", group ? " " : "", word) < 0) {
                name = NULL;
                return error_oom(parser->ret_error);
        }
        suggestion.word = name;
        for (const Verb *const *v = verbs; *v; v++)
                suggestion_feed(&suggestion, (*v)->name);
        if (suggestion.best)
                return error_set(parser->ret_error, -EINVAL, _("There is no verb '%s'; did you mean '%s'?"),
                                 name, suggestion.best);
        return error_set(parser->ret_error, -EINVAL,
                         _("There is no verb '%s'; 'muster help' lists them all."), name);
}

static int add_option(Parser *parser, const Option *option, const char *value)
{
        Invocation *invocation = parser->invocation;
        Given *grown;

        if (option == &option_help) {
                invocation->help = true;
                return 0;
        }
        grown = reallocarray(invocation->given, invocation->n_given + 1, sizeof(*grown));
        if (!grown)
                return error_oom(parser->ret_error);
        invocation->given = grown;
        invocation->given[invocation->n_given++] = (Given){option, value};
        return 0;
}

static int add_argument(Parser *parser, const char *argument)
{
        Invocation *invocation = parser->invocation;
        const char **grown;

        grown = reallocarray(invocation->arguments, invocation->n_arguments + 1, sizeof(*grown));
        if (!grown)
                return error_oom(parser->ret_error);
        invocation->arguments = grown;
        invocation->arguments[invocation->n_arguments++] = argument;
        return 0;
}

/* The value of an option: what was attached to it, or the next word. */
static int take_value(Parser *parser, const Option *option, const char *attached)
{
        if (attached)
                return add_option(parser, option, attached);
        if (parser->next >= parser->argc)
                return error_set(parser->ret_error, -EINVAL, _("Option '--%s' needs a value: --%s %s."),
                                 option->name, option->name, _(option->argument));
        return add_option(parser, option, parser->argv[parser->next++]);
}

/* virsh's --domain NAME, for the first argument of the verbs that are about one. */
static bool is_domain(const Parser *parser, const char *name)
{
        const Verb *verb = parser->invocation->verb;

        return verb && verb->complete && startswith(verb->complete, "<domain") && streq(name, "domain");
}

static int take_domain(Parser *parser, const char *attached)
{
        Invocation *invocation = parser->invocation;
        const char *name = attached;
        int r;

        if (!name && parser->next < parser->argc)
                name = parser->argv[parser->next++];
        if (!name)
                return error_set(parser->ret_error, -EINVAL, _("Option '--%s' needs a value: --%s %s."),
                                 "domain", "domain", _("DOMAIN"));
        r = add_argument(parser, name);
        if (r < 0)
                return r;
        memmove(invocation->arguments + 1, invocation->arguments,
                (invocation->n_arguments - 1) * sizeof(*invocation->arguments));
        invocation->arguments[0] = name;
        return 0;
}

static int parse_long(Parser *parser, const char *text)
{
        const char *equals = strchrnul(text, '=');
        CLEANUP(free) char *name = strndup(text, (size_t)(equals - text));
        const Option *option;

        if (!name)
                return error_oom(parser->ret_error);
        if (streq(name, "version") && !*equals && !parser->invocation->verb) {
                parser->invocation->version = true;
                return 0;
        }
        option = option_find(parser->invocation->verb, name);
        if (!option && is_domain(parser, name))
                return take_domain(parser, *equals ? equals + 1 : NULL);
        if (!option)
                return unknown_option(parser, "--", name);
        if (option->argument)
                return take_value(parser, option, *equals ? equals + 1 : NULL);
        if (*equals)
                return error_set(parser->ret_error, -EINVAL, _("Option '--%s' takes no value."),
                                 option->name);
        return add_option(parser, option, /* value= */ NULL);
}

static int parse_letters(Parser *parser, const char *letters)
{
        int r;

        for (; *letters; letters++) {
                const Option *option = option_find_letter(parser->invocation->verb, *letters);

                if (!option)
                        return unknown_option(parser, "-", (const char[]){*letters, '\0'});
                if (option->argument)
                        return take_value(parser, option, letters[1] ? letters + 1 : NULL);
                r = add_option(parser, option, /* value= */ NULL);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int parse_word(Parser *parser, const char *word)
{
        Invocation *invocation = parser->invocation;
        char name[128];

        if (invocation->verb)
                return add_argument(parser, word);
        if (!invocation->group) {
                invocation->verb = verb_find(word);
                if (invocation->verb)
                        return 0;
                if (!verb_is_group(word))
                        return unknown_verb(parser, /* group= */ NULL, word);
                invocation->group = word;
                return 0;
        }
        if (snprintf(name, sizeof(name), "%s %s", invocation->group, word) < (int)sizeof(name))
                invocation->verb = verb_find(name);
        return invocation->verb ? 0 : unknown_verb(parser, invocation->group, word);
}

/* What was given before the verb was known may not belong to it. */
static int check_options(Parser *parser)
{
        Invocation *invocation = parser->invocation;

        for (size_t i = 0; i < invocation->n_given; i++) {
                const Option *option = option_find(invocation->verb, invocation->given[i].option->name);

                if (!option)
                        return unknown_option(parser, "--", invocation->given[i].option->name);
                invocation->given[i].option = option;
        }
        return 0;
}

static int check_arguments(Parser *parser)
{
        const Invocation *invocation = parser->invocation;
        const Verb *verb = invocation->verb;

        if (invocation->n_arguments < verb->min_arguments)
                return error_set(parser->ret_error, -EINVAL, _("'%s' needs more: muster %s %s."), verb->name,
                                 verb->name, _(verb->arguments));
        if (invocation->n_arguments > verb->max_arguments && verb->arguments)
                return error_set(parser->ret_error, -EINVAL, _("'%s' is one too many: muster %s %s."),
                                 invocation->arguments[verb->max_arguments], verb->name, _(verb->arguments));
        if (invocation->n_arguments > verb->max_arguments)
                return error_set(parser->ret_error, -EINVAL, _("'%s' is too much: '%s' takes options only."),
                                 invocation->arguments[0], verb->name);
        return 0;
}

static int parse_one(Parser *parser, const char *word)
{
        if (parser->options_ended || word[0] != '-' || !word[1])
                return parse_word(parser, word);
        if (streq(word, "--")) {
                parser->options_ended = true;
                return 0;
        }
        return word[1] == '-' ? parse_long(parser, word + 2) : parse_letters(parser, word + 1);
}

static int parse(Parser *parser)
{
        int r;

        while (parser->next < parser->argc) {
                r = parse_one(parser, parser->argv[parser->next++]);
                if (r < 0)
                        return r;
        }
        if (parser->invocation->help || !parser->invocation->verb)
                return 0;
        r = check_options(parser);
        return r < 0 ? r : check_arguments(parser);
}

int invocation_parse(int argc, char *const *argv, Invocation *ret, MusterError **ret_error)
{
        __attribute__((cleanup(cleanup_invocation))) Invocation invocation = {0};
        Parser parser = {
                .argc = argc, .argv = argv, .next = 1, .invocation = &invocation, .ret_error = ret_error};
        int r;

        r = parse(&parser);
        if (r < 0)
                return r;
        *ret = invocation;
        invocation = (Invocation){0};
        return 0;
}

void invocation_done(Invocation *invocation)
{
        free(invocation->given);
        free(invocation->arguments);
        *invocation = (Invocation){0};
}

bool option_given(const Invocation *invocation, const Option *option)
{
        for (size_t i = 0; i < invocation->n_given; i++)
                if (invocation->given[i].option == option)
                        return true;
        return false;
}

const char *option_value(const Invocation *invocation, const Option *option)
{
        for (size_t i = invocation->n_given; i > 0; i--)
                if (invocation->given[i - 1].option == option)
                        return invocation->given[i - 1].value;
        return NULL;
}

const char *option_next(const Invocation *invocation, const Option *option, size_t *cursor)
{
        while (*cursor < invocation->n_given) {
                const Given *given = &invocation->given[(*cursor)++];

                if (given->option == option)
                        return given->value;
        }
        return NULL;
}

int parse_number(const char *text, unsigned max, unsigned *ret)
{
        unsigned long number = 0;

        if (!*text)
                return -EINVAL;
        for (; *text; text++) {
                if (*text < '0' || *text > '9')
                        return -EINVAL;
                number = number * 10 + (unsigned long)(*text - '0');
                if (number > max)
                        return -EINVAL;
        }
        *ret = (unsigned)number;
        return 0;
}

int parse_seconds(const char *text, uint64_t *ret_usec)
{
        const char *point = strchrnul(text, '.');
        CLEANUP(free) char *whole = strndup(text, (size_t)(point - text));
        unsigned seconds = 0, digit, unit = USEC_PER_SEC / 10;
        uint64_t usec;
        int r;

        if (!whole)
                return -ENOMEM;
        if (*whole || !point[0] || !point[1]) {
                r = parse_number(whole, 24 * 60 * 60, &seconds);
                if (r < 0)
                        return r;
        }
        usec = seconds * USEC_PER_SEC;
        for (const char *p = *point ? point + 1 : point; *p; p++, unit /= 10) {
                r = parse_number((const char[]){*p, '\0'}, 9, &digit);
                if (r < 0)
                        return r;
                usec += (uint64_t)digit * unit;
        }
        if (usec < USEC_PER_MSEC || usec > 24 * 60 * 60 * USEC_PER_SEC)
                return -EINVAL;
        *ret_usec = usec;
        return 0;
}
