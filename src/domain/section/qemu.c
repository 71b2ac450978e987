/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/qemu.h"

#include <ctype.h>
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/value.h"

/*
 * Elements of QEMU's own name space. Arguments and variables are passed on as they are: that is what they
 * are for. Capabilities are libvirt's names of what the catalogue has as features: adding or deleting one
 * decides what would have been found out.
 */

typedef struct Qemu {
        XmlElement *command_line, *override; /* NULL: not there */
        char **added, **deleted;
        int behaviour; /* of <deprecation>; -1: not said */
} Qemu;

static const char *const behaviours[] = {"none", "omit", "reject", "crash", NULL};

static const Qemu *qemu_of(const Domain *domain)
{
        return domain_section(domain, &section_qemu)->data;
}

static XmlElement *own_child(XmlElement *element, const char *name)
{
        return xml_next_in(element, QEMU_NAMESPACE, name, /* last= */ NULL);
}

static bool is_argument(XmlElement *element, const char *value)
{
        return element && streq_ptr(xml_attribute(element, "value"), value);
}

bool qemu_adds_devices(const Domain *domain)
{
        XmlElement *line = qemu_of(domain)->command_line, *argument = NULL, *next;

        while (line && (argument = xml_next_in(line, QEMU_NAMESPACE, "arg", argument))) {
                if (!is_argument(argument, "-device") && !is_argument(argument, "--device"))
                        continue;
                next = xml_next_in(line, QEMU_NAMESPACE, "arg", argument);
                if (next && (xml_attribute(next, "value") ?: "")[0] != '{')
                        return true;
        }
        return false;
}

/* --- reading ------------------------------------------------------------------------------------- */

static bool is_variable(const char *name)
{
        for (const char *c = name; *c; c++)
                if (!isascii(*c) || (!isalnum((unsigned char)*c) && *c != '_'))
                        return false;
        return *name && !isdigit((unsigned char)*name);
}

static void read_command_line(Domain *domain, XmlElement *command_line)
{
        XmlElement *element = NULL;
        bool any = false;

        while ((element = xml_next_in(command_line, QEMU_NAMESPACE, "arg", element))) {
                any = true;
                if (!xml_attribute(element, "value"))
                        xml_fault(domain->xml, FAULT_ERROR, element, /* attribute= */ NULL,
                                  _("Which argument? Add value=…."));
        }
        while ((element = xml_next_in(command_line, QEMU_NAMESPACE, "env", element))) {
                xml_attribute(element, "value");
                if (!is_variable(xml_attribute(element, "name") ?: ""))
                        xml_fault(domain->xml, FAULT_ERROR, element, "name",
                                  _("This is no name of a variable: letters, digits and '_', no digit "
                                    "first."));
        }
        if (any)
                xml_fault(domain->xml, FAULT_WARNING, command_line, /* attribute= */ NULL,
                          _("The emulator gets these arguments as they are; nobody has checked them."));
}

static int read_capabilities(Domain *domain, Qemu *qemu, XmlElement *element, const char *name)
{
        char ***list = streq(name, "add") ? &qemu->added : &qemu->deleted;
        XmlElement *item = NULL;
        int r = 0;

        while (r >= 0 && (item = xml_next_in(element, QEMU_NAMESPACE, name, item))) {
                const char *capability = xml_attribute(item, "capability");

                if (capability)
                        r = strv_append(list, capability);
                else
                        xml_fault(domain->xml, FAULT_ERROR, item, /* attribute= */ NULL,
                                  _("Which capability? Add capability=…."));
        }
        return r;
}

static void check_property(Domain *domain, XmlElement *property)
{
        static const char *const types[] = {"string", "unsigned", "signed", "bool", "remove", NULL};
        const char *name = xml_attribute(property, "name"), *value = xml_attribute(property, "value");
        int type = 0;
        uint64_t number;
        bool flag;

        if (read_word(domain->xml, property, "type", types, &type) < 0)
                return;
        if (!name || !value_is_id(name) || streq(name, "driver") || streq(name, "id"))
                xml_fault(
                        domain->xml, FAULT_ERROR, property, "name",
                        _("This is no property that can be overridden: a name of letters, digits, '-', '.' "
                          "and '_', neither driver nor id."));
        if (!xml_attribute(property, "type") || (type != 4 && !value) ||
            (type == 1 && value_uint(value, INT64_MAX, &number) < 0) ||
            (type == 2 && value_uint(value + (*value == '-'), INT64_MAX, &number) < 0) ||
            (type == 3 && !streq(value, "true") && !streq(value, "false") && value_switch(value, &flag) < 0))
                xml_fault(
                        domain->xml, FAULT_ERROR, property, /* attribute= */ NULL,
                        _("A property is overridden by type='string', 'unsigned', 'signed' or 'bool' and a "
                          "value=… of that kind, or removed by type='remove'."));
}

static void read_override(Domain *domain, XmlElement *override)
{
        XmlElement *device = NULL, *property;

        while ((device = xml_next_in(override, QEMU_NAMESPACE, "device", device))) {
                XmlElement *frontend = own_child(device, "frontend");

                if (!xml_attribute(device, "alias"))
                        xml_fault(domain->xml, FAULT_ERROR, device, /* attribute= */ NULL,
                                  _("Which device? Add its alias=…."));
                property = NULL;
                while (frontend && (property = xml_next_in(frontend, QEMU_NAMESPACE, "property", property)))
                        check_property(domain, property);
        }
}

static int read_qemu(Domain *domain, Part *part)
{
        XmlElement *capabilities = own_child(part->element, "capabilities"),
                   *deprecation = own_child(part->element, "deprecation");
        Qemu *qemu = part->data;
        int r = 0;

        qemu->behaviour = -1;
        qemu->command_line = own_child(part->element, "commandline");
        qemu->override = own_child(part->element, "override");
        if (qemu->command_line)
                read_command_line(domain, qemu->command_line);
        if (qemu->override)
                read_override(domain, qemu->override);
        if (deprecation)
                read_word(domain->xml, deprecation, "behavior", behaviours, &qemu->behaviour);
        if (capabilities)
                r = read_capabilities(domain, qemu, capabilities, "add");
        if (r >= 0 && capabilities)
                r = read_capabilities(domain, qemu, capabilities, "del");
        return r;
}

/* --- capabilities -------------------------------------------------------------------------------- */

static bool is_named(const Feature *feature, const char *name)
{
        return streq(feature->name, name) || strv_contains(feature->libvirt, name);
}

static bool names_any(char *const *list, const Feature *feature)
{
        for (; list && *list; list++)
                if (is_named(feature, *list))
                        return true;
        return false;
}

int qemu_forced(const Domain *domain, const char *feature)
{
        const Qemu *qemu = qemu_of(domain);
        const Judgement *judgement;

        if (!qemu->added && !qemu->deleted)
                return -1;
        judgement = verdicts_find(domain->verdicts, feature, /* driver= */ NULL);
        if (!judgement)
                return -1;
        /* What is both is deleted: that is the order in which libvirt applies them. */
        if (names_any(qemu->deleted, judgement->feature))
                return 0;
        return names_any(qemu->added, judgement->feature) ? 1 : -1;
}

static bool is_known(const Domain *domain, const char *name)
{
        const Judgement *judgement;

        for (size_t i = 0; (judgement = verdicts_at(domain->verdicts, i)); i++)
                if (is_named(judgement->feature, name))
                        return true;
        return false;
}

static void check_capabilities(Domain *domain, Part *part)
{
        XmlElement *capabilities = own_child(part->element, "capabilities"), *element = NULL;

        while (capabilities && (element = xml_next_any(capabilities, element))) {
                const char *name = xml_attribute(element, "capability");

                if (name && !is_known(domain, name))
                        xml_fault(domain->xml, FAULT_COSMETIC, element, "capability",
                                  _("The catalogue has no feature that libvirt calls \"%s\", so nothing "
                                    "depends on it; remove it."),
                                  name);
        }
}

/* --- checking ------------------------------------------------------------------------------------ */

static bool has_alias(const Domain *domain, const char *alias)
{
        for (size_t i = 0; i < domain->n_devices; i++)
                if (streq_ptr(domain->devices[i]->alias, alias))
                        return true;
        return false;
}

static int complete(Domain *domain, Part *part)
{
        const Qemu *qemu = part->data;

        check_capabilities(domain, part);
        /* -compat came with 6.0, as -action did; of the two only that one shows among the facts. */
        if (qemu->behaviour > 0 && !domain_option_has(domain, "action", "reboot"))
                xml_fault(domain->xml, FAULT_COSMETIC, own_child(part->element, "deprecation"), "behavior",
                          _("%s has no policy for what is deprecated: QEMU 6.0 and newer do; remove it."),
                          domain_emulator_text(domain));
        return 0;
}

static int check(Domain *domain, Part *part)
{
        const Qemu *qemu = part->data;
        XmlElement *device = NULL;

        while (qemu->override && (device = xml_next_in(qemu->override, QEMU_NAMESPACE, "device", device)))
                if (!has_alias(domain, xml_attribute(device, "alias")))
                        xml_fault(domain->xml, FAULT_ERROR, device, "alias",
                                  _("No device has the alias \"%s\"; give one by <alias name='ua-…'/> and "
                                    "name that here."),
                                  xml_attribute(device, "alias"));
        return 0;
}

/* --- planning ------------------------------------------------------------------------------------ */

/* As check_property() took it, so "010" is ten. */
static int64_t signed_number(const char *text)
{
        uint64_t number = 0;

        value_uint(text + (*text == '-'), INT64_MAX, &number);
        return *text == '-' ? -(int64_t)number : (int64_t)number;
}

static json_object *property_value(const char *type, const char *value)
{
        if (streq(type, "string"))
                return json_object_new_string(value);
        if (streq(type, "bool"))
                return json_object_new_boolean(streq(value, "true") || streq(value, "yes") ||
                                               streq(value, "on"));
        return json_object_new_int64(signed_number(value));
}

static int override_property(json_object *properties, XmlElement *property)
{
        const char *name = xml_attribute(property, "name"), *type = xml_attribute(property, "type");

        json_object_object_del(properties, name);
        if (streq(type, "remove"))
                return 0;
        return json_add(properties, name, property_value(type, xml_attribute(property, "value")));
}

int qemu_override(Plan *plan, const Part *part, json_object *properties)
{
        const Qemu *qemu = qemu_of(plan->domain);
        XmlElement *device = NULL, *property, *frontend;
        int r = 0;

        while (r >= 0 && qemu->override && part->alias &&
               (device = xml_next_in(qemu->override, QEMU_NAMESPACE, "device", device))) {
                if (!streq_ptr(xml_attribute(device, "alias"), part->alias))
                        continue;
                frontend = own_child(device, "frontend");
                property = NULL;
                while (r >= 0 && frontend &&
                       (property = xml_next_in(frontend, QEMU_NAMESPACE, "property", property)))
                        r = override_property(properties, property);
        }
        return r;
}

static int plan_deprecation(Plan *plan, const Part *part, int behaviour)
{
        CLEANUP(json) json_object *compat = NULL;
        int r;

        if (behaviour <= 0)
                return 0;
        compat = json_object_new_object();
        r = compat ? json_add_string(compat, "deprecated-output", "hide") : -ENOMEM;
        if (r >= 0 && behaviour > 1)
                r = json_add_string(compat, "deprecated-input", behaviours[behaviour]);
        return r < 0 ? r : plan_properties(plan, part, "-compat", TAKE(compat));
}

static int plan(Plan *plan, Part *part)
{
        const Qemu *qemu = part->data;
        XmlElement *element = NULL;
        int r;

        r = plan_deprecation(plan, part, qemu->behaviour);
        while (r >= 0 && qemu->command_line &&
               (element = xml_next_in(qemu->command_line, QEMU_NAMESPACE, "env", element)))
                r = plan_environment(plan, xml_attribute(element, "name"),
                                     xml_attribute(element, "value") ?: "");
        return r;
}

int qemu_plan_last(Plan *plan)
{
        const Qemu *qemu = qemu_of(plan->domain);
        XmlElement *element = NULL, *next;
        int r = 0;

        if (!qemu->command_line)
                return 0;
        element = xml_next_in(qemu->command_line, QEMU_NAMESPACE, "arg", element);
        while (r >= 0 && element) {
                const char *argument = NULL;

                next = xml_next_in(qemu->command_line, QEMU_NAMESPACE, "arg", element);
                /* For the eye alone: a word that begins with '-' begins a line. */
                if (next && xml_attribute(next, "value")[0] != '-')
                        argument = xml_attribute(next, "value");
                r = plan_option(plan, xml_attribute(element, "value"), argument);
                element = argument ? xml_next_in(qemu->command_line, QEMU_NAMESPACE, "arg", next) : next;
        }
        return r;
}

static void clear(Part *part)
{
        Qemu *qemu = part->data;

        strv_free(qemu->added);
        strv_free(qemu->deleted);
}

const PartKind section_qemu = {
        .name = "qemu",
        .size = sizeof(Qemu),
        .read = read_qemu,
        .complete = complete,
        .check = check,
        .plan = plan,
        .clear = clear,
};
