/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Devices that have an id. What is on PCI is let go by the guest: a while after it was asked ("unplug-msec")
 * if it runs, at the reset else; what is on USB or SCSI goes at once.
 */

#include <errno.h>

#include "standin.h"

#define UNPLUG_MSEC 50

static json_object *all;

json_object *devices(void)
{
        if (!all)
                all = json_object_new_object();
        return all;
}

json_object *device_find(const char *name)
{
        const char *rest = name ? startswith(name, "/machine/peripheral/") : NULL;
        CLEANUP(free) char *id = name ? strndup(rest ? rest : name, strcspn(rest ? rest : name, "/")) : NULL;

        return id ? json_get(devices(), id, json_type_object) : NULL;
}

const char *device_of_node(const char *node)
{
        json_object_object_foreach (devices(), id, device) {
                if (streq_ptr(json_get_string(device, "drive"), node))
                        return id;
        }
        return NULL;
}

static bool is_virtio_disk(const char *driver)
{
        return startswith(driver, "virtio-blk") != NULL;
}

static bool is_cdrom(const char *driver)
{
        return streq(driver, "scsi-cd") || streq(driver, "ide-cd");
}

int device_add(json_object *arguments, char **ret_error)
{
        const char *driver = json_get_string(arguments, "driver"), *id = json_get_string(arguments, "id"),
                   *drive = json_get_string(arguments, "drive");
        json_object *device = NULL;

        if (!driver)
                *ret_error = strdup("Parameter 'driver' is missing");
        else if (id && device_find(id))
                *ret_error = text_format("Duplicate device ID '%s'", id);
        else if (drive && !block_find(drive))
                *ret_error = text_format("Property '%s.drive' can't find value '%s'",
                                         is_virtio_disk(driver) ? "virtio-blk-device" : driver, drive);
        if (*ret_error)
                return -EINVAL;
        if (!id)
                return 0;
        json_object_deep_copy(arguments, &device, NULL);
        return json_add(devices(), id, device);
}

static bool is_model(const char *driver)
{
        CLEANUP(json) json_object *reply = recorded_reply("qom-list-types", NULL);
        json_object *list = json_get(reply, "return", json_type_array);
        size_t n = list ? json_object_array_length(list) : 0;

        for (size_t i = 0; i < n; i++)
                if (streq_ptr(json_get_string(json_object_array_get_idx(list, i), "name"), driver))
                        return true;
        return n == 0;
}

static json_object *cmd_add(json_object *arguments)
{
        CLEANUP(free) char *error = NULL;
        const char *driver = json_get_string(arguments, "driver"),
                   *drive = json_get_string(arguments, "drive");

        if (driver && !is_model(driver))
                return fail("'%s' is not a valid device model name", driver);
        if (driver && startswith(driver, "ide-"))
                return fail("Bus 'ide.0' does not support hotplugging");
        if (drive && device_of_node(drive) && !json_get_bool(arguments, "share-rw", false))
                return fail("Permission conflict on node '%s': permissions 'write' are both required by "
                            "block device '%s' (uses node '%s' as 'root' child) and unshared by another.",
                            drive, device_of_node(drive), drive);
        return device_add(arguments, &error) < 0 ? fail("%s", error) : done();
}

static void tell_deleted(const char *id, const char *suffix)
{
        json_object *data = json_object_new_object();

        if (!*suffix)
                json_add_string(data, "device", id);
        json_add_stringf(data, "path", "/machine/peripheral/%s%s", id, suffix);
        qmp_event("DEVICE_DELETED", data);
}

static void delete_device(json_object *device)
{
        CLEANUP(free) char *id = strdup(json_get_string(device, "id"));

        if (startswith(json_get_string(device, "driver"), "virtio-"))
                tell_deleted(id, "/virtio-backend");
        json_object_object_del(devices(), id);
        tell_deleted(id, "");
}

/* As many as there are; a list does not like to be changed while it is gone through. */
static void delete_leaving(void *data)
{
        for (bool again = true; again;) {
                again = false;
                json_object_object_foreach (devices(), id, device) {
                        (void)id;
                        if (!json_get_bool(device, "leaving", false))
                                continue;
                        delete_device(device);
                        again = true;
                        break;
                }
        }
}

/* Behind the reply, as with QEMU. */
void device_reset(void)
{
        timer_add(0, delete_leaving, NULL);
}

void device_guest_runs(void)
{
        timer_cancel(delete_leaving, NULL);
        json_object_object_foreach (devices(), id, device) {
                (void)id;
                if (json_get_bool(device, "leaving", false)) {
                        timer_add(faults_int("unplug-msec", UNPLUG_MSEC), delete_leaving, NULL);
                        return;
                }
        }
}

static json_object *cmd_del(json_object *arguments)
{
        const char *id = json_get_string(arguments, "id"), *driver;
        json_object *device = device_find(id);

        if (!device)
                return fail_class("DeviceNotFound", "Device '%s' not found", id);
        driver = json_get_string(device, "driver");
        if (json_get_bool(device, "leaving", false))
                return fail("Device %s is already in the process of unplug", id);
        if (startswith(driver, "scsi-") || startswith(driver, "usb-")) {
                delete_device(device);
        } else if (!faults_bool("ignore-unplug")) {
                json_add_bool(device, "leaving", true);
                if (run_is_running())
                        device_guest_runs();
        }
        return done();
}

static json_object *block_of_device(const char *id, json_object *device)
{
        const char *driver = json_get_string(device, "driver"), *drive = json_get_string(device, "drive");
        json_object *block = json_object_new_object();

        json_add_string(block, "device", "");
        json_add_stringf(block, "qdev",
                         is_virtio_disk(driver) ? "/machine/peripheral/%s/virtio-backend" : "%s", id);
        json_add_string(block, "type", "unknown");
        json_add_bool(block, "locked", false);
        json_add_bool(block, "removable", is_cdrom(driver));
        if (is_cdrom(driver))
                json_add_bool(block, "tray_open", json_get_bool(device, "tray-open", false));
        if (block_find(drive))
                json_add(block, "inserted", block_inserted(block_find(drive)));
        json_add_string(block, "io-status", "ok");
        return block;
}

static json_object *cmd_block(json_object *arguments)
{
        json_object *list = json_object_new_array();

        json_object_object_foreach (devices(), id, device) {
                if (json_get_string(device, "drive") || is_cdrom(json_get_string(device, "driver")))
                        json_append(list, block_of_device(id, device));
        }
        return list;
}

static json_object *stats_of(const char *node)
{
        static const char *const counters[] = {
                "rd_bytes",
                "wr_bytes",
                "unmap_bytes",
                "rd_operations",
                "wr_operations",
                "flush_operations",
                "unmap_operations",
                "rd_total_time_ns",
                "wr_total_time_ns",
                "flush_total_time_ns",
                "unmap_total_time_ns",
                "wr_highest_offset",
                "rd_merged",
                "wr_merged",
                "unmap_merged",
                "failed_rd_operations",
                "failed_wr_operations",
                "failed_flush_operations",
                "failed_unmap_operations",
                "invalid_rd_operations",
                "invalid_wr_operations",
                "invalid_flush_operations",
                "invalid_unmap_operations",
        };
        json_object *entry = json_object_new_object(), *stats = json_object_new_object();

        for (size_t i = 0; i < ELEMENTSOF(counters); i++)
                json_add_int(stats, counters[i], 0);
        json_add_bool(stats, "account_invalid", true);
        json_add_bool(stats, "account_failed", true);
        json_add(stats, "timed_stats", json_object_new_array());
        json_add_string(entry, "device", "");
        json_add(entry, "stats", stats);
        json_add_string(entry, "node-name", node);
        return entry;
}

static json_object *cmd_blockstats(json_object *arguments)
{
        json_object *list = json_object_new_array(), *entry;

        json_object_object_foreach (devices(), id, device) {
                const char *drive = json_get_string(device, "drive");

                if (!drive)
                        continue;
                entry = stats_of(drive);
                json_add_stringf(entry, "qdev", "/machine/peripheral/%s", id);
                json_append(list, entry);
        }
        return list;
}

static json_object *find_cdrom(json_object *arguments)
{
        json_object *device = device_find(json_get_string(arguments, "id"));

        if (!device)
                fail_class("DeviceNotFound", "Device '%s' not found", json_get_string(arguments, "id"));
        else if (!is_cdrom(json_get_string(device, "driver")))
                fail("Device '%s' is not removable", json_get_string(arguments, "id"));
        else
                return device;
        return NULL;
}

static void move_tray(json_object *device, bool open)
{
        json_object *data;

        if (json_get_bool(device, "tray-open", false) == open)
                return;
        json_add_bool(device, "tray-open", open);
        data = data_of("device", "");
        json_add_string(data, "id", json_get_string(device, "id"));
        json_add_bool(data, "tray-open", open);
        qmp_event("DEVICE_TRAY_MOVED", data);
}

static json_object *cmd_open_tray(json_object *arguments)
{
        json_object *device = find_cdrom(arguments);

        if (device)
                move_tray(device, /* open= */ true);
        return device ? done() : NULL;
}

static json_object *cmd_close_tray(json_object *arguments)
{
        json_object *device = find_cdrom(arguments);

        if (device)
                move_tray(device, /* open= */ false);
        return device ? done() : NULL;
}

static json_object *cmd_remove_medium(json_object *arguments)
{
        json_object *device = find_cdrom(arguments);

        if (device && !json_get_bool(device, "tray-open", false))
                return fail("Tray of device '%s' is not open", json_get_string(arguments, "id"));
        if (device)
                json_object_object_del(device, "drive");
        return device ? done() : NULL;
}

static json_object *cmd_insert_medium(json_object *arguments)
{
        json_object *device = find_cdrom(arguments);
        const char *node = json_get_string(arguments, "node-name");

        if (!device)
                return NULL;
        if (!block_find(node))
                return fail("Node '%s' not found", node);
        if (!json_get_bool(device, "tray-open", false))
                return fail("Tray of device '%s' is not open", json_get_string(arguments, "id"));
        if (json_get_string(device, "drive"))
                return fail("There already is a medium in device '%s'", json_get_string(arguments, "id"));
        json_add_string(device, "drive", node);
        return done();
}

static json_object *cmd_eject(json_object *arguments)
{
        json_object *device = find_cdrom(arguments);

        if (!device)
                return NULL;
        move_tray(device, /* open= */ true);
        json_object_object_del(device, "drive");
        return done();
}

static json_object *cmd_qom_list(json_object *arguments)
{
        json_object *list = json_object_new_array(), *entry;

        if (!streq(json_get_string(arguments, "path"), "/machine/peripheral")) {
                json_object_put(list);
                return fail_class("DeviceNotFound", "Device '%s' not found",
                                  json_get_string(arguments, "path"));
        }
        entry = data_of("name", "type");
        json_add_string(entry, "type", "string");
        json_append(list, entry);
        json_object_object_foreach (devices(), id, device) {
                entry = data_of("name", id);
                json_add_stringf(entry, "type", "child<%s>", json_get_string(device, "driver"));
                json_append(list, entry);
        }
        return list;
}

static json_object *cmd_qom_get(json_object *arguments)
{
        const char *path = json_get_string(arguments, "path"),
                   *property = json_get_string(arguments, "property");
        json_object *device = device_find(path), *value;

        if (!device || !startswith(path, "/machine/peripheral/"))
                return fail_class("DeviceNotFound", "Device '%s' not found", path);
        if (streq(property, "type"))
                property = "driver";
        if (!json_object_object_get_ex(device, property, &value))
                return fail("Property '%s.%s' not found", json_get_string(device, "driver"), property);
        return json_object_get(value);
}

const Command device_commands[] = {
        {"device_add", "*", cmd_add},
        {"device_del", "id!s", cmd_del},
        {"query-block", "", cmd_block},
        {"query-blockstats", "query-nodes?b", cmd_blockstats},
        {"blockdev-open-tray", "device?s id?s force?b", cmd_open_tray},
        {"blockdev-close-tray", "device?s id?s", cmd_close_tray},
        {"blockdev-remove-medium", "id!s", cmd_remove_medium},
        {"blockdev-insert-medium", "id!s node-name!s", cmd_insert_medium},
        {"eject", "device?s id?s force?b", cmd_eject},
        {"qom-list", "path!s", cmd_qom_list},
        {"qom-get", "path!s property!s", cmd_qom_get},
        {NULL, NULL, NULL},
};
