/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/value.h"

#include <ctype.h>
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"

#define CPUSET_MAX 65536

int value_uint(const char *text, uint64_t max, uint64_t *ret)
{
        int base = startswith(text, "0x") || startswith(text, "0X") ? 16 : 10;
        const char *digits = base == 16 ? text + 2 : text;
        unsigned long long number;
        char *end;

        if (!(base == 16 ? isxdigit((unsigned char)*digits) : isdigit((unsigned char)*digits)))
                return -EINVAL;
        errno = 0;
        number = strtoull(digits, &end, base);
        /* strtoull() takes a second "0x". */
        if (*end || (base == 16 && (digits[1] == 'x' || digits[1] == 'X')))
                return -EINVAL;
        if (errno != 0 || number > max)
                return -ERANGE;
        *ret = number;
        return 0;
}

int value_switch(const char *text, bool *ret)
{
        if (!streq(text, "yes") && !streq(text, "on") && !streq(text, "no") && !streq(text, "off"))
                return -EINVAL;
        *ret = streq(text, "yes") || streq(text, "on");
        return 0;
}

/* The power in "K", "Ki" and so on: 1 for K. -EINVAL. */
static int unit_power(char letter)
{
        static const char letters[] = "kmgtpe";
        const char *found = letter ? strchr(letters, tolower((unsigned char)letter)) : NULL;

        return found ? (int)(found - letters) + 1 : -EINVAL;
}

static int unit_factor(const char *unit, uint64_t *ret)
{
        int power = unit_power(unit[0]);
        uint64_t step = 1024;

        *ret = 1;
        if (strcasecmp(unit, "b") == 0 || strcasecmp(unit, "byte") == 0 || strcasecmp(unit, "bytes") == 0)
                return 0;
        if (power < 0)
                return power;
        if (strcasecmp(unit + 1, "b") == 0)
                step = 1000;
        else if (unit[1] && strcasecmp(unit + 1, "ib") != 0)
                return -EINVAL;
        for (; power > 0; power--)
                *ret *= step;
        return 0;
}

int value_size(const char *number, const char *unit, uint64_t fallback, uint64_t *ret_bytes)
{
        uint64_t amount, factor = fallback, bytes;
        int r;

        r = value_uint(number, UINT64_MAX, &amount);
        if (r == 0 && unit)
                r = unit_factor(unit, &factor);
        if (r < 0)
                return r;
        /* What does not fit into a signed number fits into no host either. */
        if (__builtin_mul_overflow(amount, factor, &bytes) || bytes > INT64_MAX)
                return -ERANGE;
        *ret_bytes = bytes;
        return 0;
}

int value_uuid(const char *text, char ret[static UUID_TEXT_SIZE])
{
        char digits[33], *out = ret;
        size_t n = 0;

        for (; *text; text++) {
                if (*text == '-')
                        continue;
                if (!isxdigit((unsigned char)*text) || n == 32)
                        return -EINVAL;
                digits[n++] = (char)tolower((unsigned char)*text);
        }
        if (n != 32)
                return -EINVAL;
        for (size_t i = 0; i < n; i++) {
                if (i == 8 || i == 12 || i == 16 || i == 20)
                        *out++ = '-';
                *out++ = digits[i];
        }
        *out = '\0';
        return 0;
}

int value_mac(const char *text, char ret[static MAC_TEXT_SIZE])
{
        unsigned char bytes[6], all = 0;
        char *out = ret;

        for (size_t i = 0; i < ELEMENTSOF(bytes); i++) {
                char *end;

                if (!isxdigit((unsigned char)*text))
                        return -EINVAL;
                bytes[i] = (unsigned char)strtoul(text, &end, 16);
                if (end - text > 2 || *end != (i < 5 ? ':' : '\0'))
                        return -EINVAL;
                all |= bytes[i];
                text = end + (i < 5);
        }
        if ((bytes[0] & 1) || all == 0)
                return -EINVAL;
        for (size_t i = 0; i < ELEMENTSOF(bytes); i++)
                out += sprintf(out, "%s%02x", i > 0 ? ":" : "", bytes[i]);
        return 0;
}

static int take_number(const char **text, unsigned max, unsigned *ret)
{
        unsigned long number;
        char *end;

        if (!isdigit((unsigned char)**text))
                return -EINVAL;
        errno = 0;
        number = strtoul(*text, &end, 10);
        if (errno != 0 || number > max)
                return -ERANGE;
        *ret = (unsigned)number;
        *text = end;
        return 0;
}

/* "3", "0-3" or "^3": one part of a set. */
static int take_part(const char **text, unsigned max, bool *set)
{
        bool without = **text == '^';
        unsigned from, to;
        int r;

        *text += without;
        r = take_number(text, max, &from);
        if (r < 0)
                return r;
        to = from;
        if (**text == '-' && !without) {
                ++*text;
                r = take_number(text, max, &to);
                if (r < 0)
                        return r;
        }
        if (to < from || (**text && **text != ','))
                return -EINVAL;
        for (unsigned i = from; i <= to; i++)
                set[i] = !without;
        return 0;
}

int value_cpuset(const char *text, unsigned max, unsigned **ret, size_t *ret_n)
{
        CLEANUP(free) bool *set = NULL;
        CLEANUP(free) unsigned *numbers = NULL;
        size_t n = 0;
        int r;

        if (max >= CPUSET_MAX)
                max = CPUSET_MAX - 1;
        set = calloc((size_t)max + 1, sizeof(*set));
        numbers = calloc((size_t)max + 1, sizeof(*numbers));
        if (!set || !numbers)
                return -ENOMEM;
        do {
                r = take_part(&text, max, set);
                if (r < 0)
                        return r;
        } while (*text++ == ',');
        for (unsigned i = 0; i <= max; i++)
                if (set[i])
                        numbers[n++] = i;
        if (n == 0)
                return -EINVAL;
        *ret = TAKE(numbers);
        *ret_n = n;
        return 0;
}

bool value_is_id(const char *text)
{
        if (!isascii(*text) || !isalpha((unsigned char)*text))
                return false;
        for (; *text; text++)
                if (!isascii(*text) || (!isalnum((unsigned char)*text) && !strchr("-._", *text)))
                        return false;
        return true;
}

int value_word(const char *text, const char *const *words)
{
        for (int i = 0; words[i]; i++)
                if (streq(words[i], text))
                        return i;
        return -EINVAL;
}

/* A value as a fault shows it; to free(). */
static char *shown(const char *text)
{
        return text_for_terminal(text, strlen(text), /* max= */ 60);
}

static void report(Xml *xml, const XmlElement *element, const char *attribute, const char *text,
                   const char *expected)
{
        CLEANUP(free) char *value = shown(text);

        xml_fault(xml, FAULT_ERROR, element, attribute, _("\"%s\" makes no sense here; give %s."),
                  value ?: "?", expected);
}

static int report_range(Xml *xml, const XmlElement *element, const char *attribute, const char *text,
                        uint64_t max)
{
        CLEANUP(free) char *expected = text_format(_("a whole number up to %llu"), (unsigned long long)max);

        report(xml, element, attribute, text, expected ?: "?");
        return -EINVAL;
}

int read_uint(Xml *xml, XmlElement *element, const char *attribute, uint64_t max, uint64_t *ret)
{
        const char *text = xml_attribute(element, attribute);

        if (!text)
                return 0;
        return value_uint(text, max, ret) < 0 ? report_range(xml, element, attribute, text, max) : 1;
}

int read_switch(Xml *xml, XmlElement *element, const char *attribute, bool *ret)
{
        const char *text = xml_attribute(element, attribute);

        if (!text)
                return 0;
        if (value_switch(text, ret) == 0)
                return 1;
        report(xml, element, attribute, text, _("yes or no, on or off"));
        return -EINVAL;
}

/* "a, b or c", to free(). */
static char *join_words(const char *const *words)
{
        char *text = strdup(words[0]);

        for (size_t i = 1; text && words[i]; i++) {
                char *longer = text_format(words[i + 1] ? "%s, %s" : _("%s or %s"), text, words[i]);

                free(text);
                text = longer;
        }
        return text;
}

int read_word(Xml *xml, XmlElement *element, const char *attribute, const char *const *words, int *ret)
{
        const char *text = xml_attribute(element, attribute);
        CLEANUP(free) char *expected = NULL;
        int found;

        if (!text)
                return 0;
        found = value_word(text, words);
        if (found >= 0) {
                *ret = found;
                return 1;
        }
        expected = join_words(words);
        report(xml, element, attribute, text, expected ?: "?");
        return -EINVAL;
}

int read_text(Xml *xml, XmlElement *element, const char *attribute, char **ret)
{
        const char *text = xml_attribute(element, attribute);
        char *copy;

        if (!text)
                return 0;
        copy = strdup(text);
        if (!copy) {
                xml->faults->out_of_memory = true;
                return -ENOMEM;
        }
        free(*ret);
        *ret = copy;
        return 1;
}

int read_size(Xml *xml, XmlElement *element, uint64_t fallback, uint64_t *ret_bytes)
{
        const char *unit = xml_attribute(element, "unit");
        CLEANUP(free) char *text = xml_text(element);
        int r;

        if (!text) {
                xml->faults->out_of_memory = true;
                return -ENOMEM;
        }
        r = value_size(text, unit, fallback, ret_bytes);
        if (r == 0)
                return 1;
        report(xml, element, /* attribute= */ NULL, text,
               r == -ERANGE ? _("less than 8 EiB")
                            : _("a whole number, its unit one of b, KiB, MiB, GiB, KB, MB and so on"));
        return -EINVAL;
}

int read_number(Xml *xml, XmlElement *element, uint64_t max, uint64_t *ret)
{
        CLEANUP(free) char *text = xml_text(element);

        if (!text) {
                xml->faults->out_of_memory = true;
                return -ENOMEM;
        }
        return value_uint(text, max, ret) < 0 ? report_range(xml, element, /* attribute= */ NULL, text, max)
                                              : 1;
}
