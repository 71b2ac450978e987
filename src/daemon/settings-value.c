/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The text of one value made the value, by type. Nothing is rounded, cut or guessed. */

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <sys/un.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/settings-private.h"

#define NAMES_MAX 64 /* of groups: the kernel's 65536 would only make start slow */

typedef struct Unit {
        const char *name;
        uint64_t factor;
} Unit;

static const Unit no_units[] = {{"", 1}, {NULL, 0}};
static const Unit sizes[] = {
        {"", 1},
        {"K", UINT64_C(1) << 10},
        {"KiB", UINT64_C(1) << 10},
        {"M", UINT64_C(1) << 20},
        {"MiB", UINT64_C(1) << 20},
        {"G", UINT64_C(1) << 30},
        {"GiB", UINT64_C(1) << 30},
        {NULL, 0},
};
static const Unit times[] = {
        {"", USEC_PER_SEC}, {"s", USEC_PER_SEC},        {"ms", USEC_PER_MSEC},
        {"us", 1},          {"min", 60 * USEC_PER_SEC}, {"h", 3600 * USEC_PER_SEC},
        {NULL, 0},
};

/* -EINVAL: no number with one of these units; -ERANGE: more than 64 bits. */
static int read_number(const char *text, const Unit *units, uint64_t *ret)
{
        size_t digits = strspn(text, "0123456789");
        const char *unit = text + digits + strspn(text + digits, " ");
        unsigned long long number;

        if (digits == 0)
                return -EINVAL;
        for (; units->name && !streq(unit, units->name); units++)
                ;
        if (!units->name)
                return -EINVAL;
        errno = 0;
        number = strtoull(text, NULL, 10);
        if (errno != 0 || number > UINT64_MAX / units->factor)
                return -ERANGE;
        *ret = number * units->factor;
        return 0;
}

static int in_bounds(const SettingKey *key, const char *text, const Unit *units, uint64_t *ret,
                     MusterError **ret_error)
{
        const char *unit = key->type == SETTING_TIME ? "us" : key->type == SETTING_SIZE ? _("bytes") : "";
        uint64_t value = 0;
        int r = read_number(text, units, &value);

        if (r == -EINVAL)
                return error_set(ret_error, r,
                                 units == times ? _("[%s] %s: \"%s\" is no time; 90, 90s, 500ms, 2min are.")
                                 : units == sizes ? _("[%s] %s: \"%s\" is no size; 4096, 512K, 8M, 1G are.")
                                                  : _("[%s] %s: \"%s\" is no number."),
                                 key->section, key->name, text);
        if (r < 0 || value < key->min || value > key->max)
                return error_set(ret_error, -EINVAL,
                                 _("[%s] %s: %s is out of range; %llu to %llu%s%s may be given."),
                                 key->section, key->name, text, (unsigned long long)key->min,
                                 (unsigned long long)key->max, *unit ? " " : "", unit);
        *ret = value;
        return 0;
}

static bool has_part(const char *path, const char *part)
{
        size_t n = strlen(part);

        for (const char *p = path; (p = strchr(p, '/')); p++)
                if (strncmp(p + 1, part, n) == 0 && (p[1 + n] == '/' || p[1 + n] == '\0'))
                        return true;
        return false;
}

/* The one way to write a path, so that two texts name the same only if they are the same. */
static int read_path(const SettingKey *key, const char *text, size_t max, char **ret,
                     MusterError **ret_error)
{
        size_t n = strlen(text);

        while (n > 1 && text[n - 1] == '/')
                n--;
        *ret = strndup(text, n);
        if (!*ret)
                return error_oom(ret_error);
        if (n < 2 || text[0] != '/' || strstr(*ret, "//") || has_part(*ret, ".") || has_part(*ret, ".."))
                return error_set(ret_error, -EINVAL,
                                 _("[%s] %s: \"%s\" is no absolute path without //, . and .. in it."),
                                 key->section, key->name, text);
        if (n > max)
                return error_set(ret_error, -EINVAL,
                                 _("[%s] %s: the path has %zu bytes, more than the %zu that fit; name a "
                                   "shorter one."),
                                 key->section, key->name, n, max);
        return 0;
}

/* What useradd(8) takes, and a dot; a number would be taken for a uid by some and for a name by others. */
static bool is_name(const char *text)
{
        if (!isalpha((unsigned char)text[0]) && text[0] != '_')
                return false;
        for (const char *c = text; *c; c++)
                if (!isalnum((unsigned char)*c) && !strchr("_-.", *c))
                        return false;
        return strlen(text) <= 32;
}

static int read_names(const SettingKey *key, const char *text, char ***ret, MusterError **ret_error)
{
        if (strv_split(text, " \t,", ret) < 0)
                return error_oom(ret_error);
        if (strv_length(*ret) > NAMES_MAX)
                return error_set(ret_error, -EINVAL, _("[%s] %s: more than %d names."), key->section,
                                 key->name, NAMES_MAX);
        for (char **name = *ret; *name; name++)
                if (!is_name(*name))
                        return error_set(ret_error, -EINVAL, _("[%s] %s: \"%s\" is no name of a group."),
                                         key->section, key->name, *name);
        return 0;
}

static bool is_slice(const char *text)
{
        const char *end = strrchr(text, '.');
        size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@");

        return end && end > text && streq(end, ".slice") && text[n] == '\0' && n < 256 && text[0] != '-' &&
               end[-1] != '-' && !strstr(text, "--");
}

/* Empty: NULL. */
static int read_word(const SettingKey *key, const char *text, char **ret, MusterError **ret_error)
{
        if (!*text)
                return 0;
        if (key->type == SETTING_NAME && !is_name(text))
                return error_set(ret_error, -EINVAL, _("[%s] %s: \"%s\" is no name of a user."),
                                 key->section, key->name, text);
        if (key->type == SETTING_SLICE && !is_slice(text))
                return error_set(ret_error, -EINVAL,
                                 _("[%s] %s: \"%s\" is no slice; its name ends in .slice."), key->section,
                                 key->name, text);
        *ret = strdup(text);
        return *ret ? 0 : error_oom(ret_error);
}

static int read_switch(const SettingKey *key, const char *text, bool *ret, MusterError **ret_error)
{
        static const char *const words[] = {"no", "yes", "off", "on", "false", "true", "0", "1"};

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (streq(text, words[i])) {
                        *ret = i & 1;
                        return 0;
                }
        return error_set(ret_error, -EINVAL, _("[%s] %s: \"%s\" is neither yes nor no."), key->section,
                         key->name, text);
}

/* 65534 is nobody's, who owns what a user namespace does not map, and 65535 the -1 of 16-bit uids. */
static int read_uids(const SettingKey *key, const char *text, uid_t uids[2], MusterError **ret_error)
{
        const char *dash = strchr(text, '-');
        CLEANUP(free) char *first_text = dash ? strndup(text, (size_t)(dash - text)) : NULL;
        uint64_t first = 0, last = 0;
        int r;

        if (!*text)
                return 0;
        if (!dash)
                return error_set(ret_error, -EINVAL,
                                 _("[%s] %s: \"%s\" is no range; FIRST-LAST is, or nothing at all."),
                                 key->section, key->name, text);
        if (!first_text)
                return error_oom(ret_error);
        r = in_bounds(key, first_text, no_units, &first, ret_error);
        if (r == 0)
                r = in_bounds(key, dash + 1, no_units, &last, ret_error);
        if (r < 0)
                return r;
        if (first > last || (first <= 65535 && last >= 65534))
                return error_set(ret_error, -EINVAL,
                                 _("[%s] %s: \"%s\" ends before it begins, or holds 65534 or 65535, which "
                                   "are nobody's."),
                                 key->section, key->name, text);
        uids[0] = (uid_t)first;
        uids[1] = (uid_t)last;
        return 0;
}

int setting_parse(const SettingKey *key, const char *text, Settings *settings, MusterError **ret_error)
{
        void *field = (char *)settings + key->offset;
        uint64_t count = 0;
        int r = 0;

        switch (key->type) {
        case SETTING_PATH:
                return read_path(key, text, PATH_MAX - 1, field, ret_error);
        case SETTING_SOCKET:
                return read_path(key, text, sizeof(((struct sockaddr_un *)0)->sun_path) - 1, field,
                                 ret_error);
        case SETTING_NAMES:
                return read_names(key, text, field, ret_error);
        case SETTING_NAME:
        case SETTING_SLICE:
                return read_word(key, text, field, ret_error);
        case SETTING_COUNT:
                r = in_bounds(key, text, no_units, &count, ret_error);
                if (r == 0)
                        *(unsigned *)field = (unsigned)count;
                return r;
        case SETTING_SIZE:
                return in_bounds(key, text, sizes, field, ret_error);
        case SETTING_TIME:
                return in_bounds(key, text, times, field, ret_error);
        case SETTING_SWITCH:
                return read_switch(key, text, field, ret_error);
        case SETTING_UIDS:
                return read_uids(key, text, field, ret_error);
        }
        return -EINVAL;
}
