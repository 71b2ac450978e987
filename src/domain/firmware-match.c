/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The first descriptor that fits is taken, as in libvirt 9.0. Where that one would take a firmware that
 * cannot work as asked and then refuse or break (requires-smm with SMM off; a format that is not the
 * loader's) it does not fit here, and the next one has its turn.
 *
 * Secure boot on x86 is one only if the guest's kernel cannot rewrite the variables that it rests on: with a
 * variable store in flash this takes SMM. libvirt only logs such a descriptor; here it is no secure boot.
 */

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/firmware.h"

#define PROBLEM_MAX 400

/* libvirt's names where QEMU's emulator of the same guests has another one. */
static const char *emulator_architecture(const char *architecture)
{
        static const char *const others[][2] = {
                {"i686", "i386"}, {"armv7l", "arm"}, {"armv6l", "arm"}, {"ppc64le", "ppc64"}};

        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                if (streq(architecture, others[i][0]))
                        return others[i][1];
        return architecture;
}

static bool is_x86(const char *architecture)
{
        return streq(architecture, "x86_64") || streq(emulator_architecture(architecture), "i386");
}

static bool fits_machine(const Firmware *firmware, const FirmwareWanted *wanted)
{
        const char *architecture = emulator_architecture(wanted->architecture);

        for (size_t i = 0; i < firmware->n_targets; i++) {
                const FirmwareTarget *target = &firmware->targets[i];

                if (!streq(target->architecture, architecture))
                        continue;
                for (char **machine = target->machines; *machine; machine++)
                        if (fnmatch(*machine, wanted->machine, /* flags= */ 0) == 0)
                                return true;
        }
        return false;
}

/* Takes over a reason why not: 1, or -ENOMEM where making it failed. */
static int because(char *why, char **ret_why)
{
        *ret_why = why;
        return why ? 1 : -ENOMEM;
}

static bool is_known_format(const char *format)
{
        return streq(format, "raw") || streq(format, "qcow2");
}

static int reject_format(const Firmware *firmware, const FirmwareWanted *wanted, char **ret_why)
{
        if (!is_known_format(firmware->executable_format))
                return because(strdup(_("its format is neither raw nor qcow2")), ret_why);
        if (wanted->format && !streq(firmware->executable_format, wanted->format))
                return because(text_format(_("its format is not %s"), wanted->format), ret_why);
        if (firmware->mode == FIRMWARE_STATELESS)
                return 0;
        if (!is_known_format(firmware->nvram_format))
                return because(strdup(_("its variables' format is neither raw nor qcow2")), ret_why);
        if (wanted->nvram_format && !streq(firmware->nvram_format, wanted->nvram_format))
                return because(text_format(_("its variables' format is not %s"), wanted->nvram_format),
                               ret_why);
        return 0;
}

static int reject_mapping(const Firmware *firmware, const FirmwareWanted *wanted, char **ret_why)
{
        if (firmware->device != FIRMWARE_FLASH)
                return wanted->stateless ? because(strdup(_("it is not in flash")), ret_why) : 0;
        if (firmware->mode == FIRMWARE_COMBINED)
                return because(strdup(_("it keeps code and variables in one file")), ret_why);
        if (wanted->stateless && firmware->mode != FIRMWARE_STATELESS)
                return because(strdup(_("it is not stateless")), ret_why);
        if (!wanted->stateless && firmware->mode == FIRMWARE_STATELESS)
                return because(strdup(_("it is stateless")), ret_why);
        return reject_format(firmware, wanted, ret_why);
}

static bool is_guarded(const Firmware *firmware, const FirmwareWanted *wanted)
{
        return !is_x86(wanted->architecture) || firmware->device != FIRMWARE_FLASH ||
               firmware->mode == FIRMWARE_STATELESS || firmware_has(firmware, "requires-smm");
}

static int reject_features(const Firmware *firmware, const FirmwareWanted *wanted, char **ret_why)
{
        for (const char *const *name = wanted->with; name && *name; name++) {
                if (!firmware_has(firmware, *name))
                        return because(text_format(_("it has not %s"), *name), ret_why);
                if (streq(*name, "secure-boot") && !is_guarded(firmware, wanted))
                        return because(strdup(_("it has secure-boot without requires-smm, so the guest "
                                                "could undo it")),
                                       ret_why);
        }
        for (const char *const *name = wanted->without; name && *name; name++)
                if (firmware_has(firmware, *name))
                        return because(text_format(_("it has %s"), *name), ret_why);
        return 0;
}

static int reject_kind(const Firmware *firmware, const FirmwareWanted *wanted, char **ret_why)
{
        if (wanted->interfaces && !(firmware->interfaces & wanted->interfaces))
                return because(strdup(_("it is of another kind")), ret_why);
        if (wanted->loader && !streq(firmware->executable, wanted->loader))
                return because(strdup(_("it is another executable")), ret_why);
        if (!fits_machine(firmware, wanted))
                return because(text_format(_("it is not for %s machines of type %s"), wanted->architecture,
                                           wanted->machine),
                               ret_why);
        return 0;
}

int firmware_fits(const Firmware *firmware, const FirmwareWanted *wanted, char **ret_why)
{
        char *why = NULL;
        int r;

        if (firmware->problem) {
                const char *problem = muster_error_message(firmware->problem);

                r = because(text_for_terminal(problem, strlen(problem), PROBLEM_MAX), &why);
        } else {
                r = reject_kind(firmware, wanted, &why);
                if (r == 0)
                        r = reject_mapping(firmware, wanted, &why);
                if (r == 0)
                        r = reject_features(firmware, wanted, &why);
        }
        if (r < 0)
                return r;
        *ret_why = why;
        return 0;
}

static int none_fits(const FirmwareList *list, const FirmwareWanted *wanted, const char *reasons,
                     MusterError **ret_error)
{
        if (list->n_items == 0)
                return error_set(ret_error, -ENOENT,
                                 _("There are no firmware descriptors on this host; install a package that "
                                   "has them (ovmf, qemu-efi-aarch64), or name the loader's file."));
        return error_set_detail(ret_error, -ENOENT, reasons,
                                _("None of %zu firmware descriptors fits %s machines of type %s as they "
                                  "are asked for; ask for less, or name the loader's file."),
                                list->n_items, wanted->architecture, wanted->machine);
}

static int note(FILE *out, const Firmware *firmware, const char *why)
{
        const char *path = firmware->path ?: "?";
        CLEANUP(free) char *shown = text_for_terminal(path, strlen(path), FIRMWARE_TEXT_MAX);

        if (!shown)
                return -ENOMEM;
        return fprintf(out, "%s: %s\n", shown, why) < 0 ? -ENOMEM : 0;
}

static int choose(const FirmwareList *list, const FirmwareWanted *wanted, FILE *out, const Firmware **ret)
{
        for (size_t i = 0; i < list->n_items; i++) {
                CLEANUP(free) char *why = NULL;

                if (firmware_fits(list->items[i], wanted, &why) < 0)
                        return -ENOMEM;
                if (!why) {
                        *ret = list->items[i];
                        return 1;
                }
                if (note(out, list->items[i], why) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int firmware_choose(const FirmwareList *list, const FirmwareWanted *wanted, const Firmware **ret,
                    MusterError **ret_error)
{
        CLEANUP(free) char *reasons = NULL;
        size_t size;
        FILE *out = open_memstream(&reasons, &size);
        int r;

        if (!out)
                return error_oom(ret_error);
        r = choose(list, wanted, out, ret);
        if (fclose(out) != 0 || r < 0)
                return error_oom(ret_error);
        return r > 0 ? 0 : none_fits(list, wanted, reasons, ret_error);
}
