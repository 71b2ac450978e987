/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/redirfilter.h"

#include <ctype.h>
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/redirdev.h"
#include "domain/value.h"

typedef struct Redirfilter {
        char *text;
} Redirfilter;

const char *redirfilter_text(const Domain *domain)
{
        Part *part = domain_next(domain, &device_redirfilter, NULL);

        return part ? ((const Redirfilter *)part->data)->text : NULL;
}

/* "0x08", or "-1" for any. To free(). */
static char *read_id(Domain *domain, XmlElement *rule, const char *attribute, int digits, uint64_t max)
{
        uint64_t number = 0;

        if (streq_ptr(xml_attribute(rule, attribute), "-1") ||
            read_uint(domain->xml, rule, attribute, max, &number) <= 0)
                return strdup("-1");
        return text_format("0x%0*llX", digits, (unsigned long long)number);
}

/* One or two decimal digits, as binary-coded ones: "56" is 0x56. -EINVAL. */
static int read_digits(const char **text)
{
        int value = 0;
        size_t n = 0;

        for (; isdigit((unsigned char)**text); ++*text, n++)
                value = value * 16 + (**text - '0');
        return n == 1 || n == 2 ? value : -EINVAL;
}

/* "2.56" -> 0x0256; "2" -> 0x0200. */
static int parse_version(const char *text, unsigned *ret)
{
        const char *minor_text;
        int major = read_digits(&text), minor = 0;

        if (*text == '.') {
                minor_text = ++text;
                minor = read_digits(&text);
                /* "1.1" is 1.10, as it is written in a device's own descriptor. */
                if (minor >= 0 && text - minor_text == 1)
                        minor *= 16;
        }
        if (major < 0 || minor < 0 || *text)
                return -EINVAL;
        *ret = (unsigned)major << 8 | (unsigned)minor;
        return 0;
}

static char *read_version(Domain *domain, XmlElement *rule)
{
        const char *text = xml_attribute(rule, "version");
        unsigned version;

        if (!text || streq(text, "-1"))
                return strdup("-1");
        if (parse_version(text, &version) < 0) {
                xml_fault(domain->xml, FAULT_ERROR, rule, "version",
                          _("This is no version of a USB device; write it as in 1.10 or 2.56."));
                return strdup("-1");
        }
        return text_format("0x%04X", version);
}

static int read_rule(Domain *domain, XmlElement *rule, Redirfilter *filter)
{
        CLEANUP(free) char *class = read_id(domain, rule, "class", 2, UINT8_MAX);
        CLEANUP(free) char *vendor = read_id(domain, rule, "vendor", 4, UINT16_MAX);
        CLEANUP(free) char *product = read_id(domain, rule, "product", 4, UINT16_MAX);
        CLEANUP(free) char *version = read_version(domain, rule);
        bool allow = false;
        char *text;

        if (read_switch(domain->xml, rule, "allow", &allow) == 0)
                xml_fault(domain->xml, FAULT_ERROR, rule, "allow",
                          _("Is such a device let through? Add allow='yes' or allow='no'."));
        if (!class || !vendor || !product || !version)
                return -ENOMEM;
        text = text_format("%s%s%s:%s:%s:%s:%d", filter->text ?: "", filter->text ? "|" : "", class, vendor,
                           product, version, allow);
        if (!text)
                return -ENOMEM;
        free(filter->text);
        filter->text = text;
        return 0;
}

static int read_redirfilter(Domain *domain, Part *part)
{
        Redirfilter *filter = part->data;
        int r = 0;

        for (XmlElement *rule = NULL; r >= 0 && (rule = xml_next(part->element, "usbdev", rule));)
                r = read_rule(domain, rule, filter);
        return r;
}

static int check(Domain *domain, Part *part)
{
        if (!domain_next(domain, &device_redirdev, NULL))
                xml_fault(domain->xml, FAULT_WARNING, part->element, /* attribute= */ NULL,
                          _("There is no <redirdev> that this could be for."));
        return 0;
}

static void clear(Part *part)
{
        Redirfilter *filter = part->data;

        free(filter->text);
}

const PartKind device_redirfilter = {
        .name = "redirfilter",
        .flags = PART_SINGLE,
        .size = sizeof(Redirfilter),
        .read = read_redirfilter,
        .check = check,
        .clear = clear,
};
