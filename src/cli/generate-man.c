/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/i18n.h"
#include "base/util.h"
#include "cli/generate.h"
#include "cli/help.h"
#include "cli/options.h"
#include "config.h"

/* Text for roff: nothing in it is a request or an escape, and hyphens stay hyphens. */
static void put_text(const char *text)
{
        bool line_start = true;

        for (; *text; text++) {
                if (line_start && (*text == '.' || *text == '\''))
                        fputs("\\&", stdout);
                if (*text == '\\')
                        fputs("\\e", stdout);
                else if (*text == '-')
                        fputs("\\-", stdout);
                else if (*text == '\'')
                        fputs("\\(aq", stdout);
                else
                        putchar(*text);
                line_start = *text == '\n';
        }
}

static void put_macro(const char *macro, const char *text)
{
        printf(".%s \"", macro);
        put_text(text);
        puts("\"");
}

/* Paragraphs, a line each; lines that start with blanks stay as they are. */
static void put_paragraphs(const char *text)
{
        bool verbatim = false;

        while (*text) {
                size_t length = strcspn(text, "\n");
                CLEANUP(free) char *line = strndup(text, length);
                bool blank = *text == ' ';

                if (blank != verbatim)
                        puts(blank ? ".PP\n.nf" : ".fi");
                if (!blank)
                        puts(".PP");
                verbatim = blank;
                put_text(line ?: "");
                putchar('\n');
                text += length + (text[length] == '\n');
        }
        if (verbatim)
                puts(".fi");
}

static bool ends_in_stop(const char *text)
{
        size_t length = strlen(text);

        return length > 0 && text[length - 1] == '.';
}

static void put_option(const Option *option)
{
        CLEANUP(free) char *usage = help_option_usage(option);
        const char *start = usage ?: option->name;

        printf(".TP\n\\fB");
        put_text(start + strspn(start, " "));
        printf("\\fR\n");
        put_text(_(option->help));
        puts(ends_in_stop(_(option->help)) ? "" : ".");
        if (option->repeat)
                puts("May be repeated.");
}

static void put_verb(const Verb *verb)
{
        CLEANUP(free) char *synopsis = help_synopsis(verb);

        put_macro("SS", synopsis ?: verb->name);
        put_text(_(verb->summary));
        puts(".");
        put_paragraphs(_(verb->about));
        for (const Option *const *option = verb->options; option && *option; option++)
                put_option(*option);
}

static const struct {
        const char *section;
        const char *items[24][2]; /* term and text */
} sections[] = {
        {N_("EXIT STATUS"),
         {
                 {"0", N_("All is well: the feature is present, the path is met, the disk is allowed.")},
                 {"1", N_("The answer is no: absent, not there, differs, faulty, refused; there is no such "
                          "domain, or "
                          "it is not in a state for that.")},
                 {"2", N_("An error; a sentence on standard error says what failed and what helps.")},
                 {"3", N_("It could not be determined whether the feature is present.")},
                 {"128+N",
                  N_("Interrupted by signal N; a probe that was started is gone, but the daemon goes on "
                     "with what it was asked for.")},
         }},
        {N_("FILES"),
         {
                 {MUSTER_FEATURES_DIR "/*.ini", N_("The features that are shipped.")},
                 {"/etc/muster/features.d/*.ini",
                  N_("The administrator's: they add features or replace some.")},
                 {"~/.config/muster/features.d/*.ini",
                  N_("The user's: they come last. Check them with 'muster catalogue check'.")},
                 {"/run/muster/muster.sock",
                  N_("Where the system's daemon listens: root's, and that of the group muster.")},
                 {"$XDG_RUNTIME_DIR/muster/muster.sock", N_("Where a user's own daemon listens.")},
                 {"~/.local/state/muster/musterd.log",
                  N_("What a user's own daemon says, if muster has started it.")},
                 {"/var/cache/muster", N_("The cache, of root; muster-store(5) says what is in it.")},
                 {"~/.cache/muster", N_("The cache, of others.")},
         }},
        {N_("ENVIRONMENT"),
         {
                 {"MUSTER_FEATURES_DIR", N_("A folder in place of that of the shipped features.")},
                 {"MUSTER_SCHEMAS_DIR",
                  N_("A folder in place of that of the RELAX NG schema of definitions.")},
                 {"MUSTER_RUN_DIR",
                  N_("Where domains keep their sockets, in place of /run/muster/domains (of others than "
                     "root: $XDG_RUNTIME_DIR/muster/domains).")},
                 {"MUSTER_STATE_DIR",
                  N_("Where domains keep what outlives them, in place of /var/lib/muster/domains (of others "
                     "than root: ~/.local/state/muster/domains).")},
                 {"MUSTER_CONNECT", N_("The daemon, as --connect names it, where that is not given.")},
                 {"MUSTER_DAEMON",
                  N_("The program that is started as a user's own daemon, in place of the musterd beside "
                     "muster.")},
                 {"XDG_RUNTIME_DIR", N_("Where a user's own daemon has its socket.")},
                 {"XDG_STATE_HOME",
                  N_("Where the log of a user's own daemon is, as muster, in place of ~/.local/state.")},
                 {"MUSTER_CACHE_DIR", N_("The folder of the cache, in place of either of those above.")},
                 {"XDG_CONFIG_HOME", N_("Where the user's muster/features.d is, in place of ~/.config.")},
                 {"XDG_CACHE_HOME",
                  N_("Where the cache of others than root is, as muster, in place of ~/.cache.")},
                 {"HOME", N_("What ~ stands for.")},
                 {"NO_COLOR", N_("If set and not empty, nothing is coloured.")},
                 {"PATH", N_("Where emulators named without a slash are looked for, and those of --all.")},
         }},
};

static void put_examples(void)
{
        puts(".SH EXAMPLES");
        for (const Verb *const *verb = verbs; *verb; verb++) {
                puts(".TP");
                put_text(_((*verb)->summary));
                printf("\n\\fB");
                put_text((*verb)->example);
                puts("\\fR");
        }
        puts(".TP");
        put_text(_("use dynamic auto-read-only in a script only where it is there"));
        printf("\n\\fB");
        put_text("if muster has dynamic-auto-read-only --driver file; then ...; fi");
        puts("\\fR");
}

void generate_man(void)
{
        puts(".\\\" SPDX-License-Identifier: LGPL-2.1-or-later\n.\\\" Generated by: muster --generate man");
        puts(".TH MUSTER 1 \"\" \"muster " MUSTER_VERSION "\" \"User Commands\"\n.SH NAME");
        put_text("muster - learns what a QEMU really can do, and gates what is sent to it\n");
        puts(".SH SYNOPSIS\n.B muster\n.I VERB\n[\\fIOPTIONS\\fR] [\\fIARGUMENTS\\fR]\n.SH DESCRIPTION");
        put_paragraphs(_("Muster asks an emulator what it offers, by starting it without a guest or through "
                         "the QMP socket of a running one, and judges by that which features of its "
                         "catalogue are present, absent or unknown. Every verdict comes with its evidence: "
                         "the ties, which are places where a feature's presence shows, and what stood "
                         "there. From the verdicts it derives how a disk is to be added.\n"
                         "Domains are kept by a daemon, musterd(8): the system's for root and the group "
                         "muster, their own for everybody else, which is started when it is needed. The "
                         "verbs have virsh's names and options, and say what virsh says; --domain NAME may "
                         "stand in place of the first argument.\n"
                         "Options may stand before or behind the verb, as --name=value or --name value; -- "
                         "ends them."));
        puts(".SH OPTIONS OF EVERY VERB");
        for (const Option *const *option = options_common; *option; option++)
                put_option(*option);
        puts(".SH VERBS");
        for (const Verb *const *verb = verbs; *verb; verb++)
                put_verb(*verb);
        for (size_t i = 0; i < ELEMENTSOF(sections); i++) {
                put_macro("SH", _(sections[i].section));
                for (size_t j = 0; j < ELEMENTSOF(sections[i].items) && sections[i].items[j][0]; j++) {
                        puts(".TP");
                        put_text(sections[i].items[j][0]);
                        putchar('\n');
                        put_text(_(sections[i].items[j][1]));
                        putchar('\n');
                }
        }
        put_examples();
        puts(".SH SEE ALSO\n.BR muster\\-store (5),\n.BR qemu (1),\n"
             ".BR qemu\\-storage\\-daemon (1),\n.BR virsh (1),\n.BR musterd (8),\n.BR musterd.conf (5)");
}
