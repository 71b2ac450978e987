/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "block/decide.h"
#include "domain/device/disk-private.h"

/*
 * The images of a disk as one request to the gate, which decides on the modes of all nodes, makes them and
 * checks them by the emulator's schema. What the definition says besides (caches, discard, aio, passwords)
 * goes along as members of the nodes.
 *
 * As libvirt has it, cache, io and discard are those of all images of a chain, detect_zeroes is the
 * topmost's; storage passes discards on, whatever the disk says, and the format above decides.
 */

static const char *tie_path(const Judgement *judgement)
{
        for (size_t i = 0; i < judgement->n_evidence; i++)
                if (judgement->evidence[i].tie->kind == TIE_SCHEMA ||
                    judgement->evidence[i].tie->kind == TIE_PROPERTY)
                        return judgement->evidence[i].ref ?: judgement->evidence[i].tie->ref;
        return "?";
}

bool disk_require(Plan *plan, const Part *part, const XmlElement *element, const char *attribute,
                  const char *feature, const char *driver, const char *what)
{
        const Judgement *judgement = verdicts_find(plan->domain->verdicts, feature, driver);
        const Disk *disk = part->data;
        const char *since;

        if (plan_has(plan, part, feature, driver, what, NULL))
                return true;
        /* What could not be determined is not absent: then the emulator has the last word. */
        if (muster_verdict(plan->domain->verdicts, feature, driver) == MUSTER_VERDICT_UNKNOWN)
                return true;
        since = judgement && judgement->feature->since ? judgement->feature->since : "?";
        plan_fault(plan, element, attribute,
                   _("disk %s asks for %s; %.*s or newer declares it at %s; %s is %s."), disk->target, what,
                   (int)strcspn(since, ","), since, judgement ? tie_path(judgement) : feature,
                   domain_emulator_text(plan->domain),
                   muster_facts_version(plan->domain->facts) ?: _("of an unknown version"));
        return false;
}

/* --- members of the nodes ------------------------------------------------------------------------- */

static int add_cache(const Disk *disk, json_object *node)
{
        CLEANUP(json) json_object *cache = NULL;

        if (disk->cache == DISK_CACHE_DEFAULT)
                return 0;
        cache = json_object_new_object();
        if (!cache ||
            json_add_bool(cache, "direct",
                          disk->cache == DISK_CACHE_NONE || disk->cache == DISK_CACHE_DIRECTSYNC) < 0 ||
            json_add_bool(cache, "no-flush", disk->cache == DISK_CACHE_UNSAFE) < 0)
                return -ENOMEM;
        return json_add(node, "cache", TAKE(cache));
}

static int add_aio(Plan *plan, const Part *part, const char *driver, json_object *storage)
{
        const Disk *disk = part->data;

        if (!disk->aio ||
            (!streq(driver, "file") && !streq(driver, "host_device") && !streq(driver, "host_cdrom")))
                return 0;
        if (disk->aio == DISK_AIO_IO_URING &&
            !disk_require(plan, part, disk->driver, "io", "aio-io-uring", driver, "io_uring"))
                return 0;
        return json_add_string(storage, "aio", disk_aio_words[disk->aio]);
}

static int add_qcow2(Plan *plan, const Part *part, json_object *format)
{
        const Disk *disk = part->data;
        int r = 0;

        if (disk->flags.discard_no_unref >= 0 &&
            disk_require(plan, part, disk->driver, "discard_no_unref", "qcow2-discard-no-unref", "qcow2",
                         "discard_no_unref"))
                r = json_add_bool(format, "discard-no-unref", disk->flags.discard_no_unref != 0);
        if (r >= 0 && disk->metadata_cache > 0)
                r = json_add_int(format, "cache-size", (int64_t)disk->metadata_cache);
        return r;
}

static int add_format(Plan *plan, const Part *part, size_t index, json_object *format)
{
        const Disk *disk = part->data;
        int r = 0, zeroes = disk->detect_zeroes;

        /* The emulator refuses to unmap zeroes where it does not discard; libvirt takes it as "on". */
        if (zeroes == DISK_ZEROES_UNMAP && disk->discard != DISK_DISCARD_UNMAP)
                zeroes = DISK_ZEROES_ON;
        if (disk->discard)
                r = json_add_string(format, "discard", disk_discard_words[disk->discard]);
        if (r >= 0 && index == 0 && zeroes)
                r = json_add_string(format, "detect-zeroes", disk_detect_zeroes_words[zeroes]);
        if (r >= 0)
                r = add_cache(disk, format);
        if (r >= 0 && index == 0 && streq(disk->images[0]->format, "qcow2"))
                r = add_qcow2(plan, part, format);
        return r;
}

static int add_storage(Plan *plan, const Part *part, const DiskImage *image, json_object *storage)
{
        int r = 0;

        json_object_object_foreach (image->storage, key, value) {
                if (streq(key, "driver") || streq(key, "filename"))
                        continue;
                r = json_add(storage, key, json_object_get(value));
                if (r < 0)
                        return r;
        }
        if (image->tls && json_object_object_get_ex(image->storage, "tls-hostname", NULL))
                disk_require(plan, part, image->source, "tlsHostname", "nbd-tls-hostname", "nbd",
                             "tlsHostname");
        r = add_aio(plan, part, json_get_string(image->storage, "driver"), storage);
        if (r >= 0)
                r = json_add_string(storage, "discard", "unmap");
        return r < 0 ? r : add_cache(part->data, storage);
}

/* A slice of a raw image is a matter of its raw node; of others it needs a node of its own. */
static int add_slice(const DiskImage *image, RequestExtra *extra)
{
        if (!image->slice)
                return 0;
        if (!streq(image->format, "raw")) {
                extra->slice = json_object_get(image->slice);
                return 0;
        }
        json_object_object_foreach (image->slice, key, value) {
                if (json_add(extra->format, key, json_object_get(value)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int make_extra(Plan *plan, Part *part, size_t index, RequestExtra *ret)
{
        const Disk *disk = part->data;
        const DiskImage *image = disk->images[index];
        RequestExtra extra = {.storage = json_object_new_object(), .format = json_object_new_object()};
        int r = extra.storage && extra.format ? 0 : -ENOMEM;

        if (r >= 0)
                r = add_storage(plan, part, image, extra.storage);
        if (r >= 0)
                r = add_format(plan, part, index, extra.format);
        if (r >= 0)
                r = add_slice(image, &extra);
        if (r >= 0)
                r = disk_plan_secrets(plan, part, index, extra.storage, extra.format);
        if (r < 0)
                request_extra_clear(&extra);
        else
                *ret = extra;
        return r;
}

/* --- the request ---------------------------------------------------------------------------------- */

/*
 * The overlay of a transient disk, which takes what the guest writes: made anew at each start, and removed
 * at the end. It lies with what the domain keeps, since a guest may write more than fits into memory.
 */
static int plan_overlay(Plan *plan, Part *part, char **ret_path)
{
        const Disk *disk = part->data;
        const DiskImage *image = disk->images[0];
        CLEANUP(free) char *file = text_format("%s-transient.qcow2", part->alias);
        CLEANUP(free) char *path = file ? plan_state_path(plan, file) : NULL;
        CLEANUP(free) char *folder = plan_state_path(plan, "");
        CLEANUP(free) char *program = NULL;
        CLEANUP(json) json_object *argv = json_object_new_array();
        int r;

        if (!path || !folder || !argv)
                return -ENOMEM;
        r = plan->domain->host->find_program(plan->domain->host, "qemu-img", &program);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                plan_fault(plan, xml_child(part->element, "transient"), /* attribute= */ NULL,
                           _("A transient disk needs qemu-img, which is not in PATH; install it, or remove "
                             "<transient/>."));
                return 0;
        }
        folder[strlen(folder) - 1] = '\0';
        {
                const char *const words[] = {program, "create",    "-q", "-f",          "qcow2",
                                             "-b",    image->path, "-F", image->format, path};

                for (size_t i = 0; r >= 0 && i < ELEMENTSOF(words); i++)
                        r = json_append_string(argv, words[i]);
        }
        if (r >= 0)
                r = plan_file(plan, PLAN_FILE_DIRECTORY, folder, /* from= */ NULL, "state");
        if (r >= 0)
                r = plan_file(plan, PLAN_FILE_CREATE, path, /* from= */ NULL, "transient disk");
        if (r >= 0)
                r = plan_file(plan, PLAN_FILE_REMOVE, path, /* from= */ NULL, "transient disk");
        if (r >= 0)
                r = plan_process(plan, "transient disk", /* socket= */ NULL, TAKE(argv));
        if (r >= 0)
                *ret_path = TAKE(path);
        return r;
}

static int add_overlay(Plan *plan, Part *part, MusterGateRequest *request)
{
        CLEANUP(free) char *path = NULL;
        RequestExtra extra = {.storage = json_object_new_object(), .format = json_object_new_object()};
        int r = extra.storage && extra.format ? 0 : -ENOMEM;

        if (r >= 0)
                r = plan_overlay(plan, part, &path);
        if (r >= 0 && path)
                r = muster_gate_request_set_driver(request, "file");
        if (r >= 0 && path)
                r = muster_gate_request_set_filename(request, path);
        if (r >= 0 && path)
                r = muster_gate_request_set_format(request, "qcow2");
        if (r >= 0)
                r = add_aio(plan, part, "file", extra.storage);
        if (r >= 0)
                r = json_add_string(extra.storage, "discard", "unmap");
        if (r >= 0)
                r = add_cache(part->data, extra.storage);
        if (r >= 0)
                r = add_cache(part->data, extra.format);
        if (r < 0)
                request_extra_clear(&extra);
        else
                request_set_extra(request, 0, extra);
        return r;
}

/* Image `index` of the disk as the request's own, or as the next lower one. */
static int add_image(Plan *plan, Part *part, size_t index, MusterGateRequest *request)
{
        const Disk *disk = part->data;
        const DiskImage *image = disk->images[index];
        const char *driver = json_get_string(image->storage, "driver"),
                   *filename = json_get_string(image->storage, "filename");
        bool top = index == 0 && !disk->transient;
        RequestExtra extra;
        int r;

        r = make_extra(plan, part, index, &extra);
        if (r < 0)
                return r;
        if (top) {
                r = muster_gate_request_set_driver(request, driver);
                if (r >= 0)
                        r = muster_gate_request_set_filename(request, filename);
                if (r >= 0)
                        r = muster_gate_request_set_format(request, image->format);
        } else {
                r = request_add_image(request, driver, filename, image->format);
        }
        if (r < 0)
                request_extra_clear(&extra);
        else
                request_set_extra(request, top ? 0 : request->n_backing, extra);
        if (r >= 0 && image->path)
                r = plan_file(plan, PLAN_FILE_EXISTS, image->path, /* from= */ NULL, "disk");
        return r;
}

static int add_filters(Plan *plan, Part *part, MusterGateRequest *request)
{
        const Disk *disk = part->data;
        json_object *filter = NULL;
        int r = 0;

        if (disk->flags.copy_on_read > 0) {
                filter = json_object_new_object();
                if (!filter || json_add_string(filter, "driver", "copy-on-read") < 0) {
                        json_object_put(filter);
                        return -ENOMEM;
                }
                r = request_add_filter(request, filter);
        }
        if (r >= 0 && disk->tuned) {
                r = disk_plan_tune(plan, part, &filter);
                if (r >= 0)
                        r = request_add_filter(request, filter);
        }
        return r;
}

static int make_request(Plan *plan, Part *part, MusterGateRequest **ret)
{
        const Disk *disk = part->data;
        CLEANUP(gate_request) MusterGateRequest *request = NULL;
        CLEANUP(free) char *wanted = text_format("muster-%s", part->alias);
        char name[NODE_NAME_MAX + 1];
        int r;

        if (!wanted || node_name_derive(wanted, "", name) < 0)
                return -ENOMEM;
        r = muster_gate_request_new(&request);
        if (r >= 0)
                r = muster_gate_request_set_node_name(request, name);
        if (r >= 0 && disk->transient)
                r = add_overlay(plan, part, request);
        for (size_t i = 0; r >= 0 && i < disk->n_images; i++)
                r = add_image(plan, part, i, request);
        if (r >= 0)
                r = add_filters(plan, part, request);
        if (r < 0)
                return r;
        muster_gate_request_set_access(request, disk->readonly ? MUSTER_ACCESS_RO : MUSTER_ACCESS_RW);
        request->chain_ends = disk->chain_known;
        request->chain_open = !disk->chain_known;
        *ret = TAKE(request);
        return 0;
}

/* --- the answer ----------------------------------------------------------------------------------- */

static const char *choice_of(const MusterGateRequest *request, const MusterGateResult *result)
{
        bool reopens = false;

        if (result->access == MUSTER_ACCESS_RO)
                return _("the image is opened read-only");
        for (size_t i = 0; i < json_object_array_length(result->arguments); i++)
                reopens |= json_get_bool(json_object_array_get_idx(result->arguments, i), "auto-read-only",
                                         false);
        if (!reopens)
                return _("the image is opened read-write from the start");
        /* gate.c: other formats take write permission themselves */
        return streq(request->format, "raw")
                       ? _("the image is opened read-write while there is a writer (auto-read-only)")
                       : _("the image is opened read-write for its format, which always may write "
                           "(auto-read-only)");
}

static int take_result(Plan *plan, Part *part, const MusterGateRequest *request,
                       const MusterGateResult *result, char **ret_drive)
{
        const Disk *disk = part->data;
        size_t n = json_object_array_length(result->arguments);
        const char *drive;
        int r = 0;

        for (size_t i = 0; i < json_object_array_length(result->notes); i++)
                xml_fault(plan->domain->xml, FAULT_WARNING, disk->images[0]->source, /* attribute= */ NULL,
                          "%s", json_object_get_string(json_object_array_get_idx(result->notes, i)));
        if (result->decision == MUSTER_DECISION_REFUSED || n == 0) {
                plan_fault(plan, disk->images[0]->source, /* attribute= */ NULL, "%s",
                           result->reason ?: "?");
                return 0;
        }
        r = plan_decide(plan, part, GATE_FEATURE, request->driver, choice_of(request, result));
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = plan_blockdev(plan, part,
                                  json_object_get(json_object_array_get_idx(result->arguments, i)));
        if (r < 0)
                return r;
        drive = json_get_string(json_object_array_get_idx(result->arguments, n - 1), "node-name");
        *ret_drive = strdup(drive);
        return *ret_drive ? 0 : -ENOMEM;
}

int disk_plan_nodes(Plan *plan, Part *part, char **ret_drive)
{
        const Disk *disk = part->data;
        CLEANUP(gate_request) MusterGateRequest *request = NULL;
        CLEANUP(MusterGateResult) MusterGateResult *result = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;
        size_t before = plan->domain->faults->n_errors;
        int r;

        *ret_drive = NULL;
        if (!disk->images[0]->storage || disk->absent || disk->tray_open)
                return 0;
        r = make_request(plan, part, &request);
        if (r == -ENOMEM || plan->domain->faults->n_errors > before)
                return r;
        if (r >= 0)
                r = muster_gate(plan->domain->verdicts, request, &result, &error);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                plan_fault(plan, disk->images[0]->source, /* attribute= */ NULL, "%s",
                           error ? muster_error_message(error) : strerror(-r));
                return 0;
        }
        return take_result(plan, part, request, result, ret_drive);
}
