/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/command.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/option.h"

/*
 * Between single quotes a shell reads every byte as it is, but for the single quote, for which '\'' leaves
 * the quotes and comes back. That holds for bash's history expansion, too, which "!" would set off in double
 * ones. Words of harmless characters stay bare; not among those are '~', which is a home even behind '=',
 * and '{', and in front of a word '=', which is a path for zsh.
 */

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.,:/@%+="

static int reserve(Command *command, size_t more)
{
        char **argv;
        bool *begins;

        argv = reallocarray(command->argv, command->n + more + 1, sizeof(*argv));
        if (!argv)
                return -ENOMEM;
        command->argv = argv;
        command->argv[command->n] = NULL;
        begins = reallocarray(command->begins, command->n + more, sizeof(*begins));
        if (!begins)
                return -ENOMEM;
        command->begins = begins;
        return 0;
}

static void append(Command *command, char *word, bool begins)
{
        command->begins[command->n] = begins;
        command->argv[command->n++] = word;
        command->argv[command->n] = NULL;
}

int command_add(Command *command, const char *option, const char *argument)
{
        CLEANUP(free) char *first = strdup(option), *second = argument ? strdup(argument) : NULL;
        int r;

        if (!first || (argument && !second))
                return -ENOMEM;
        r = reserve(command, second ? 2 : 1);
        if (r < 0)
                return r;
        append(command, TAKE(first), /* begins= */ true);
        if (second)
                append(command, TAKE(second), /* begins= */ false);
        return 0;
}

int command_add_properties(Command *command, const char *option, const json_object *properties, bool json,
                           MusterError **ret_error)
{
        const OptionSyntax *syntax = option_syntax(option);
        CLEANUP(free) char *text = NULL;
        bool takes_json;
        int r;

        if (!syntax)
                return error_set(ret_error, -EINVAL, _("No properties are known to make an argument of %s."),
                                 option);
        takes_json = syntax->json && (json || !*syntax->json);
        r = option_text(properties, takes_json ? OPTION_JSON : syntax->text, syntax->implied, &text,
                        ret_error);
        if (r < 0) {
                error_prefix(ret_error, "%s", option);
                return r;
        }
        return command_add(command, option, text) < 0 ? error_oom(ret_error) : 0;
}

/* A first word with '=' in it would set a variable, if a shell saw it bare. */
static bool needs_quotes(const char *word, bool first)
{
        return !*word || *word == '=' || (first && strchr(word, '=')) || word[strspn(word, PLAIN)] != '\0';
}

static void write_word(FILE *out, const char *word, bool first)
{
        if (!needs_quotes(word, first)) {
                fputs(word, out);
                return;
        }
        fputc('\'', out);
        for (; *word; word++)
                if (*word == '\'')
                        fputs("'\\''", out);
                else
                        fputc(*word, out);
        fputc('\'', out);
}

char *command_quote(const char *word)
{
        CLEANUP(free) char *text = NULL;
        CLEANUP(file) FILE *out = NULL;
        size_t size;

        out = open_memstream(&text, &size);
        if (!out)
                return NULL;
        write_word(out, word, /* first= */ false);
        if (ferror(out) || fclose(TAKE(out)) != 0)
                return NULL;
        return TAKE(text);
}

char *command_to_text(const Command *command)
{
        CLEANUP(free) char *text = NULL;
        CLEANUP(file) FILE *out = NULL;
        size_t size;

        out = open_memstream(&text, &size);
        if (!out)
                return NULL;
        for (size_t i = 0; i < command->n; i++) {
                if (i > 0)
                        fputs(command->begins[i] ? " \\\n" : " ", out);
                write_word(out, command->argv[i], /* first= */ i == 0);
        }
        fputc('\n', out);
        if (ferror(out) || fclose(TAKE(out)) != 0)
                return NULL;
        return TAKE(text);
}

void command_clear(Command *command)
{
        strv_free(command->argv);
        free(command->begins);
        *command = (Command){0};
}
