/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/controller-private.h"
#include "domain/device/disk-private.h"
#include "domain/hotplug-private.h"

/*
 * A device is attached by completing the live definition once more with the device at its end: all that was
 * there has its places and aliases in the text and keeps them, so what is assigned is new. The parts behind
 * those that were there are the device, and the controllers that it had to have; they alone are planned, and
 * what they would add to an argv becomes commands (hotplug-steps.c).
 *
 * It is detached by what attaching it would have added, taken back from the last to the first. Of a disk the
 * nodes are those of its chain, whatever operations have made of it.
 *
 * What can be plugged is decided by where it goes (a bus that hot-plugs), by what it needs (options that
 * have no command) and, where the emulator refuses a type whatever the bus, by a list.
 */

/* --- a change ------------------------------------------------------------------------------------ */

DeviceChange *device_change_free(DeviceChange *change)
{
        if (!change)
                return NULL;
        free(change->xml);
        free(change->device);
        free(change->alias);
        free(change->disk);
        json_object_put(change->steps);
        json_object_put(change->files);
        json_object_put(change->processes);
        json_object_put(change->fds);
        json_object_put(change->affinity);
        json_object_put(change->decisions);
        json_object_put(change->warnings);
        json_object_put(change->chain);
        free(change);
        return NULL;
}

int device_change_new(DeviceChange **ret)
{
        CLEANUP(DeviceChange) DeviceChange *change = calloc(1, sizeof(*change));

        if (!change)
                return -ENOMEM;
        change->steps = json_object_new_array();
        change->files = json_object_new_array();
        change->processes = json_object_new_array();
        change->fds = json_object_new_array();
        change->affinity = json_object_new_array();
        change->decisions = json_object_new_array();
        change->warnings = json_object_new_array();
        if (!change->steps || !change->files || !change->processes || !change->fds || !change->affinity ||
            !change->decisions || !change->warnings)
                return -ENOMEM;
        *ret = TAKE(change);
        return 0;
}

json_object *device_change_to_json(const DeviceChange *change)
{
        CLEANUP(json) json_object *object = json_object_new_object();

        if (!object || json_add_string(object, "xml", change->xml) < 0 ||
            json_add_string(object, "device", change->device) < 0 ||
            json_add_string(object, "alias", change->alias) < 0 ||
            json_add(object, "steps", json_object_get(change->steps)) < 0 ||
            json_add(object, "files", json_object_get(change->files)) < 0 ||
            json_add(object, "processes", json_object_get(change->processes)) < 0 ||
            json_add(object, "fds", json_object_get(change->fds)) < 0 ||
            json_add(object, "affinity", json_object_get(change->affinity)) < 0 ||
            json_add(object, "decisions", json_object_get(change->decisions)) < 0 ||
            json_add(object, "warnings", json_object_get(change->warnings)) < 0 ||
            (change->disk && json_add_string(object, "disk", change->disk) < 0) ||
            (change->chain && json_add(object, "chain", json_object_get(change->chain)) < 0))
                return NULL;
        return TAKE(object);
}

static int append_all(json_object *to, const json_object *from)
{
        for (size_t i = 0; i < json_object_array_length(from); i++)
                if (json_append(to, json_object_get(json_object_array_get_idx(from, i))) < 0)
                        return -ENOMEM;
        return 0;
}

int device_change_take(DeviceChange *change, const Plan *plan)
{
        if (append_all(change->files, plan->files) < 0 ||
            append_all(change->processes, plan->processes) < 0 || append_all(change->fds, plan->fds) < 0 ||
            append_all(change->affinity, plan->affinity) < 0 ||
            append_all(change->decisions, plan->decisions) < 0)
                return -ENOMEM;
        return 0;
}

/* Warnings of the device itself; those of the others were shown as they came. */
static int take_warnings(const Edit *edit, const Part *part, DeviceChange *change)
{
        CLEANUP(free) char *path = xml_path(part->element, /* attribute= */ NULL);

        if (!path)
                return -ENOMEM;
        for (size_t i = 0; i < edit->faults.n_items; i++) {
                const Fault *item = &edit->faults.items[i];
                const char *rest = item->path ? startswith(item->path, path) : NULL;

                if (!item->error && rest && (*rest == '\0' || *rest == '/') &&
                    json_append_string(change->warnings, item->message) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* --- attach -------------------------------------------------------------------------------------- */

static int disk_chain(const Plan *plan, const Part *part, json_object **ret, MusterError **ret_error)
{
        CLEANUP(json) json_object *chains = NULL;
        const Disk *disk = part->data;
        int r;

        r = chains_of_plan(plan, &chains, ret_error);
        if (r >= 0)
                *ret = json_object_get(json_get(chains, disk->target, json_type_object));
        return r;
}

static int plan_edit(Edit *edit, Part *const *parts, size_t n, bool evidence, Plan **ret,
                     MusterError **ret_error)
{
        int r;

        r = plan_new_parts(edit->domain, parts, n, evidence, ret);
        if (r == -ENOMEM)
                return error_oom(ret_error);
        if (r < 0)
                return error_errno(ret_error, r, _("The device cannot be planned"));
        return *ret ? 0 : edit_error(edit, -EINVAL, ret_error);
}

static int describe(Edit *edit, const Part *part, DeviceChange *change, MusterError **ret_error)
{
        const Disk *disk = part->kind == &device_disk ? part->data : NULL;

        change->alias = part->alias ? strdup(part->alias) : NULL;
        change->disk = disk ? strdup(disk->target) : NULL;
        change->device = xml_element_to_text(edit->domain->xml, part->element);
        if ((part->alias && !change->alias) || (disk && !change->disk) || !change->device)
                return error_oom(ret_error);
        return 0;
}

static int finish_attach(Edit *edit, const LiveDomain *live, const Part *part, DeviceChange *change,
                         MusterError **ret_error)
{
        CLEANUP(Plan) Plan *plan = NULL;
        const Domain *domain = edit->domain;
        int r;

        r = plan_edit(edit, domain->devices + edit->n_before, domain->n_devices - edit->n_before,
                      live->evidence, &plan, ret_error);
        if (r >= 0)
                r = steps_of_plan(plan, change->steps, ret_error);
        if (r >= 0)
                r = step_check_all(live->verdicts, change->steps, ret_error);
        if (r >= 0 && part->kind == &device_disk)
                r = disk_chain(plan, part, &change->chain, ret_error);
        if (r < 0)
                return r;
        if (device_change_take(change, plan) < 0 || take_warnings(edit, part, change) < 0 ||
            edit_write_aliases(domain) < 0 ||
            (part->kind == &device_disk && chain_write_found((Part *)part) < 0))
                return error_oom(ret_error);
        return 0;
}

int device_attach(const LiveDomain *live, const char *device, size_t size, DeviceChange **ret,
                  MusterError **ret_error)
{
        CLEANUP(edit) Edit edit = {0};
        CLEANUP(DeviceChange) DeviceChange *change = NULL;
        Part *part;
        int r;

        if (device_change_new(&change) < 0)
                return error_oom(ret_error);
        r = edit_read(live->xml, live->size, &edit, ret_error);
        if (r >= 0)
                r = edit_add(&edit, device, size, &part, ret_error);
        if (r >= 0)
                r = edit_complete(&edit, live, ret_error);
        if (r < 0)
                return r;
        if (edit.faults.n_errors > 0)
                return edit_error(&edit, -EINVAL, ret_error);
        r = plug_check(edit.domain, part, ret_error);
        if (r >= 0)
                r = plug_check_implied(&edit, part, ret_error);
        for (size_t i = edit.n_before; r >= 0 && i < edit.domain->n_devices; i++)
                r = plug_check(edit.domain, edit.domain->devices[i], ret_error);
        if (r >= 0)
                r = finish_attach(&edit, live, part, change, ret_error);
        if (r >= 0)
                r = describe(&edit, part, change, ret_error);
        if (r >= 0)
                r = edit_text(&edit, &change->xml, ret_error);
        if (r >= 0)
                *ret = TAKE(change);
        return r;
}

/* --- detach -------------------------------------------------------------------------------------- */

/* What hangs on a controller goes with it. */
static int check_unused(const Domain *domain, const Part *part, MusterError **ret_error)
{
        const Controller *controller = controller_of(part);

        for (size_t i = 0; controller && i < domain->n_devices; i++) {
                const Part *other = domain->devices[i];
                bool scsi = controller->type == CONTROLLER_SCSI && other->place.type == PLACE_DRIVE &&
                            (other->kind != &device_disk || streq(disk_bus(other), "scsi"));
                bool serial = controller->type == CONTROLLER_VIRTIO_SERIAL &&
                              other->place.type == PLACE_VIRTIO_SERIAL;
                bool usb = controller->type == CONTROLLER_USB && other->place.type == PLACE_USB;
                unsigned its = usb ? other->place.bus : other->place.controller;

                if (other != part && (scsi || serial || usb) && its == (unsigned)controller->index)
                        return error_set(ret_error, -EBUSY,
                                         _("<%s> \"%s\" is plugged into this controller; detach it first."),
                                         other->kind->name, other->alias ?: "?");
        }
        return 0;
}

static json_object *kept_chain(const LiveDomain *live, const Part *part)
{
        const Disk *disk = part->kind == &device_disk ? part->data : NULL;

        return disk && live->chains ? json_get(live->chains, disk->target, json_type_object) : NULL;
}

static bool is_step(const json_object *step, const char *command)
{
        return streq_ptr(json_get_string(step, "execute"), command);
}

/* The device itself alone: what is plugged into it goes with it. */
static int add_device_del(const char *alias, json_object *steps)
{
        json_object *step;
        int r;

        r = step_add(steps, "device_del", step_named("id", alias), /* undo= */ NULL,
                     /* undo_arguments= */ NULL, &step);
        return r < 0 ? r : step_wait_event(step, "DEVICE_DELETED", alias);
}

/* `undone`: what attaching it would undo. A group's object stays while another disk is in it. */
static int add_host_side(const json_object *undone, const json_object *chain, json_object *steps)
{
        int r;

        r = chain ? chain_add_removal_all(chain, steps) : 0;
        for (size_t i = 0; r >= 0 && i < json_object_array_length(undone); i++) {
                json_object *step = json_object_array_get_idx(undone, i);

                if (is_step(step, "device_del") || (chain && is_step(step, "blockdev-del")))
                        continue;
                if (is_step(step, "object-del"))
                        r = json_add_bool(step, "ignore", true);
                if (r >= 0)
                        r = json_append(steps, json_object_get(step));
        }
        return r;
}

static int finish_detach(Edit *edit, const LiveDomain *live, Part *part, DeviceChange *change,
                         MusterError **ret_error)
{
        CLEANUP(Plan) Plan *plan = NULL;
        CLEANUP(json) json_object *added = json_object_new_array(), *undone = json_object_new_array();
        json_object *chain = kept_chain(live, part);
        int r;

        if (!added || !undone)
                return error_oom(ret_error);
        r = plan_edit(edit, &part, /* n= */ 1, /* evidence= */ false, &plan, chain ? NULL : ret_error);
        /* Images that are gone, or say something else now, are no reason to keep the disk. */
        if (r < 0 && (r == -ENOMEM || !chain))
                return r;
        if (plan) {
                r = steps_of_plan(plan, added, ret_error);
                if (r < 0)
                        return r;
        }
        if (step_append_undone(undone, added) < 0 || add_device_del(part->alias, change->steps) < 0 ||
            add_host_side(undone, chain, change->steps) < 0)
                return error_oom(ret_error);
        return step_check_all(live->verdicts, change->steps, ret_error);
}

int device_detach(const LiveDomain *live, const char *which, DeviceChange **ret, MusterError **ret_error)
{
        CLEANUP(edit) Edit edit = {0};
        CLEANUP(DeviceChange) DeviceChange *change = NULL;
        XmlElement *element;
        Part *part = NULL;
        int r;

        if (device_change_new(&change) < 0)
                return error_oom(ret_error);
        r = edit_read(live->xml, live->size, &edit, ret_error);
        if (r >= 0)
                r = find_device(edit.domain->devices_element, which, &element, ret_error);
        if (r >= 0)
                r = edit_complete(&edit, live, ret_error);
        if (r < 0)
                return r;
        part = part_of_element(edit.domain, element);
        /* Faults of others are no reason to keep this one, as long as it is known where it is. */
        if (!part || !part->alias || (edit.faults.n_errors > 0 && !part->place.given))
                return edit.faults.n_errors > 0
                               ? edit_error(&edit, -EINVAL, ret_error)
                               : error_set(ret_error, -EOPNOTSUPP,
                                           _("This device belongs to the machine; it cannot be detached."));
        r = plug_check(edit.domain, part, ret_error);
        if (r >= 0)
                r = check_unused(edit.domain, part, ret_error);
        if (r >= 0)
                r = finish_detach(&edit, live, part, change, ret_error);
        if (r >= 0)
                r = describe(&edit, part, change, ret_error);
        if (r < 0)
                return r;
        if (edit_write_aliases(edit.domain) < 0)
                return error_oom(ret_error);
        xml_remove(element);
        r = edit_text(&edit, &change->xml, ret_error);
        if (r >= 0)
                *ret = TAKE(change);
        return r;
}

/* --- definitions that do not run ----------------------------------------------------------------- */

int definition_attach(const char *xml, size_t size, const char *device, size_t device_size, char **ret_xml,
                      MusterError **ret_error)
{
        CLEANUP(edit) Edit edit = {0};
        Part *part;
        int r;

        r = edit_read(xml, size, &edit, ret_error);
        if (r >= 0)
                r = edit_add(&edit, device, device_size, &part, ret_error);
        return r < 0 ? r : edit_text(&edit, ret_xml, ret_error);
}

int definition_detach(const char *xml, size_t size, const char *which, char **ret_xml,
                      MusterError **ret_error)
{
        CLEANUP(edit) Edit edit = {0};
        XmlElement *element;
        int r;

        r = edit_read(xml, size, &edit, ret_error);
        if (r >= 0)
                r = find_device(edit.domain->devices_element, which, &element, ret_error);
        if (r < 0)
                return r;
        xml_remove(element);
        return edit_text(&edit, ret_xml, ret_error);
}
