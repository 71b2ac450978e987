/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cache.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/output.h"
#include "cli/session.h"

#define DIGITS_MIN 4

int cache_open(MusterStore **ret, MusterError **ret_error)
{
        int r = muster_store_open(/* directory= */ NULL, ret, ret_error);

        if (r >= 0)
                muster_store_set_note_handler(*ret, tell_note, /* userdata= */ NULL);
        return r;
}

/* All but "it is not there" is the library's to tell. */
int cache_open_existing(MusterStore **ret, char **ret_directory, MusterError **ret_error)
{
        CLEANUP(store) MusterStore *store = NULL;
        CLEANUP(free) char *directory = NULL;
        struct stat st;
        int r;

        if (muster_store_default_directory(&directory) < 0 || lstat(directory, &st) == 0 ||
            errno != ENOENT) {
                r = cache_open(&store, ret_error);
                if (r < 0)
                        return r;
                free(directory);
                directory = strdup(muster_store_directory(store));
                if (!directory)
                        return error_oom(ret_error);
        }
        *ret = TAKE(store);
        *ret_directory = TAKE(directory);
        return 0;
}

/* The library's rule for a digest. */
static bool is_digits(const char *name)
{
        size_t n = strspn(name, "0123456789abcdef.");

        return n >= DIGITS_MIN && name[n] == '\0';
}

int cache_name(const char *argument, char **ret, MusterError **ret_error)
{
        if (!is_digits(argument))
                return emulator_path(argument, ret, ret_error);
        *ret = strdup(argument);
        return *ret ? 0 : error_oom(ret_error);
}

int cache_has_nothing(const char *name, MusterError **ret_error)
{
        if (is_digits(name))
                return error_set(ret_error, -ENOENT,
                                 _("Nothing is stored for %s; 'muster cache list' shows what is."), name);
        return error_set(ret_error, -ENOENT,
                         _("Nothing is stored for %s; 'muster cache list' shows what is. (A digest is named "
                           "by its first four digits or more.)"),
                         name);
}

char *text_of_size(int64_t bytes)
{
        static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
        double size = (double)bytes;
        size_t unit = 0;

        for (; size >= 1024 && unit < ELEMENTSOF(units) - 1; unit++)
                size /= 1024;
        return text_format(unit == 0 ? "%.0f %s" : "%.1f %s", size, units[unit]);
}

char *text_of_age(int64_t when)
{
        int64_t age = time(NULL) - when;
        unsigned long minutes = age < 0 ? 0 : (unsigned long)age / 60;

        if (minutes < 1)
                return strdup(_("just now"));
        if (minutes < 60)
                return text_format(P_("%lu minute ago", "%lu minutes ago", minutes), minutes);
        if (minutes < 24 * 60)
                return text_format(P_("%lu hour ago", "%lu hours ago", minutes / 60), minutes / 60);
        return text_format(P_("%lu day ago", "%lu days ago", minutes / (24 * 60)), minutes / (24 * 60));
}

char *text_of_time(int64_t when)
{
        time_t seconds = (time_t)when;
        struct tm parts;
        char text[64];

        if (!localtime_r(&seconds, &parts) || strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts) == 0)
                return strdup("?");
        return strdup(text);
}

/* A number and one letter of `letters`, each of which stands for a factor. */
static int parse_scaled(const char *text, const char *letters, const uint64_t *factors, uint64_t *ret)
{
        const char *letter;
        unsigned long long number;
        char *end;

        if (*text < '0' || *text > '9')
                return -EINVAL;
        errno = 0;
        number = strtoull(text, &end, 10);
        if (errno != 0)
                return -EINVAL;
        letter = *end ? strchr(letters, *end) : NULL;
        if (*end && (!letter || end[1]))
                return -EINVAL;
        if (letter && __builtin_mul_overflow(number, factors[letter - letters], &number))
                return -EINVAL;
        *ret = number;
        return 0;
}

int parse_age(const char *text, uint64_t *ret_sec)
{
        static const uint64_t factors[] = {1, 60, 3600, 86400, 7 * 86400};

        return parse_scaled(text, "smhdw", factors, ret_sec);
}

int parse_size(const char *text, uint64_t *ret_bytes)
{
        static const uint64_t factors[] = {1024, UINT64_C(1) << 20, UINT64_C(1) << 30, UINT64_C(1) << 40};

        return parse_scaled(text, "KMGT", factors, ret_bytes);
}

int say_removed(const Invocation *invocation, const char *directory, const char *text,
                MusterError **ret_error)
{
        CLEANUP(json) json_object *report = NULL;
        CLEANUP(free) char *freed = NULL, *size = NULL;
        long long removed, kept;

        if (option_given(invocation, &option_json))
                return say_json_text(text, ret_error);
        if (json_parse(text, strlen(text), &report) < 0)
                return error_oom(ret_error);
        removed = json_get_int(report, "removed", 0);
        kept = json_get_int(report, "kept", 0);
        freed = text_of_size(json_get_int(report, "freed", 0));
        size = text_of_size(json_get_int(report, "size", 0));
        if (!freed || !size)
                return error_oom(ret_error);
        say(P_("Removed %lld record, %s in all, from %s.\n", "Removed %lld records, %s in all, from %s.\n",
               (unsigned long)removed),
            removed, freed, directory);
        if (kept > 0)
                say(P_("Kept %lld record, %s.\n", "Kept %lld records, %s.\n", (unsigned long)kept), kept,
                    size);
        return 0;
}
