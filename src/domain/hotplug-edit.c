/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/canonical.h"
#include "domain/device/interface.h"
#include "domain/device/disk.h"
#include "domain/hotplug-private.h"

/* A definition as text, with one thing changed, and what is wrong with it as one error. */

void edit_clear(Edit *edit)
{
        domain_free(edit->domain);
        faults_clear(&edit->faults);
}

static int collect_faults(const Edit *edit, char **ret)
{
        CLEANUP(free) char *all = strdup("");

        for (size_t i = 0; all && i < edit->faults.n_items; i++) {
                const Fault *item = &edit->faults.items[i];
                char *longer;

                if (!item->error)
                        continue;
                longer = text_format("%s%s%s%s%s", all, *all ? "\n" : "", item->path ?: "",
                                     item->path ? ": " : "", item->message);
                free(all);
                all = longer;
        }
        *ret = TAKE(all);
        return *ret ? 0 : -ENOMEM;
}

int edit_error(const Edit *edit, int r, MusterError **ret_error)
{
        CLEANUP(free) char *all = NULL;

        if (collect_faults(edit, &all) < 0)
                return error_oom(ret_error);
        for (size_t i = 0; i < edit->faults.n_items; i++)
                if (edit->faults.items[i].error)
                        return error_set_detail(ret_error, r, all, "%s", edit->faults.items[i].message);
        return error_oom(ret_error);
}

int edit_read(const char *xml, size_t size, Edit *ret, MusterError **ret_error)
{
        int r;

        r = domain_read(xml, size, &ret->faults, &ret->domain);
        if (r < 0)
                return error_errno(ret_error, r, _("The definition cannot be read"));
        if (!ret->domain || ret->faults.n_errors > 0)
                return edit_error(ret, -EBADMSG, ret_error);
        ret->n_before = ret->domain->n_devices;
        return 0;
}

int edit_add(Edit *edit, const char *device, size_t size, Part **ret, MusterError **ret_error)
{
        Domain *domain = edit->domain;
        CLEANUP(xml) Xml *xml = NULL;
        XmlElement *element;
        int r;

        r = xml_parse(device, size, /* root= */ NULL, &edit->faults, &xml);
        if (r < 0)
                return error_errno(ret_error, r, _("The device cannot be read"));
        if (!xml)
                return edit_error(edit, -EINVAL, ret_error);
        if (!device_kind_find(xml_name(xml->root)))
                return error_set(ret_error, -EINVAL,
                                 _("<%s> is no device; a device is <disk>, <interface>, <hostdev>, or "
                                   "whatever else stands in <devices>."),
                                 xml_name(xml->root));
        if (!domain->devices_element &&
            xml_add(domain->xml->root, "devices", /* text= */ NULL, &domain->devices_element) < 0)
                return error_oom(ret_error);
        if (xml_adopt(domain->xml, domain->devices_element, xml->root, &element) < 0)
                return error_oom(ret_error);
        r = domain_add_device(domain, element, ret);
        if (r == -ENOMEM)
                return error_oom(ret_error);
        xml_report_unread(domain->xml);
        return edit->faults.n_errors > 0 ? edit_error(edit, -EINVAL, ret_error) : 0;
}

int edit_complete(Edit *edit, const LiveDomain *live, MusterError **ret_error)
{
        int r;

        r = domain_complete(edit->domain, live->verdicts, live->host);
        return r == -ENOMEM ? error_oom(ret_error) : r;
}

int edit_write_aliases(const Domain *domain)
{
        for (size_t i = 0; i < domain->n_devices; i++) {
                const Part *part = domain->devices[i];
                XmlElement *alias;

                if (part->alias && (xml_ensure(part->element, "alias", &alias) < 0 ||
                                    xml_set(alias, "name", part->alias) < 0))
                        return -ENOMEM;
        }
        return 0;
}

int edit_text(Edit *edit, char **ret_xml, MusterError **ret_error)
{
        char *text;

        if (domain_sort(edit->domain) < 0)
                return error_oom(ret_error);
        text = xml_to_text(edit->domain->xml);
        if (!text)
                return error_oom(ret_error);
        *ret_xml = text;
        return 0;
}

int live_definition(Domain *domain, char **ret_xml)
{
        int r;

        r = edit_write_aliases(domain);
        for (size_t i = 0; r >= 0 && i < domain->n_devices; i++)
                if (domain->devices[i]->kind == &device_disk)
                        r = chain_write_found(domain->devices[i]);
        if (r >= 0)
                r = domain_sort(domain);
        if (r < 0)
                return r;
        *ret_xml = xml_to_text(domain->xml);
        return *ret_xml ? 0 : -ENOMEM;
}

int live_name_targets(const char *xml, size_t size, const json_object *names, char **ret_xml,
                      MusterError **ret_error)
{
        CLEANUP(edit) Edit edit = {0};
        int r;

        r = edit_read(xml, size, &edit, ret_error);
        for (size_t i = 0; r >= 0 && i < edit.domain->n_devices; i++) {
                const Part *part = edit.domain->devices[i];
                XmlElement *alias = xml_child(part->element, "alias"), *target;
                const char *alias_name = alias ? xml_attribute(alias, "name") : NULL,
                           *name = alias_name ? json_get_string(names, alias_name) : NULL;

                if (name && part->kind == &device_interface &&
                    (xml_ensure(part->element, "target", &target) < 0 || xml_set(target, "dev", name) < 0))
                        r = error_oom(ret_error);
        }
        return r < 0 ? r : edit_text(&edit, ret_xml, ret_error);
}
