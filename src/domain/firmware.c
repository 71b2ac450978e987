/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A descriptor's JSON. What the format may grow (interfaces, features, members) is passed over, so that a
 * newer package does not make its descriptors useless; what says which file is mapped how must be known.
 */

#include "domain/firmware.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/json.h"
#include "base/util.h"

static const char *const interface_names[] = {"bios", "uefi", "openfirmware", "uboot"};
static const char *const device_names[] = {"flash", "kernel", "memory"};
static const char *const mode_names[] = {"split", "combined", "stateless"};

/* NULL if it is no text, or none that fits. */
static const char *bounded_text(const json_object *value, size_t max)
{
        const char *text;
        size_t size;

        if (!json_object_is_type(value, json_type_string))
                return NULL;
        text = json_object_get_string((json_object *)value);
        size = (size_t)json_object_get_string_len(value);
        return size > 0 && size <= max && text_is_utf8(text, size) ? text : NULL;
}

static int take_text(const json_object *object, const char *name, size_t max, char **ret,
                     MusterError **ret_error)
{
        const char *text = bounded_text(json_get(object, name, json_type_string), max);

        if (!text)
                return error_set(ret_error, -EBADMSG,
                                 _("The descriptor needs a '%s' that is a text of 1 to %zu bytes."), name,
                                 max);
        *ret = strdup(text);
        return *ret ? 0 : error_oom(ret_error);
}

static int take_list(const json_object *object, const char *name, size_t max, char ***ret,
                     MusterError **ret_error)
{
        json_object *array = json_get(object, name, json_type_array);
        size_t n = array ? json_object_array_length(array) : 0;
        CLEANUP(strv) char **list = calloc(1, sizeof(*list));

        if (!array || n > FIRMWARE_ITEMS_MAX)
                return error_set(ret_error, -EBADMSG,
                                 _("The descriptor needs '%s' as a list of at most %d texts."), name,
                                 FIRMWARE_ITEMS_MAX);
        for (size_t i = 0; list && i < n; i++) {
                const char *text = bounded_text(json_object_array_get_idx(array, i), max);

                if (!text)
                        return error_set(ret_error, -EBADMSG,
                                         _("Number %zu in the descriptor's '%s' is no text of 1 to %zu "
                                           "bytes."),
                                         i + 1, name, max);
                if (strv_append(&list, text) < 0)
                        return error_oom(ret_error);
        }
        if (!list)
                return error_oom(ret_error);
        *ret = TAKE(list);
        return 0;
}

static int take_word(const json_object *object, const char *name, const char *const *words, size_t n_words,
                     unsigned *ret, MusterError **ret_error)
{
        CLEANUP(free) char *word = NULL, *shown = NULL;
        int r;

        r = take_text(object, name, FIRMWARE_NAME_MAX, &word, ret_error);
        if (r < 0)
                return r;
        for (unsigned i = 0; i < n_words; i++)
                if (streq(word, words[i])) {
                        *ret = i;
                        return 0;
                }
        shown = text_for_terminal(word, strlen(word), FIRMWARE_NAME_MAX);
        return error_set(ret_error, -EBADMSG,
                         _("The descriptor's '%s' is '%s', which muster does not know."), name,
                         shown ?: "?");
}

/* "executable" or "nvram-template". */
static int take_file(const json_object *mapping, const char *name, char **ret_path, char **ret_format,
                     MusterError **ret_error)
{
        json_object *file = json_get(mapping, name, json_type_object);
        int r;

        r = take_text(file, "filename", FIRMWARE_TEXT_MAX, ret_path, ret_error);
        if (r == 0)
                r = take_text(file, "format", FIRMWARE_NAME_MAX, ret_format, ret_error);
        if (r < 0)
                error_prefix(ret_error, "mapping/%s", name);
        return r;
}

static int take_flash(const json_object *mapping, Firmware *firmware, MusterError **ret_error)
{
        unsigned mode = FIRMWARE_SPLIT;
        json_object *said;
        int r = 0;

        if (json_object_object_get_ex(mapping, "mode", &said))
                r = take_word(mapping, "mode", mode_names, ELEMENTSOF(mode_names), &mode, ret_error);
        if (r < 0)
                return r;
        firmware->mode = (FirmwareMode)mode;
        r = take_file(mapping, "executable", &firmware->executable, &firmware->executable_format, ret_error);
        if (r == 0 && firmware->mode == FIRMWARE_SPLIT)
                r = take_file(mapping, "nvram-template", &firmware->nvram_template, &firmware->nvram_format,
                              ret_error);
        return r;
}

static int check_path(const char *path, MusterError **ret_error)
{
        if (!path || path[0] == '/')
                return 0;
        return error_set(ret_error, -EBADMSG, _("The descriptor names a file without its whole path."));
}

static int take_mapping(const json_object *object, Firmware *firmware, MusterError **ret_error)
{
        json_object *mapping = json_get(object, "mapping", json_type_object);
        unsigned device = FIRMWARE_FLASH;
        int r;

        r = take_word(mapping, "device", device_names, ELEMENTSOF(device_names), &device, ret_error);
        if (r < 0)
                return r;
        firmware->device = (FirmwareDevice)device;
        if (firmware->device == FIRMWARE_FLASH)
                r = take_flash(mapping, firmware, ret_error);
        else
                r = take_text(mapping, "filename", FIRMWARE_TEXT_MAX, &firmware->executable, ret_error);
        if (r == 0)
                r = check_path(firmware->executable, ret_error);
        if (r == 0)
                r = check_path(firmware->nvram_template, ret_error);
        return r;
}

static int take_targets(const json_object *object, Firmware *firmware, MusterError **ret_error)
{
        json_object *array = json_get(object, "targets", json_type_array);
        size_t n = array ? json_object_array_length(array) : 0;
        int r = 0;

        if (n == 0 || n > FIRMWARE_ITEMS_MAX)
                return error_set(ret_error, -EBADMSG,
                                 _("The descriptor needs 'targets' as a list of 1 to %d objects."),
                                 FIRMWARE_ITEMS_MAX);
        firmware->targets = calloc(n, sizeof(*firmware->targets));
        if (!firmware->targets)
                return error_oom(ret_error);
        while (r == 0 && firmware->n_targets < n) {
                FirmwareTarget *target = &firmware->targets[firmware->n_targets];
                json_object *from = json_object_array_get_idx(array, firmware->n_targets++);

                r = take_text(from, "architecture", FIRMWARE_NAME_MAX, &target->architecture, ret_error);
                if (r == 0)
                        r = take_list(from, "machines", FIRMWARE_NAME_MAX, &target->machines, ret_error);
        }
        return r;
}

static int take_interfaces(const json_object *object, Firmware *firmware, MusterError **ret_error)
{
        CLEANUP(strv) char **names = NULL;
        int r;

        r = take_list(object, "interface-types", FIRMWARE_NAME_MAX, &names, ret_error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(interface_names); i++)
                if (strv_contains(names, interface_names[i]))
                        firmware->interfaces |= 1U << i;
        return 0;
}

int firmware_parse(const char *text, size_t size, Firmware **ret, MusterError **ret_error)
{
        CLEANUP(Firmware) Firmware *firmware = calloc(1, sizeof(*firmware));
        CLEANUP(json) json_object *object = NULL;
        json_object *tags;
        int r;

        if (!firmware)
                return error_oom(ret_error);
        if (size > FIRMWARE_SIZE_MAX)
                return error_set(ret_error, -EBADMSG, _("The descriptor is larger than %zu bytes."),
                                 FIRMWARE_SIZE_MAX);
        r = json_parse(text, size, &object);
        if (r == -ENOMEM)
                return error_oom(ret_error);
        if (r < 0 || !json_object_is_type(object, json_type_object))
                return error_set(ret_error, -EBADMSG, _("The descriptor is no JSON object."));
        r = take_interfaces(object, firmware, ret_error);
        if (r == 0)
                r = take_mapping(object, firmware, ret_error);
        if (r == 0)
                r = take_targets(object, firmware, ret_error);
        if (r == 0)
                r = take_list(object, "features", FIRMWARE_NAME_MAX, &firmware->features, ret_error);
        if (r == 0 && json_object_object_get_ex(object, "tags", &tags))
                r = take_list(object, "tags", FIRMWARE_TEXT_MAX, &firmware->tags, ret_error);
        if (r < 0)
                return r;
        *ret = TAKE(firmware);
        return 0;
}

Firmware *firmware_free(Firmware *firmware)
{
        if (!firmware)
                return NULL;
        for (size_t i = 0; i < firmware->n_targets; i++) {
                free(firmware->targets[i].architecture);
                strv_free(firmware->targets[i].machines);
        }
        free(firmware->targets);
        free(firmware->path);
        muster_error_free(firmware->problem);
        free(firmware->executable);
        free(firmware->executable_format);
        free(firmware->nvram_template);
        free(firmware->nvram_format);
        strv_free(firmware->features);
        strv_free(firmware->tags);
        free(firmware);
        return NULL;
}

bool firmware_has(const Firmware *firmware, const char *feature)
{
        return strv_contains(firmware->features, feature);
}
