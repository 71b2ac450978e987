/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/options.h"

#include "base/i18n.h"
#include "base/util.h"

const Option option_help = {
        .letter = 'h',
        .name = "help",
        .help = N_("say what the verb does and which options it takes"),
};

const Option option_json = {
        .name = "json",
        .help = N_("print one JSON object or array, and nothing else, on standard output"),
};

const Option option_verbose = {
        .letter = 'v',
        .name = "verbose",
        .help = N_("print more: the evidence"),
};

const Option option_emulator = {
        .letter = 'e',
        .name = "emulator",
        .argument = N_("PATH"),
        .help = N_("the emulator: a path, or a name to look for in PATH; without it the one of this host's "
                   "architecture"),
        .complete = COMPLETE_EMULATOR,
};

const Option option_connect = {
        .letter = 'c',
        .name = "connect",
        .argument = N_("ADDRESS"),
        .help = N_("a running emulator, by its QMP socket: unix:PATH"),
        .complete = COMPLETE_FILE,
};

const Option option_timeout = {
        .name = "timeout",
        .argument = N_("SECONDS"),
        .help = N_("give up on an emulator after so long (10; fractions are allowed)"),
};

const Option option_user = {
        .name = "user",
        .argument = N_("NAME"),
        .help = N_("run the emulator as this user (as root only)"),
};

const Option option_no_cache = {
        .name = "no-cache",
        .help = N_("ask the emulator, whatever is stored about it"),
};

const Option option_trust = {
        .name = "trust",
        .argument = N_("LEVEL"),
        .help = N_("the weakest kind of tie that counts: declared, measured (the default) or inferred"),
        .complete = "declared measured inferred",
};

const Option option_driver = {
        .name = "driver",
        .argument = N_("DRIVER"),
        .help = N_("for this block driver alone, such as file or host_device"),
};

const Option option_all = {
        .name = "all",
        .help = N_("every emulator that is installed"),
};

const Option option_file = {
        .name = "file",
        .argument = N_("SCHEMA.json"),
        .help = N_("a stored schema (what query-qmp-schema returned) in place of an emulator"),
        .complete = COMPLETE_FILE,
};

const Option option_depth = {
        .name = "depth",
        .argument = N_("N"),
        .help = N_("resolve types by so many levels (2)"),
};

const Option option_disk_driver = {
        .name = "driver",
        .argument = N_("DRIVER"),
        .help = N_("the protocol driver: file, host_device, nbd, ..."),
};

const Option option_filename = {
        .name = "filename",
        .argument = N_("FILE"),
        .help = N_("the file, device or URI of the image"),
        .complete = COMPLETE_FILE,
};

const Option option_format = {
        .name = "format",
        .argument = N_("DRIVER"),
        .help = N_("the format driver on top, such as qcow2 or raw; without it the guest writes the "
                   "protocol node"),
        .complete = "qcow2 raw vmdk vdi vhdx vpc qed luks",
};

const Option option_access = {
        .name = "access",
        .argument = N_("ACCESS"),
        .help = N_("ro, rw, or on-demand: permission to write only while there is a writer"),
        .complete = "ro rw on-demand",
};

const Option option_fallback = {
        .name = "fallback",
        .argument = N_("ACCESS"),
        .help = N_("where on-demand cannot be had use ro or rw, rather than refuse"),
        .complete = "ro rw",
};

const Option option_node_name = {
        .name = "node-name",
        .argument = N_("NAME"),
        .help = N_("the name of the topmost node (muster-disk)"),
};

const Option option_option = {
        .name = "option",
        .argument = N_("KEY=VALUE"),
        .help = N_("a further argument of the protocol node; KEY may be dotted, as in server.path"),
        .repeat = true,
};

const Option option_backing = {
        .name = "backing",
        .argument = N_("KEY=VALUE,..."),
        .help = N_("the next image of the backing chain: driver=file,filename=FILE,format=qcow2; a comma in "
                   "a value is doubled"),
        .repeat = true,
};

const Option option_launch = {
        .name = "launch",
        .argument = N_("CONDITION,..."),
        .help = N_("how the emulator will run: runas, chroot, uid, single-fd"),
        .complete = "runas chroot uid single-fd",
        .repeat = true,
};

const Option *const options_common[] = {&option_json, &option_help, NULL};

static const Option *find_in(const Option *const *options, const char *name, char letter)
{
        for (; options && *options; options++)
                if (name ? streq((*options)->name, name) : (*options)->letter == letter)
                        return *options;
        return NULL;
}

static const Option *find(const Verb *verb, const char *name, char letter)
{
        const Option *option = find_in(options_common, name, letter);

        if (option)
                return option;
        if (verb)
                return find_in(verb->options, name, letter);
        for (const Verb *const *v = verbs; !option && *v; v++)
                option = find_in((*v)->options, name, letter);
        return option;
}

const Option *option_find(const Verb *verb, const char *name)
{
        return find(verb, name, /* letter= */ 0);
}

const Option *option_find_letter(const Verb *verb, char letter)
{
        return letter ? find(verb, /* name= */ NULL, letter) : NULL;
}
