/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "block/driver.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "qapi/near.h"

int block_schema_init(const MusterSchema *schema, BlockSchema *ret, MusterError **ret_error)
{
        const SchemaEntity *command = schema ? schema_find_root(schema, "blockdev-add") : NULL;
        const SchemaEntity *options;

        if (!command || command->meta != SCHEMA_COMMAND)
                return error_set(
                        ret_error, -EOPNOTSUPP,
                        schema ? _("This emulator has no command blockdev-add.")
                               : _("This emulator tells no schema (QEMU before 2.5), so nothing can be "
                                   "gated on it."));
        options = schema_entity(schema, command->arg_type);
        if (!options || options->meta != SCHEMA_OBJECT || !options->tag || !streq(options->tag, "driver"))
                return error_set(
                        ret_error, -EOPNOTSUPP,
                        _("This emulator's blockdev-add does not choose by `driver`: it is that of QEMU "
                          "before 2.9, which was not stable; use a newer emulator."));
        *ret = (BlockSchema){schema, command->arg_type, options->tag};
        return 0;
}

uint32_t block_driver_branch(const BlockSchema *block, const char *driver)
{
        const SchemaEntity *options = schema_entity(block->schema, block->options);

        for (uint32_t i = 0; options && i < options->variants.count; i++) {
                const SchemaVariant *variant = block->schema->variants + options->variants.first + i;

                if (variant->case_name && streq(variant->case_name, driver))
                        return variant->type;
        }
        return SCHEMA_NONE;
}

int block_driver_check(const BlockSchema *block, const char *driver, MusterError **ret_error)
{
        const SchemaEntity *options = schema_entity(block->schema, block->options);
        Near near = {.wanted = driver};

        if (block_driver_branch(block, driver) != SCHEMA_NONE)
                return 0;
        for (uint32_t i = 0; options && i < options->variants.count; i++) {
                const char *name = block->schema->variants[options->variants.first + i].case_name;

                if (name)
                        near_offer(&near, name);
        }
        if (near.best)
                return error_set(ret_error, -EINVAL,
                                 _("This emulator has no block driver '%s'; did you mean '%s'?"), driver,
                                 near.best);
        return error_set(ret_error, -EINVAL,
                         _("This emulator has no block driver '%s'; `muster schema query "
                           "blockdev-add/arg-type/+*` lists those that it has."),
                         driver);
}

static const SchemaMember *object_member(const MusterSchema *schema, uint32_t type, const char *name)
{
        const SchemaEntity *object = schema_entity(schema, type);

        for (uint32_t i = 0; object && object->meta == SCHEMA_OBJECT && i < object->members.count; i++) {
                const SchemaMember *member = schema->members + object->members.first + i;

                if (streq(member->name, name))
                        return member;
        }
        return NULL;
}

const SchemaMember *block_driver_member(const BlockSchema *block, const char *driver, const char *name)
{
        const SchemaMember *member = object_member(block->schema, block->options, name);

        return member ? member : object_member(block->schema, block_driver_branch(block, driver), name);
}

bool block_type_is_node(const BlockSchema *block, uint32_t type, bool *ret_array)
{
        const SchemaEntity *entity = schema_entity(block->schema, type);
        bool array = entity && entity->meta == SCHEMA_ARRAY;

        if (array) {
                type = entity->arg_type;
                entity = schema_entity(block->schema, type);
        }
        if (!entity)
                return false;
        *ret_array = array;
        if (type == block->options)
                return true;
        for (uint32_t i = 0; entity->meta == SCHEMA_ALTERNATE && i < entity->variants.count; i++)
                if (block->schema->variants[entity->variants.first + i].type == block->options)
                        return true;
        return false;
}

bool block_type_takes_null(const BlockSchema *block, uint32_t type)
{
        const SchemaEntity *entity = schema_entity(block->schema, type);

        for (uint32_t i = 0; entity && entity->meta == SCHEMA_ALTERNATE && i < entity->variants.count; i++) {
                const SchemaEntity *branch = schema_entity(
                        block->schema, block->schema->variants[entity->variants.first + i].type);

                if (branch && branch->meta == SCHEMA_BUILTIN && streq_ptr(branch->json_type, "null"))
                        return true;
        }
        return false;
}

bool block_driver_holds_write(const BlockSchema *block, const char *driver)
{
        /* Each was tried on 5.2, 7.2 and 11.1; bochs, cloop and dmg are never writable. */
        static const char *const formats[] = {"parallels", "qcow", "qcow2", "qed",
                                              "vdi",       "vhdx", "vmdk",  "vpc"};

        for (size_t i = 0; i < ELEMENTSOF(formats); i++)
                if (streq(formats[i], driver))
                        return true;
        return streq(driver, "luks") && !block_driver_passes_on(block, driver);
}

bool block_driver_passes_on(const BlockSchema *block, const char *driver)
{
        if (streq(driver, "raw"))
                return true;
        /* luks does since its keys can be changed (5.1), of which the command is the witness. */
        return streq(driver, "luks") && (schema_find_root(block->schema, "x-blockdev-amend") ||
                                         schema_find_root(block->schema, "blockdev-amend"));
}

static int append_name(char **names, const char *name)
{
        char *longer;

        if (asprintf(&longer, "%s%s%s", *names, **names ? ", " : "", name) < 0)
                return -ENOMEM;
        free(*names);
        *names = longer;
        return 0;
}

int block_driver_missing(const BlockSchema *block, const char *driver, const json_object *node, char **ret)
{
        const SchemaEntity *branch = schema_entity(block->schema, block_driver_branch(block, driver));
        CLEANUP(free) char *names = strdup("");

        if (!names)
                return -ENOMEM;
        for (uint32_t i = 0; branch && branch->meta == SCHEMA_OBJECT && i < branch->members.count; i++) {
                const SchemaMember *member = block->schema->members + branch->members.first + i;

                if (!member->optional && !json_object_object_get_ex(node, member->name, NULL) &&
                    append_name(&names, member->name) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE(names);
        return 0;
}
