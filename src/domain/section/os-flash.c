/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Firmware as the emulator gets it: -bios, or flash whose block nodes the gate has decided on. */

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "block/decide.h"
#include "block/request.h"
#include "domain/section/general.h"
#include "domain/section/os-private.h"

#define NODE_SIZE sizeof("muster-pflash0")

static int make_request(const char *node, const char *path, const char *format, bool writable,
                        MusterGateRequest **ret)
{
        int r;

        r = muster_gate_request_new(ret);
        if (r >= 0)
                r = muster_gate_request_set_driver(*ret, "file");
        if (r >= 0)
                r = muster_gate_request_set_filename(*ret, path);
        if (r >= 0)
                r = muster_gate_request_set_format(*ret, format);
        if (r >= 0)
                r = muster_gate_request_set_node_name(*ret, node);
        if (r >= 0)
                muster_gate_request_set_access(*ret, writable ? MUSTER_ACCESS_RW : MUSTER_ACCESS_RO);
        return r;
}

static int add_nodes(Plan *plan, const Part *part, const MusterGateResult *result, const XmlElement *element)
{
        size_t n = json_object_array_length(result->arguments);
        int r = 0;

        if (result->decision == MUSTER_DECISION_REFUSED) {
                plan_fault(plan, element, /* attribute= */ NULL, "%s", result->reason ?: "?");
                return 0;
        }
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = plan_blockdev(plan, part,
                                  json_object_get(json_object_array_get_idx(result->arguments, i)));
        return r;
}

/* One flash device: its nodes, and the machine's property that takes the topmost. */
static int plan_flash(Plan *plan, const Part *part, unsigned unit, const char *path, const char *format,
                      bool writable, json_object *machine)
{
        CLEANUP(gate_request) MusterGateRequest *request = NULL;
        CLEANUP(MusterGateResult) MusterGateResult *result = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;
        const Os *os = part->data;
        char node[NODE_SIZE];
        int r;

        snprintf(node, sizeof(node), "muster-pflash%u", unit % 10);
        r = make_request(node, path, format, writable, &request);
        if (r == -ENOMEM)
                return r;
        if (r >= 0)
                r = muster_gate(plan->domain->verdicts, request, &result, &error);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                plan_fault(plan, os->firmware.loader ?: os->element, /* attribute= */ NULL, "%s",
                           error ? muster_error_message(error) : _("This path is no text in UTF-8."));
                return 0;
        }
        if (writable)
                plan_has(plan, part, GATE_FEATURE, "file",
                         _("the file is opened for writing when the guest first writes"),
                         _("the file is open for writing all the time"));
        r = add_nodes(plan, part, result, os->element);
        return r < 0 ? r : json_add_string(machine, unit == 0 ? "pflash0" : "pflash1", node);
}

/* Made from the template if it is not there; the domain's own directory, too, if it is in there. */
static int plan_nvram_file(Plan *plan, const OsFirmware *firmware)
{
        CLEANUP(free) char *own = plan_state_path(plan, "");
        int r = 0;

        if (!own)
                return -ENOMEM;
        if (startswith(firmware->nvram, own)) {
                own[strlen(own) - 1] = '\0';
                r = plan_file(plan, PLAN_FILE_DIRECTORY, own, /* from= */ NULL, _("the domain's state"));
        }
        if (r < 0)
                return r;
        return plan_file(plan, firmware->nvram_template ? PLAN_FILE_COPY : PLAN_FILE_EXISTS, firmware->nvram,
                         firmware->nvram_template, _("the firmware's variables"));
}

static int plan_pflash(Plan *plan, const Part *part, json_object *machine)
{
        const OsFirmware *firmware = &((const Os *)part->data)->firmware;
        bool own = firmware->readonly == 0;
        int r;

        r = plan_file(plan, PLAN_FILE_EXISTS, firmware->path, /* from= */ NULL, _("firmware"));
        if (r >= 0)
                r = plan_flash(plan, part, 0, firmware->path, firmware->format ?: "raw", own, machine);
        if (r >= 0 && firmware->nvram)
                r = plan_nvram_file(plan, firmware);
        if (r >= 0 && firmware->nvram)
                r = plan_flash(plan, part, 1, firmware->nvram, firmware->nvram_format ?: "raw",
                               /* writable= */ true, machine);
        if (r < 0 || !os_needs_smm(plan->domain))
                return r;
        /* Flash that only code in SMM may write: else the guest's kernel could undo secure boot. */
        return plan_option(plan, "-global", "driver=cfi.pflash01,property=secure,value=on");
}

int os_plan_firmware(Plan *plan, const Part *part, json_object *machine)
{
        const OsFirmware *firmware = &((const Os *)part->data)->firmware;
        int r;

        if (!firmware->path)
                return 0;
        if (firmware->type == OS_LOADER_PFLASH)
                return plan_pflash(plan, part, machine);
        r = plan_option(plan, "-bios", firmware->path);
        return r < 0 ? r
                     : plan_file(plan, PLAN_FILE_EXISTS, firmware->path, /* from= */ NULL, _("firmware"));
}
