/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "standin.h"

/* As QEMU does it: what lies at the path goes. */
static int listen_at(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        unlink(path);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0) {
                fprintf(stderr, "qemu-system-x86_64: Failed to bind socket to %s: %s\n", path,
                        strerror(errno));
                exit(1);
        }
        return fd;
}

static void open_monitor(json_object *chardev)
{
        const char *path = json_get_string(chardev, "path"), *fd = json_get_string(chardev, "fd");

        if (streq_ptr(json_get_string(chardev, "backend"), "stdio"))
                wire_open_stdio();
        else if (path)
                wire_open(listen_at(path));
        else if (fd)
                wire_open(atoi(fd));
}

/* Nobody is behind the others, but one can connect to them. */
static void open_chardevs(void)
{
        if (!machine.chardevs)
                return;
        json_object_object_foreach (machine.chardevs, id, chardev) {
                if (streq_ptr(machine.monitor, id))
                        open_monitor(chardev);
                else if (json_get_string(chardev, "path") &&
                         streq_ptr(json_get_string(chardev, "backend"), "socket") &&
                         streq_ptr(json_get_string(chardev, "server"), "on"))
                        listen_at(json_get_string(chardev, "path"));
        }
}

static int catch_signals(void)
{
        sigset_t signals;

        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGHUP);
        sigprocmask(SIG_BLOCK, &signals, NULL);
        signal(SIGPIPE, SIG_IGN);
        return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void take_signal(int fd)
{
        struct signalfd_siginfo info;

        if (read(fd, &info, sizeof(info)) != sizeof(info) || faults_bool("ignore-sigterm"))
                return;
        fprintf(stderr, "qemu-system-x86_64: terminating on signal %u from pid %u\n", info.ssi_signo,
                info.ssi_pid);
        run_quit("host-signal");
}

int main(int argc, char **argv)
{
        int signals = catch_signals();

        options_read(argv);
        faults_start();
        run_start();
        open_chardevs();
        while (wire_poll(signals, timer_wait()) == 0) {
                take_signal(signals);
                timer_run();
        }
        return 0;
}
