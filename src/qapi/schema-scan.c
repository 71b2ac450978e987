/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The loader's first walk (see schema-load.c): nothing is trusted, everything that the second one reads is
 * checked here, so that there it can be taken for granted.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/i18n.h"
#include "base/util.h"
#include "qapi/schema-load.h"

/* What the sentence quotes came from the emulator: it is bounded and made fit to print. */
int loader_bad(Loader *loader, const char *format, ...)
{
        CLEANUP(free) char *raw = NULL;
        CLEANUP(free) char *text = NULL;
        CLEANUP(free) char *entity = NULL;
        va_list args;
        int n;

        va_start(args, format);
        n = vasprintf(&raw, format, args);
        va_end(args);
        if (n < 0) {
                raw = NULL;
                return error_oom(loader->ret_error);
        }
        text = text_for_terminal(raw, (size_t)n, 300);
        if (!text)
                return error_oom(loader->ret_error);
        if (!loader->entity)
                return error_set(loader->ret_error, -EBADMSG, _("The schema is broken: %s."), text);
        entity = text_for_terminal(loader->entity, strlen(loader->entity), 100);
        if (!entity)
                return error_oom(loader->ret_error);
        return error_set(loader->ret_error, -EBADMSG, _("The schema is broken: entity \"%s\": %s."), entity,
                         text);
}

SchemaMeta loader_meta(const json_object *entity)
{
        const char *text = json_get_string(entity, "meta-type");

        for (SchemaMeta meta = 0; meta < SCHEMA_OTHER; meta++)
                if (streq(text, schema_meta_name(meta)))
                        return meta;
        return SCHEMA_OTHER;
}

static Name *names_slot(Name *names, size_t n_slots, uint64_t seed, const char *text, size_t size)
{
        size_t slot = schema_hash(seed, text, size) & (n_slots - 1);

        while (names[slot].text && (names[slot].size != size || memcmp(names[slot].text, text, size) != 0))
                slot = (slot + 1) & (n_slots - 1);
        return names + slot;
}

static int names_grow(Loader *loader)
{
        size_t n_slots = loader->n_slots ? loader->n_slots * 2 : 4096;
        Name *names = calloc(n_slots, sizeof(*names));

        if (!names)
                return error_oom(loader->ret_error);
        for (size_t i = 0; i < loader->n_slots; i++)
                if (loader->names[i].text)
                        *names_slot(names, n_slots, loader->seed, loader->names[i].text,
                                    loader->names[i].size) = loader->names[i];
        free(loader->names);
        loader->names = names;
        loader->n_slots = n_slots;
        return 0;
}

static int names_add(Loader *loader, const char *text, size_t size)
{
        Name *name;
        int r;

        if (loader->n_names >= loader->n_slots / 2) {
                r = names_grow(loader);
                if (r < 0)
                        return r;
        }
        name = names_slot(loader->names, loader->n_slots, loader->seed, text, size);
        if (name->text)
                return 0;
        *name = (Name){text, size};
        loader->n_names++;
        loader->names_size += size + 1;
        return 0;
}

/* A string that is a name: not empty and without NUL. NULL if it is none. */
static const char *name_of(json_object *value)
{
        const char *text;

        if (!json_object_is_type(value, json_type_string))
                return NULL;
        text = json_object_get_string(value);
        return *text && strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

static int scan_name(Loader *loader, json_object *value, const char *what)
{
        const char *text = name_of(value);

        if (!text)
                return loader_bad(loader, _("%s is no string that names something"), what);
        return names_add(loader, text, strlen(text));
}

/* A mandatory reference. Types' names are those of entities, which are counted where they are defined. */
static int scan_reference(Loader *loader, const json_object *object, const char *key, const char *member)
{
        json_object *value = json_get(object, key, json_type_string);

        if (value && name_of(value))
                return 0;
        if (member)
                return loader_bad(loader, _("member \"%s\" has no \"%s\" that names a type"), member, key);
        return loader_bad(loader, _("there is no \"%s\" that names a type"), key);
}

/* An array at `key`; one that is not there is NULL and fine, unless it is mandatory. */
static int scan_array(Loader *loader, const json_object *object, const char *key, bool mandatory,
                      json_object **ret)
{
        json_object *value = NULL;

        if (!json_object_object_get_ex(object, key, &value)) {
                if (mandatory)
                        return loader_bad(loader, _("\"%s\" is missing"), key);
        } else if (!json_object_is_type(value, json_type_array))
                return loader_bad(loader, _("\"%s\" is no array"), key);
        *ret = value;
        return 0;
}

static int scan_features(Loader *loader, const json_object *object)
{
        json_object *features;
        size_t n;
        int r;

        r = scan_array(loader, object, "features", /* mandatory= */ false, &features);
        if (r < 0 || !features)
                return r;
        n = json_object_array_length(features);
        for (size_t i = 0; i < n; i++) {
                r = scan_name(loader, json_object_array_get_idx(features, i), _("a feature"));
                if (r < 0)
                        return r;
        }
        loader->n_features += n;
        return 0;
}

/* The i-th element of an array whose elements must be objects. */
static int scan_element(Loader *loader, json_object *array, size_t i, const char *key, json_object **ret)
{
        json_object *element = json_object_array_get_idx(array, i);

        if (!json_object_is_type(element, json_type_object))
                return loader_bad(loader, _("element %zu of \"%s\" is no object"), i, key);
        *ret = element;
        return 0;
}

static int scan_object_members(Loader *loader, json_object *members)
{
        size_t n = json_object_array_length(members);
        json_object *member = NULL, *name = NULL;
        int r;

        for (size_t i = 0; i < n; i++) {
                r = scan_element(loader, members, i, "members", &member);
                if (r < 0)
                        return r;
                json_object_object_get_ex(member, "name", &name);
                r = scan_name(loader, name, _("the name of a member"));
                if (r < 0)
                        return r;
                r = scan_reference(loader, member, "type", json_object_get_string(name));
                if (r < 0)
                        return r;
                r = scan_features(loader, member);
                if (r < 0)
                        return r;
        }
        loader->n_members += n;
        return 0;
}

static int scan_variants(Loader *loader, json_object *variants)
{
        size_t n = json_object_array_length(variants);
        json_object *variant = NULL, *name = NULL;
        int r;

        for (size_t i = 0; i < n; i++) {
                r = scan_element(loader, variants, i, "variants", &variant);
                if (r < 0)
                        return r;
                json_object_object_get_ex(variant, "case", &name);
                r = scan_name(loader, name, _("the \"case\" of a variant"));
                if (r < 0)
                        return r;
                r = scan_reference(loader, variant, "type", json_object_get_string(name));
                if (r < 0)
                        return r;
        }
        loader->n_variants += n;
        return 0;
}

/* The tag must be one of the object's own members: which branch holds could not be told otherwise. */
static int scan_tag(Loader *loader, const json_object *entity, json_object *members)
{
        const char *tag = name_of(json_get(entity, "tag", json_type_string));

        if (!tag)
                return loader_bad(loader, _("there are \"variants\", but no \"tag\" that names a member"));
        for (size_t i = 0; i < json_object_array_length(members); i++)
                if (streq(json_get_string(json_object_array_get_idx(members, i), "name"), tag))
                        return 0;
        return loader_bad(loader, _("there is no member \"%s\", which \"tag\" names"), tag);
}

static int scan_object(Loader *loader, const json_object *entity)
{
        json_object *members, *variants;
        int r;

        r = scan_array(loader, entity, "members", /* mandatory= */ true, &members);
        if (r < 0)
                return r;
        r = scan_object_members(loader, members);
        if (r < 0)
                return r;
        r = scan_array(loader, entity, "variants", /* mandatory= */ false, &variants);
        if (r < 0 || !variants)
                return r;
        r = scan_tag(loader, entity, members);
        if (r < 0)
                return r;
        return scan_variants(loader, variants);
}

static int scan_alternate(Loader *loader, const json_object *entity)
{
        json_object *members, *member = NULL;
        int r;

        r = scan_array(loader, entity, "members", /* mandatory= */ true, &members);
        if (r < 0)
                return r;
        for (size_t i = 0; i < json_object_array_length(members); i++) {
                r = scan_element(loader, members, i, "members", &member);
                if (r < 0)
                        return r;
                r = scan_reference(loader, member, "type", /* member= */ NULL);
                if (r < 0)
                        return r;
        }
        loader->n_variants += json_object_array_length(members);
        return 0;
}

/* QEMU 6.2 and newer say `members`, objects that may carry features; before, `values`, plain strings. */
static int scan_enum(Loader *loader, const json_object *entity)
{
        json_object *values, *members, *member = NULL, *name = NULL;
        size_t n;
        int r;

        r = scan_array(loader, entity, "members", /* mandatory= */ false, &members);
        if (r < 0)
                return r;
        r = scan_array(loader, entity, "values", /* mandatory= */ false, &values);
        if (r < 0)
                return r;
        if (!members && !values)
                return loader_bad(loader, _("the enumeration has neither \"members\" nor \"values\""));
        n = json_object_array_length(members ? members : values);
        for (size_t i = 0; i < n; i++) {
                name = NULL;
                if (members) {
                        r = scan_element(loader, members, i, "members", &member);
                        if (r < 0)
                                return r;
                        r = scan_features(loader, member);
                        if (r < 0)
                                return r;
                        json_object_object_get_ex(member, "name", &name);
                } else
                        name = json_object_array_get_idx(values, i);
                r = scan_name(loader, name, _("a value of the enumeration"));
                if (r < 0)
                        return r;
        }
        loader->n_values += n;
        return 0;
}

static int scan_builtin(Loader *loader, const json_object *entity)
{
        return scan_name(loader, json_get(entity, "json-type", json_type_string), "\"json-type\"");
}

static int scan_root(Loader *loader, const json_object *entity, bool command)
{
        json_object *oob;
        int r;

        r = scan_reference(loader, entity, "arg-type", /* member= */ NULL);
        if (r < 0 || !command)
                return r;
        if (json_object_object_get_ex(entity, "allow-oob", &oob) &&
            !json_object_is_type(oob, json_type_boolean))
                return loader_bad(loader, _("\"allow-oob\" is neither true nor false"));
        return scan_reference(loader, entity, "ret-type", /* member= */ NULL);
}

static int scan_meta(Loader *loader, const json_object *entity)
{
        switch (loader_meta(entity)) {
        case SCHEMA_BUILTIN:
                return scan_builtin(loader, entity);
        case SCHEMA_ENUM:
                return scan_enum(loader, entity);
        case SCHEMA_ARRAY:
                return scan_reference(loader, entity, "element-type", /* member= */ NULL);
        case SCHEMA_OBJECT:
                return scan_object(loader, entity);
        case SCHEMA_ALTERNATE:
                return scan_alternate(loader, entity);
        case SCHEMA_COMMAND:
                return scan_root(loader, entity, /* command= */ true);
        case SCHEMA_EVENT:
                return scan_root(loader, entity, /* command= */ false);
        case SCHEMA_OTHER:
                break;
        }
        return 0;
}

int loader_scan(Loader *loader, json_object *array)
{
        json_object *entity, *name;
        int r;

        loader->n_entities = json_object_array_length(array);
        for (size_t i = 0; i < loader->n_entities; i++) {
                loader->entity = NULL;
                entity = json_object_array_get_idx(array, i);
                name = json_get(entity, "name", json_type_string);
                if (!name || !name_of(name))
                        return loader_bad(loader, _("element %zu is no object with a \"name\""), i);
                loader->entity = json_object_get_string(name);
                r = scan_name(loader, name, "\"name\"");
                if (r < 0)
                        return r;
                if (!json_get_string(entity, "meta-type"))
                        return loader_bad(loader, _("there is no \"meta-type\" that is a string"));
                r = scan_features(loader, entity);
                if (r < 0)
                        return r;
                r = scan_meta(loader, entity);
                if (r < 0)
                        return r;
        }
        loader->entity = NULL;
        return 0;
}
