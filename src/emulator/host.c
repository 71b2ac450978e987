/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Whether KVM can be used is asked of the device, not computed from modes: seats grant it by access control
 * lists, and a module may be loaded that the processor does not support. For another user a short-lived
 * child asks.
 */

#include "emulator/host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/util.h"
#include "emulator/sandbox.h"

#define KVM_DEVICE "/dev/kvm"

/* 0 or an errno; async-signal-safe. */
static int try_kvm(void)
{
        int fd = open(KVM_DEVICE, O_RDWR | O_CLOEXEC), version;

        if (fd < 0)
                return errno;
        version = ioctl(fd, KVM_GET_API_VERSION, 0);
        close(fd);
        return version == KVM_API_VERSION ? 0 : EPROTO;
}

static int try_kvm_as(const Sandbox *rights)
{
        int pair[2], result = EIO;
        sigset_t all, old;
        pid_t pid;

        if (pipe2(pair, O_CLOEXEC) < 0)
                return errno;
        sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &old);
        pid = fork();
        if (pid == 0) {
                int r = -sandbox_drop_rights(rights);

                r = r == 0 ? try_kvm() : r;
                _exit(write(pair[1], &r, sizeof(r)) == sizeof(r) ? 0 : 1);
        }
        (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
        close(pair[1]);
        if (pid > 0 && read(pair[0], &result, sizeof(result)) != sizeof(result))
                result = EIO;
        close(pair[0]);
        if (pid > 0)
                while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        return result;
}

int host_kvm_error(const MusterContext *context)
{
        Sandbox rights = {0};
        int r;

        if (!context->change_user)
                return try_kvm();
        r = -sandbox_take_user(context, &rights);
        if (r == 0)
                r = try_kvm_as(&rights);
        sandbox_clear(&rights);
        return r;
}

static int describe_kvm(const MusterContext *context, json_object *out)
{
        int error = host_kvm_error(context), r;

        r = json_add_bool(out, "usable", error == 0);
        if (r < 0 || error == 0)
                return r;
        if (error == EPROTO)
                return json_add_string(out, "why", KVM_DEVICE " speaks another version of its interface");
        return json_add_stringf(out, "why", KVM_DEVICE ": %s", strerror(error));
}

static int describe_user(const MusterContext *context, json_object *out)
{
        int r;

        r = json_add_int(out, "uid", context->change_user ? context->uid : geteuid());
        return r == 0 && context->change_user && context->user ? json_add_string(out, "name", context->user)
                                                               : r;
}

static int add(const MusterContext *context, MusterFacts *facts, const char *name,
               int (*describe)(const MusterContext *, json_object *))
{
        CLEANUP(json) json_object *value = json_object_new_object();

        if (!value || describe(context, value) < 0)
                return -ENOMEM;
        return facts_add(facts, name, FACT_HOST, FACT_ANSWERED, TAKE(value), /* reason= */ NULL);
}

int host_add_facts(const MusterContext *context, MusterFacts *facts)
{
        int r;

        r = add(context, facts, HOST_FACT_KVM_DEVICE, describe_kvm);
        return r < 0 ? r : add(context, facts, "user", describe_user);
}
