/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/help.h"

#include "base/i18n.h"
#include "base/util.h"
#include "cli/evidence.h"
#include "cli/options.h"
#include "cli/output.h"

#define VERB_COLUMNS 20
#define HELP_COLUMN  30

static void list_verb(FILE *file, const Verb *verb)
{
        fprintf(file, "  %-*s %s\n", VERB_COLUMNS, verb->name, _(verb->summary));
}

void help_overview(FILE *file)
{
        static const char *const titles[VERB_GROUPS] = {
                [VERB_GROUP_DOMAINS] = N_("Domains, through the daemon:"),
                [VERB_GROUP_DEVICES] = N_("Devices and disks of a domain:"),
                [VERB_GROUP_DEFINITIONS] = N_("Definitions of domains:"),
                [VERB_GROUP_EMULATORS] = N_("What an emulator can do:"),
                [VERB_GROUP_STORE] = N_("What is stored about emulators:"),
                [VERB_GROUP_MUSTER] = N_("Muster itself:"),
        };

        fprintf(file, "%s\n%s\n", _("Usage: muster VERB [OPTIONS] [ARGUMENTS]"),
                _("Learns what a QEMU really can do, shows on what that rests, gates what is sent to it, "
                  "and "
                  "manages the guests that run in it."));
        for (int group = 0; group < VERB_GROUPS; group++) {
                fprintf(file, "\n%s\n", _(titles[group]));
                for (const Verb *const *verb = verbs; *verb; verb++)
                        if ((int)(*verb)->group == group)
                                list_verb(file, *verb);
        }
        fprintf(file, "\n%s\n", _("'muster help VERB' tells more; most people start with 'muster probe'."));
}

void help_group(FILE *file, const char *group)
{
        fprintf(file, _("Verbs of '%s':\n"), group);
        for (const Verb *const *verb = verbs; *verb; verb++)
                if (startswith((*verb)->name, group) && (*verb)->name[strlen(group)] == ' ')
                        list_verb(file, *verb);
        fprintf(file, _("\n'muster help %s VERB' tells more.\n"), group);
}

char *help_synopsis(const Verb *verb)
{
        bool options = verb->options && verb->options[0];
        char *text;

        if (asprintf(&text, "muster %s%s%s%s%s", verb->name, options ? " " : "",
                     options ? _("[OPTIONS]") : "", verb->arguments ? " " : "",
                     verb->arguments ? _(verb->arguments) : "") < 0)
                return NULL;
        return text;
}

char *help_option_usage(const Option *option)
{
        char letter[] = "-?, ";
        char *text;

        letter[1] = option->letter;
        if (asprintf(&text, "%s--%s%s%s", option->letter ? letter : "    ", option->name,
                     option->argument ? " " : "", option->argument ? _(option->argument) : "") < 0)
                return NULL;
        return text;
}

static void help_option(const Option *option)
{
        CLEANUP(free) char *usage = help_option_usage(option);
        CLEANUP(free) char *head = NULL;

        if (!usage || asprintf(&head, "  %s", usage) < 0)
                head = NULL;
        say_hanging(head ?: option->name, _(option->help), HELP_COLUMN, text_width());
}

void help_verb(const Verb *verb)
{
        CLEANUP(free) char *synopsis = help_synopsis(verb);

        say_styled(STYLE_BOLD, "%s", synopsis ?: verb->name);
        say("\n\n");
        say_wrapped(_(verb->about), 0, text_width());
        say_styled(STYLE_BOLD, "\n%s\n", _("Options"));
        for (const Option *const *option = verb->options; option && *option; option++)
                help_option(*option);
        for (const Option *const *option = options_common; *option; option++)
                help_option(*option);
        say_styled(STYLE_BOLD, "\n%s\n", _("Example"));
        say("  %s\n", verb->example);
}
