/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/stat.h>

#include "base/i18n.h"
#include "base/util.h"
#include "cli/remote.h"
#include "cli/verbs.h"

static const Option option_disk_driver_name = {
        .name = "driver",
        .argument = N_("DRIVER"),
        .help = N_("the driver, which is qemu"),
};

static const Option option_subdriver = {
        .name = "subdriver",
        .argument = N_("FORMAT"),
        .help = N_("the image's format; without it raw"),
        .complete = "raw qcow2 vmdk vdi vhdx vpc qed luks",
};

static const Option option_targetbus = {
        .name = "targetbus",
        .argument = N_("BUS"),
        .help = N_("the bus; without it that which TARGET's name stands for"),
        .complete = "virtio scsi sata ide usb fdc",
};

static const Option option_type = {
        .name = "type",
        .argument = N_("DEVICE"),
        .help = N_("what it is; without it a disk"),
        .complete = "disk cdrom floppy lun",
};

static const Option option_sourcetype = {
        .name = "sourcetype",
        .argument = N_("TYPE"),
        .help = N_("file or block; without it what SOURCE is"),
        .complete = "file block",
};

static const Option option_disk_mode = {
        .name = "mode",
        .argument = N_("MODE"),
        .help = N_("readonly or shareable"),
        .complete = "readonly shareable",
};

static const Option option_cache = {
        .name = "cache",
        .argument = N_("MODE"),
        .help = N_("how the host caches it"),
        .complete = "none writeback writethrough directsync unsafe",
};

static const Option option_io = {
        .name = "io",
        .argument = N_("MODE"),
        .help = N_("how it is read and written"),
        .complete = "threads native io_uring",
};

static const Option option_discard = {
        .name = "discard",
        .argument = N_("MODE"),
        .help = N_("what becomes of what the guest discards"),
        .complete = "unmap ignore",
};

static const Option option_iothread = {
        .name = "iothread",
        .argument = N_("N"),
        .help = N_("the number of the thread that serves it"),
};

static const Option option_serial = {
        .name = "serial",
        .argument = N_("TEXT"),
        .help = N_("the serial number that the guest sees"),
};

static const Option option_print_xml = {
        .name = "print-xml",
        .help = N_("print the device's XML, and do nothing"),
};

static void put_attribute(FILE *file, const char *name, const char *value)
{
        if (!value)
                return;
        fprintf(file, " %s='", name);
        remote_put_xml(file, value);
        fputc('\'', file);
}

static void put_driver(FILE *file, const Invocation *invocation)
{
        fputs("<driver", file);
        put_attribute(file, "name", option_value(invocation, &option_disk_driver_name) ?: "qemu");
        put_attribute(file, "type", option_value(invocation, &option_subdriver) ?: "raw");
        put_attribute(file, "cache", option_value(invocation, &option_cache));
        put_attribute(file, "io", option_value(invocation, &option_io));
        put_attribute(file, "discard", option_value(invocation, &option_discard));
        put_attribute(file, "iothread", option_value(invocation, &option_iothread));
        fputs("/>", file);
}

static bool is_block(const Invocation *invocation, const char *source)
{
        const char *type = option_value(invocation, &option_sourcetype);
        struct stat st;

        if (type)
                return streq(type, "block");
        return stat(source, &st) == 0 && S_ISBLK(st.st_mode);
}

/* To free(); NULL when out of memory. */
static char *disk_xml(const Invocation *invocation, const char *source)
{
        const char *mode = option_value(invocation, &option_disk_mode);
        bool block = is_block(invocation, source);
        char *text = NULL;
        size_t size;
        FILE *file = open_memstream(&text, &size);

        if (!file)
                return NULL;
        fprintf(file, "<disk type='%s'", block ? "block" : "file");
        put_attribute(file, "device", option_value(invocation, &option_type) ?: "disk");
        fputc('>', file);
        put_driver(file, invocation);
        if (*source) {
                fputs("<source", file);
                put_attribute(file, block ? "dev" : "file", source);
                fputs("/>", file);
        }
        fputs("<target", file);
        put_attribute(file, "dev", invocation->arguments[2]);
        put_attribute(file, "bus", option_value(invocation, &option_targetbus));
        fputs("/>", file);
        if (mode)
                fprintf(file, "<%s/>", streq(mode, "shareable") ? "shareable" : "readonly");
        if (option_value(invocation, &option_serial)) {
                fputs("<serial>", file);
                remote_put_xml(file, option_value(invocation, &option_serial));
                fputs("</serial>", file);
        }
        fputs("</disk>", file);
        if (fclose(file) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

static int check_mode(const Invocation *invocation, MusterError **ret_error)
{
        const char *mode = option_value(invocation, &option_disk_mode);

        if (!mode || streq(mode, "readonly") || streq(mode, "shareable"))
                return 0;
        return error_set(ret_error, -EINVAL, _("'%s' is no mode of a disk; give readonly or shareable."),
                         mode);
}

static int act(Client *client, const Invocation *invocation, MusterError **ret_error)
{
        CLEANUP(free)
        char *source = *invocation->arguments[1] ? remote_file(invocation->arguments[1]) : strdup("");
        CLEANUP(free) char *text = source ? disk_xml(invocation, source) : NULL;
        CLEANUP(json) json_object *answer = NULL;
        int r = check_mode(invocation, ret_error);

        if (r < 0)
                return r;
        if (!text)
                return error_oom(ret_error);
        if (option_given(invocation, &option_print_xml)) {
                say("%s\n", text);
                return EXIT_OK;
        }
        r = remote_send_device(client, invocation, "POST", text, &answer, ret_error);
        return r < 0 ? r
                     : remote_done(client, invocation, answer, _("Disk attached successfully"), NULL,
                                   ret_error);
}

static int run(Invocation *invocation, MusterError **ret_error)
{
        return remote_run(invocation, act, ret_error);
}

static const Option *const options[] = {
        &option_disk_driver_name, &option_subdriver, &option_targetbus, &option_type,    &option_sourcetype,
        &option_disk_mode,        &option_cache,     &option_io,        &option_discard, &option_iothread,
        &option_serial,           &option_print_xml, REMOTE_WHERE,      REMOTE_OPTIONS,  NULL};

const Verb verb_attach_disk = {
        .name = "attach-disk",
        .group = VERB_GROUP_DEVICES,
        .arguments = N_("DOMAIN SOURCE TARGET"),
        .summary = N_("add a disk"),
        .about = N_("Makes the XML of a disk from what is given, and adds it as 'attach- "
                    "device' does. SOURCE is a file or a block device. Without --subdriver it "
                    "is raw, whatever is in it: a guest could write what looks like another "
                    "format. By default it changes the guest if it runs, else the definition.\n"
                    "Exits with 0, 1 if the daemon refuses it (no such domain, not in that "
                    "state), 2 on an error."),
        .example = "muster attach-disk guest /var/lib/images/data.qcow2 vdb --subdriver qcow2",
        .min_arguments = 3,
        .max_arguments = 3,
        .options = options,
        .complete = COMPLETE_DOMAIN_FILE,
        .run = run,
};
