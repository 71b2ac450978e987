/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Host facts follow from more than the binary: which CPU models run here depends on the processor, its
 * microcode, what the kernel makes of both, and on whether KVM can be used. All of it is cheap to ask, so it
 * is asked anew at each look-up, and KVM that appears (a module loaded, a device given to the user) is
 * noticed by the next one.
 *
 * Of /proc/cpuinfo the first processor's lines are taken, less those that say nothing of the model.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fileio.h"
#include "base/util.h"
#include "emulator/host.h"

#define CPUINFO_SIZE 8192 /* of the first processor; 1.5 KiB on x86 */
#define SWITCH_MAX   64

static void print_kernel(FILE *out)
{
        struct utsname name;

        if (uname(&name) == 0)
                fprintf(out, "kernel %s %s %s %s\n", name.sysname, name.release, name.version, name.machine);
}

/* Clocks differ from one moment to the next, places from one processor to the next: neither is the model. */
static bool says_nothing(const char *line)
{
        static const char *const keys[] = {"processor",       "cpu MHz",     "clock\t",        "bogomips",
                                           "BogoMIPS",        "physical id", "siblings",       "core id",
                                           "cpu cores",       "apicid",      "initial apicid", "cpu number",
                                           "power management"};

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                if (startswith(line, keys[i]))
                        return true;
        return false;
}

/* "model name\t: AMD EPYC" -> "cpu model name: AMD EPYC" */
static void print_line(FILE *out, const char *line)
{
        const char *colon = strchrnul(line, ':');
        size_t n = (size_t)(colon - line);

        while (n > 0 && strchr(" \t", line[n - 1]))
                n--;
        if (n > 0)
                fprintf(out, "cpu %.*s%s\n", (int)n, line, colon);
}

static void print_processor(FILE *out)
{
        CLEANUP(fd) int fd = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC);
        char text[CPUINFO_SIZE], *rest = text, *line, *end;
        ssize_t n;

        n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        if (n <= 0)
                return;
        text[n] = '\0';
        end = strstr(text, "\n\n");
        if (end)
                *end = '\0';
        while ((line = strsep(&rest, "\n")))
                if (!says_nothing(line))
                        print_line(out, line);
}

/* Nesting changes which CPU features guests are offered. */
static void print_kvm_switches(FILE *out)
{
        static const char *const switches[] = {
                "/sys/module/kvm_intel/parameters/nested",
                "/sys/module/kvm_amd/parameters/nested",
                "/sys/module/kvm/parameters/nested",
        };

        for (size_t i = 0; i < ELEMENTSOF(switches); i++) {
                CLEANUP(free) char *value = NULL;

                if (read_file(switches[i], SWITCH_MAX, &value, /* ret_size= */ NULL) == 0)
                        fprintf(out, "kvm %s %.*s\n", switches[i], (int)strcspn(value, "\n"), value);
        }
}

int host_fingerprint(const MusterContext *context, char **ret)
{
        CLEANUP(free) char *text = NULL;
        size_t size = 0;
        int kvm_error = host_kvm_error(context);
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return -ENOMEM;
        print_kernel(out);
        print_processor(out);
        fprintf(out, "kvm %s\n", kvm_error == 0 ? "usable" : strerrorname_np(kvm_error) ?: "unusable");
        if (kvm_error == 0)
                print_kvm_switches(out);
        fprintf(out, "user %lu\n", (unsigned long)(context->change_user ? context->uid : geteuid()));
        if (fclose(out) != 0)
                return -ENOMEM;
        *ret = TAKE(text);
        return 0;
}
