/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/argv-private.h"

/*
 * JSON and "key=value,…" become the same: flat members with texts. So what is compared does not depend on
 * which of the two somebody wrote, nor on whether "on" was spelled "yes" or "true".
 */

#define WORDS_MAX  10000
#define LEVELS_MAX 16

/* How an option reads its argument: the key of its first word; NULL: the whole argument is one value. */
static const struct {
        const char *name, *implied;
        const char *means; /* the option that it is another spelling of */
} options[] = {
        {"accel", "accel", NULL},
        {"action", "", NULL},
        {"add-fd", "", NULL},
        {"audiodev", "driver", NULL},
        {"blockdev", "driver", NULL},
        {"boot", "order", NULL},
        {"chardev", "backend", NULL},
        {"compat", "", NULL},
        {"cpu", "model", NULL},
        {"device", "driver", NULL},
        {"display", "type", NULL},
        {"drive", "", NULL},
        {"fsdev", "fsdriver", NULL},
        {"fw_cfg", "name", NULL},
        {"global", "", NULL},
        {"icount", "shift", NULL},
        {"m", "size", NULL},
        {"M", "type", "machine"},
        {"machine", "type", NULL},
        {"mon", "chardev", NULL},
        {"msg", "", NULL},
        {"name", "guest", NULL},
        {"net", "type", NULL},
        {"netdev", "type", NULL},
        {"nic", "type", NULL},
        {"numa", "type", NULL},
        {"object", "qom-type", NULL},
        {"overcommit", "", NULL},
        {"rtc", "", NULL},
        {"run-with", "", NULL},
        {"sandbox", "enable", NULL},
        {"smbios", "", NULL},
        {"smp", "cpus", NULL},
        {"spice", "", NULL},
        {"tpmdev", "type", NULL},
        {"vnc", "vnc", NULL},
};

/* Those that take no argument; the word behind is an option again. */
static const char *const flags[] = {
        "S",
        "s",
        "daemonize",
        "enable-fips",
        "enable-kvm",
        "full-screen",
        "mem-prealloc",
        "no-acpi",
        "no-fd-bootchk",
        "no-hpet",
        "no-kvm",
        "no-quit",
        "no-reboot",
        "no-shutdown",
        "no-user-config",
        "nodefaults",
        "nographic",
        "only-migratable",
        "preconfig",
        "singlestep",
        "snapshot",
        "usb",
        "win2k-hack",
        "xen-attach",
        "xen-domid-restrict",
        "alt-grab",
        "ctrl-grab",
        "curses",
        "old-param",
        "semihosting",
        "sdl",
        "gtk",
        "enable-sync-profile",
        "nouserconfig",
        "perfmap",
        "jitdump",
        NULL,
};

void argv_clear(Argv *argv)
{
        for (size_t i = 0; i < argv->n; i++) {
                free(argv->options[i].name);
                json_object_put(argv->options[i].values);
                json_object_put(argv->options[i].taken);
        }
        free(argv->options);
        free(argv->emulator);
        *argv = (Argv){};
}

ArgvOption *argv_add(Argv *argv, const char *name)
{
        ArgvOption *more = realloc(argv->options, (argv->n + 1) * sizeof(*more)), *option;

        if (!more)
                return NULL;
        argv->options = more;
        option = &argv->options[argv->n];
        *option = (ArgvOption){
                .name = strdup(name), .values = json_object_new_object(), .taken = json_object_new_object()};
        argv->n++; /* half made: cleared like a whole one */
        return option->name && option->values && option->taken ? option : NULL;
}

/* --- values ---------------------------------------------------------------------------------------- */

static const char *spelling(const char *value)
{
        static const char *const on[] = {"yes", "true", "y", NULL}, *const off[] = {"no", "false", "n",
                                                                                    NULL};

        for (size_t i = 0; on[i]; i++)
                if (streq(value, on[i]))
                        return "on";
        for (size_t i = 0; off[i]; i++)
                if (streq(value, off[i]))
                        return "off";
        return value;
}

/* "0x2.0x1", "02.1" and "2.1" are one place; a function that is not said is the first. */
static char *place_text(const char *value)
{
        char *end;
        unsigned long slot = strtoul(value, &end, 16), function = 0;

        if (end == value || (*end && *end != '.'))
                return strdup(value);
        if (*end == '.')
                function = strtoul(end + 1, &end, 16);
        return *end ? strdup(value) : text_format("%lx.%lx", slot, function);
}

static char *value_text(const char *key, const char *value)
{
        char *end;
        unsigned long long number;

        if (streq(key, "addr") && strchr("0123456789abcdef", value[0]) && !strchr(value, ':') &&
            strlen(value) < 10 && strcspn(value, ".") <= 4 && !strstr(value, "/"))
                return place_text(value);
        if (!startswith(value, "0x"))
                return strdup(spelling(value));
        errno = 0;
        number = strtoull(value, &end, 16);
        return *end || errno ? strdup(value) : text_format("%llu", number);
}

/* What XML can hold. */
static bool is_text(const char *text)
{
        if (!text_is_utf8(text, strlen(text)) || strstr(text, "\xef\xbf\xbe") ||
            strstr(text, "\xef\xbf\xbf"))
                return false;
        for (; *text; text++)
                if ((unsigned char)*text < 0x20 && *text != '\t' && *text != '\n')
                        return false;
        return true;
}

const char *argv_get(const ArgvOption *option, const char *key)
{
        return json_get_string(option->values, key);
}

int argv_put(ArgvOption *option, const char *key, const char *value)
{
        CLEANUP(free) char *text = NULL;

        if (!is_text(key) || !is_text(value))
                return -EINVAL;
        text = value_text(key, value);
        return text ? json_add_string(option->values, key, text) : -ENOMEM;
}

/* A key that is there already is a list's: hostfwd=…,hostfwd=… */
static int put_again(ArgvOption *option, const char *key, const char *value)
{
        static const char *const lists[] = {"hostfwd", "guestfwd", "dnssearch"};

        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                for (unsigned n = 0; streq(key, lists[i]); n++) {
                        CLEANUP(free) char *item = text_format("%s.%u.str", key, n);

                        if (!item)
                                return -ENOMEM;
                        if (!argv_get(option, item))
                                return argv_put(option, item, value);
                }
        return argv_put(option, key, value);
}

/* One "key=value" up to a single comma; ",," is a comma. Returns what is behind. */
static const char *next_word(const char *text, char *buffer)
{
        for (; *text; text++) {
                if (*text == ',' && *++text != ',') {
                        *buffer = 0;
                        return text;
                }
                *buffer++ = *text;
        }
        *buffer = 0;
        return text;
}

static int read_word(ArgvOption *option, char *word, const char *implied, bool first)
{
        char *equals = strchr(word, '=');
        const char *value = "on";

        if (first && *implied && (!equals || (size_t)(equals - word) > strcspn(word, ",:/ ")))
                return argv_put(option, implied, word);
        if (streq(option->name, "cpu") && (*word == '+' || *word == '-') && !equals)
                return argv_put(option, word + 1, *word == '+' ? "on" : "off");
        if (equals) {
                *equals = 0;
                value = equals + 1;
        }
        return put_again(option, word, value);
}

int argv_read_text(ArgvOption *option, const char *text, const char *implied)
{
        CLEANUP(free) char *word = malloc(strlen(text) + 1);
        int r = word ? 0 : -ENOMEM;

        for (bool first = true; r >= 0 && *text; first = false) {
                text = next_word(text, word);
                if (*word)
                        r = read_word(option, word, implied, first);
        }
        return r;
}

static int flatten(ArgvOption *option, json_object *value, const char *key, unsigned level);

static int flatten_member(ArgvOption *option, json_object *value, const char *prefix, const char *name,
                          unsigned level)
{
        CLEANUP(free) char *key = *prefix ? text_format("%s.%s", prefix, name) : strdup(name);

        return key ? flatten(option, value, key, level) : -ENOMEM;
}

static int flatten(ArgvOption *option, json_object *value, const char *key, unsigned level)
{
        int r = 0;

        if (level > LEVELS_MAX)
                return -E2BIG;
        if (json_object_is_type(value, json_type_object)) {
                json_object_object_foreach (value, name, member) {
                        r = flatten_member(option, member, key, name, level + 1);
                        if (r < 0)
                                break;
                }
                return r;
        }
        for (size_t i = 0;
             json_object_is_type(value, json_type_array) && r >= 0 && i < json_object_array_length(value);
             i++) {
                char number[24];

                snprintf(number, sizeof(number), "%zu", i);
                r = flatten_member(option, json_object_array_get_idx(value, i), key, number, level + 1);
        }
        if (json_object_is_type(value, json_type_array))
                return r;
        return argv_put(option, key, value ? json_object_get_string(value) : "null");
}

static int read_json(ArgvOption *option, const char *text)
{
        CLEANUP(json) json_object *value = NULL;
        int r = json_parse(text, strlen(text), &value);

        if (r == -ENOMEM || r < 0)
                return r;
        return flatten(option, value, "", 0);
}

/* --- words ----------------------------------------------------------------------------------------- */

static bool is_flag(const char *name)
{
        for (size_t i = 0; flags[i]; i++)
                if (streq(flags[i], name))
                        return true;
        return false;
}

static int read_argument(ArgvOption *option, const char *text)
{
        for (size_t i = 0; i < ELEMENTSOF(options); i++) {
                if (!streq(options[i].name, option->name))
                        continue;
                if (options[i].means) {
                        free(option->name);
                        option->name = strdup(options[i].means);
                        if (!option->name)
                                return -ENOMEM;
                }
                if (*text == '{') {
                        int r = read_json(option, text);

                        if (r != -EBADMSG)
                                return r;
                }
                return argv_read_text(option, text, options[i].implied);
        }
        return is_text(text) ? json_add_string(option->values, "", text) : -EINVAL;
}

/* One word, or two. A word that is no option is a disk, as -hda. */
static int read_option(Argv *argv, char *const **words)
{
        const char *word = *(*words)++, *name = word + 1;
        ArgvOption *option;

        if (*word != '-') {
                option = argv_add(argv, "hda");
                if (option && !is_text(word))
                        return -EINVAL;
                return option ? json_add_string(option->values, "", word) : -ENOMEM;
        }
        if (*name == '-')
                name++;
        option = is_text(name) ? argv_add(argv, name) : NULL;
        if (!option)
                return is_text(name) ? -ENOMEM : -EINVAL;
        if (is_flag(name) || !**words)
                return 0;
        return read_argument(option, *(*words)++);
}

int argv_read(char *const *words, Argv *ret, MusterError **ret_error)
{
        CLEANUP(argv) Argv argv = {};
        int r = 0;

        if (!words[0] || !*words[0])
                return error_set(ret_error, -EINVAL, _("The command line is empty."));
        if (strv_length(words) > WORDS_MAX)
                return error_set(ret_error, -E2BIG, _("The command line has more than %d words."),
                                 WORDS_MAX);
        argv.emulator = strdup(words[0]);
        words++;
        while (r >= 0 && *words)
                r = read_option(&argv, &words);
        if (r >= 0)
                r = argv.emulator ? argv_expand(&argv) : -ENOMEM;
        if (r == -EINVAL)
                return error_set(ret_error, r, _("The command line holds bytes that are no text."));
        if (r < 0)
                return error_errno(ret_error, r, _("The command line cannot be read"));
        *ret = argv;
        argv = (Argv){};
        return 0;
}

/* "-device virtio-blk-pci,drive=a" as messages name it: what is left of it. */
char *argv_option_text(const ArgvOption *option)
{
        char *text = text_format("-%s", option->name);
        bool first = true;

        json_object_object_foreach (option->values, key, value) {
                char *longer = text_format("%s%s%s%s%s", text ?: "", first ? " " : ",", key, *key ? "=" : "",
                                           json_object_get_string(value));

                free(text);
                text = longer;
                first = false;
        }
        return text;
}
