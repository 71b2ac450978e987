/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From JSON to the graph, in two walks over the array. The first one (scan) trusts nothing: it checks that
 * every key that muster reads is there and has its type, counts what there is, and collects the distinct
 * names in a set that borrows json-c's strings. Then all sizes are known and one arena is allocated. The
 * second walk (fill) copies the names, hashes the entities, and resolves each reference to an index; what
 * can still fail there are duplicate entities and references that lead nowhere.
 *
 * Keys that muster does not know are ignored, and so is all but name and features of an entity of an
 * unknown meta-type: a newer QEMU may say more than we understand, and a query simply does not get past it.
 */

#include <errno.h>
#include <sys/random.h>

#include "base/i18n.h"
#include "base/util.h"
#include "qapi/schema-load.h"

/* Far beyond what fits into JSON_SIZE_MAX; so that index arithmetic cannot overflow. */
#define COUNT_MAX (UINT32_C(1) << 28)

static void loader_done(Loader *loader)
{
        free(loader->names);
        if (loader->schema)
                free(loader->schema->arena);
}

static inline void cleanup_loader(Loader *loader)
{
        loader_done(loader);
}

/* ---- the arena ---- */

static size_t table_size(size_t n)
{
        size_t size = 16;

        while (size < n * 2)
                size *= 2;
        return size;
}

/* Reserves a part: with `base` NULL only the size counts. All parts have an alignment of 8 or less. */
static void *part(void *base, size_t *at, size_t n, size_t element)
{
        void *result = base ? (char *)base + *at : NULL;

        *at += (n * element + 7) & ~(size_t)7;
        return result;
}

static size_t lay_out(Loader *loader, void *base)
{
        size_t at = 0;

        loader->schema = part(base, &at, 1, sizeof(MusterSchema));
        loader->entities = part(base, &at, loader->n_entities, sizeof(SchemaEntity));
        loader->members = part(base, &at, loader->n_members, sizeof(SchemaMember));
        loader->variants = part(base, &at, loader->n_variants, sizeof(SchemaVariant));
        loader->values = part(base, &at, loader->n_values, sizeof(SchemaValue));
        loader->features = part(base, &at, loader->n_features, sizeof(char *));
        loader->table = part(base, &at, table_size(loader->n_names), sizeof(char *));
        loader->index = part(base, &at, table_size(loader->n_entities), sizeof(uint32_t));
        loader->text = part(base, &at, loader->names_size, 1);
        return at;
}

static int allocate(Loader *loader)
{
        size_t most = loader->n_entities, size;
        void *arena;

        most |= loader->n_members | loader->n_variants | loader->n_values | loader->n_features |
                loader->n_names;
        if (most >= COUNT_MAX)
                return error_set(loader->ret_error, -E2BIG, _("The schema has too many entries."));
        size = lay_out(loader, NULL);
        arena = calloc(1, size);
        if (!arena)
                return error_oom(loader->ret_error);
        lay_out(loader, arena);
        *loader->schema = (MusterSchema){
                .n_ref = 1,
                .seed = loader->seed,
                .entities = loader->entities,
                .n_entities = (uint32_t)loader->n_entities,
                .members = loader->members,
                .variants = loader->variants,
                .values = loader->values,
                .features = loader->features,
                .entity_index = loader->index,
                .entity_index_mask = (uint32_t)table_size(loader->n_entities) - 1,
                .names = loader->table,
                .names_mask = (uint32_t)table_size(loader->n_names) - 1,
                .n_members = (uint32_t)loader->n_members,
                .n_variants = (uint32_t)loader->n_variants,
                .n_values = (uint32_t)loader->n_values,
                .n_features = (uint32_t)loader->n_features,
                .n_names = (uint32_t)loader->n_names,
                .arena_size = size,
                .arena = arena,
        };
        memset(loader->index, 0xff, table_size(loader->n_entities) * sizeof(uint32_t)); /* SCHEMA_NONE */
        return 0;
}

/* ---- the second walk: fill ---- */

static void fill_names(Loader *loader)
{
        char *text = loader->text;

        for (size_t i = 0; i < loader->n_slots; i++) {
                const Name *name = loader->names + i;
                uint32_t slot;

                if (!name->text)
                        continue;
                slot = (uint32_t)schema_hash(loader->seed, name->text, name->size) &
                       loader->schema->names_mask;
                while (loader->table[slot])
                        slot = (slot + 1) & loader->schema->names_mask;
                loader->table[slot] = text;
                memcpy(text, name->text, name->size);
                text += name->size + 1;
        }
}

static const char *intern(const Loader *loader, json_object *value)
{
        return schema_intern(loader->schema, json_object_get_string(value),
                             (size_t)json_object_get_string_len(value));
}

static const char *intern_key(const Loader *loader, const json_object *object, const char *key)
{
        return intern(loader, json_get(object, key, json_type_string));
}

/* Puts every entity's name into the index, so that references can be resolved in any order. */
static int fill_index(Loader *loader, json_object *array)
{
        uint32_t mask = loader->schema->entity_index_mask;

        for (uint32_t i = 0; i < loader->n_entities; i++) {
                const char *name = intern_key(loader, json_object_array_get_idx(array, i), "name");
                uint32_t slot = (uint32_t)schema_hash(loader->seed, name, strlen(name)) & mask;

                for (; loader->index[slot] != SCHEMA_NONE; slot = (slot + 1) & mask)
                        if (loader->entities[loader->index[slot]].name == name)
                                return loader_bad(loader, _("there are two entities \"%s\""), name);
                loader->index[slot] = i;
                loader->entities[i].name = name;
                loader->entities[i].meta = loader_meta(json_object_array_get_idx(array, i));
        }
        return 0;
}

/* An index for the reference at `key`; `member` is what holds it, for the sentence, may be NULL. */
static int fill_reference(Loader *loader, const json_object *object, const char *key, const char *member,
                          uint32_t *ret)
{
        const char *name = json_get_string(object, key);
        uint32_t index = schema_find(loader->schema, name);
        const SchemaEntity *type = schema_entity(loader->schema, index);

        if (type && type->meta != SCHEMA_COMMAND && type->meta != SCHEMA_EVENT) {
                *ret = index;
                return 0;
        }
        if (member && type)
                return loader_bad(loader, _("member \"%s\" refers to \"%s\", which is no type"), member,
                                  name);
        if (member)
                return loader_bad(loader, _("member \"%s\" refers to the type \"%s\", which is not there"),
                                  member, name);
        if (type)
                return loader_bad(loader, _("\"%s\" refers to \"%s\", which is no type"), key, name);
        return loader_bad(loader, _("\"%s\" refers to the type \"%s\", which is not there"), key, name);
}

static SchemaRange fill_features(Loader *loader, const json_object *object)
{
        json_object *features = json_get(object, "features", json_type_array);
        SchemaRange range = {loader->at_feature, 0};

        if (!features)
                return range;
        range.count = (uint32_t)json_object_array_length(features);
        for (uint32_t i = 0; i < range.count; i++)
                loader->features[loader->at_feature++] =
                        intern(loader, json_object_array_get_idx(features, i));
        return range;
}

static int fill_members(Loader *loader, SchemaEntity *entity, const json_object *source)
{
        json_object *members = json_get(source, "members", json_type_array);
        int r;

        entity->members = (SchemaRange){loader->at_member, (uint32_t)json_object_array_length(members)};
        for (uint32_t i = 0; i < entity->members.count; i++) {
                const json_object *from = json_object_array_get_idx(members, i);
                SchemaMember *member = loader->members + loader->at_member++;

                member->name = intern_key(loader, from, "name");
                member->optional = json_object_object_get_ex(from, "default", NULL);
                member->features = fill_features(loader, from);
                r = fill_reference(loader, from, "type", member->name, &member->type);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Branches of a union, or, under another key and without cases, of an alternate. */
static int fill_variants(Loader *loader, SchemaEntity *entity, const json_object *source, const char *key)
{
        json_object *variants = json_get(source, key, json_type_array);
        int r;

        entity->variants.first = loader->at_variant;
        entity->variants.count = variants ? (uint32_t)json_object_array_length(variants) : 0;
        for (uint32_t i = 0; i < entity->variants.count; i++) {
                const json_object *from = json_object_array_get_idx(variants, i);
                SchemaVariant *variant = loader->variants + loader->at_variant++;

                if (entity->meta == SCHEMA_OBJECT)
                        variant->case_name = intern_key(loader, from, "case");
                r = fill_reference(loader, from, "type", variant->case_name, &variant->type);
                if (r < 0)
                        return r;
        }
        if (entity->meta == SCHEMA_OBJECT && variants)
                entity->tag = intern_key(loader, source, "tag");
        return 0;
}

static void fill_values(Loader *loader, SchemaEntity *entity, const json_object *source)
{
        json_object *members = json_get(source, "members", json_type_array);
        json_object *list = members ? members : json_get(source, "values", json_type_array);

        entity->values_have_features = members;
        entity->members = (SchemaRange){loader->at_value, (uint32_t)json_object_array_length(list)};
        for (uint32_t i = 0; i < entity->members.count; i++) {
                json_object *from = json_object_array_get_idx(list, i);
                SchemaValue *value = loader->values + loader->at_value++;

                value->name = members ? intern_key(loader, from, "name") : intern(loader, from);
                value->features = members ? fill_features(loader, from) : (SchemaRange){0, 0};
        }
}

static int fill_entity(Loader *loader, SchemaEntity *entity, const json_object *source)
{
        int r;

        loader->entity = entity->name;
        entity->arg_type = entity->ret_type = SCHEMA_NONE;
        entity->features = fill_features(loader, source);
        switch (entity->meta) {
        case SCHEMA_BUILTIN:
                entity->json_type = intern_key(loader, source, "json-type");
                return 0;
        case SCHEMA_ENUM:
                fill_values(loader, entity, source);
                return 0;
        case SCHEMA_ARRAY:
                return fill_reference(loader, source, "element-type", /* member= */ NULL, &entity->arg_type);
        case SCHEMA_OBJECT:
                r = fill_members(loader, entity, source);
                return r < 0 ? r : fill_variants(loader, entity, source, "variants");
        case SCHEMA_ALTERNATE:
                return fill_variants(loader, entity, source, "members");
        case SCHEMA_COMMAND:
                entity->allow_oob = json_get_bool(source, "allow-oob", false);
                r = fill_reference(loader, source, "ret-type", /* member= */ NULL, &entity->ret_type);
                if (r < 0)
                        return r;
                return fill_reference(loader, source, "arg-type", /* member= */ NULL, &entity->arg_type);
        case SCHEMA_EVENT:
                return fill_reference(loader, source, "arg-type", /* member= */ NULL, &entity->arg_type);
        case SCHEMA_OTHER:
                return 0;
        }
        return 0;
}

int schema_new_from_json(json_object *array, MusterSchema **ret, MusterError **ret_error)
{
        CLEANUP(loader) Loader loader = {.ret_error = ret_error};
        int r;

        if (!json_object_is_type(array, json_type_array))
                return error_set(ret_error, -EBADMSG, _("A schema is a JSON array; this is none."));
        /* Early in the boot there may be no entropy yet; an address is better than a constant. */
        if (getrandom(&loader.seed, sizeof(loader.seed), GRND_NONBLOCK) != sizeof(loader.seed))
                loader.seed = (uint64_t)(uintptr_t)array * UINT64_C(0x9e3779b97f4a7c15);
        r = loader_scan(&loader, array);
        if (r < 0)
                return r;
        r = allocate(&loader);
        if (r < 0)
                return r;
        fill_names(&loader);
        r = fill_index(&loader, array);
        if (r < 0)
                return r;
        for (uint32_t i = 0; i < loader.n_entities; i++) {
                r = fill_entity(&loader, loader.entities + i, json_object_array_get_idx(array, i));
                if (r < 0)
                        return r;
        }
        *ret = TAKE(loader.schema);
        return 0;
}

_public_ int muster_schema_new(const char *text, size_t size, MusterSchema **ret, MusterError **ret_error)
{
        CLEANUP(json) json_object *json = NULL;
        json_object *array;
        int r;

        r = json_parse(text, size, &json);
        if (r == -ENOMEM)
                return error_oom(ret_error);
        if (r == -E2BIG)
                return error_set(ret_error, r, _("The schema is beyond 64 MiB or nested beyond 64 levels."));
        if (r < 0)
                return error_set(ret_error, -EBADMSG, _("The schema is no JSON."));
        array = json_get(json, "return", json_type_array);
        return schema_new_from_json(array ? array : json, ret, ret_error);
}
