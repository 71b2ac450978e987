/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/section/monitor.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/chardev.h"

#define CHARDEV "charmonitor"

static int read_monitor(Domain *domain, Part *part)
{
        return 0;
}

static int plan_directory(Plan *plan)
{
        CLEANUP(free) char *path = plan_run_path(plan, "");

        if (!path)
                return -ENOMEM;
        path[strlen(path) - 1] = '\0'; /* the last '/' */
        return plan_file(plan, PLAN_FILE_DIRECTORY, path, /* from= */ NULL, "sockets");
}

/* Since QEMU 2.12 a chardev takes a descriptor that listens already. */
static int plan_descriptor(Plan *plan, const char *path)
{
        json_object *fd = json_object_new_object();

        if (!fd || json_add_int(fd, "fd", plan->domain->host->monitor_fd) < 0 ||
            json_add_string(fd, "purpose", "monitor") < 0 || json_add_string(fd, "listen", path) < 0) {
                json_object_put(fd);
                return -ENOMEM;
        }
        return json_append(plan->fds, fd);
}

static int add_address(const Plan *plan, const char *path, json_object *chardev)
{
        int fd = plan->domain->host->monitor_fd;

        return fd > 0 ? json_add_stringf(chardev, "fd", "%d", fd) : json_add_string(chardev, "path", path);
}

static int plan_socket(Plan *plan, const Part *part)
{
        CLEANUP(free) char *path = plan_run_path(plan, "monitor.sock");
        json_object *chardev = NULL;
        int r;

        if (!path)
                return -ENOMEM;
        if (!chardev_check_socket(plan->domain, part->element, path))
                return 0;
        r = plan_file(plan, PLAN_FILE_CREATE, path, /* from= */ NULL, "monitor");
        if (r >= 0 && plan->domain->host->monitor_fd > 0)
                r = plan_descriptor(plan, path);
        if (r < 0)
                return r;
        chardev = json_object_new_object();
        if (!chardev || json_add_string(chardev, "backend", "socket") < 0 ||
            json_add_string(chardev, "id", CHARDEV) < 0 || add_address(plan, path, chardev) < 0 ||
            json_add_bool(chardev, "server", true) < 0 || json_add_bool(chardev, "wait", false) < 0) {
                json_object_put(chardev);
                return -ENOMEM;
        }
        return plan_properties(plan, part, "-chardev", chardev);
}

static int plan_qmp(Plan *plan, const Part *part)
{
        json_object *monitor = json_object_new_object();

        if (!monitor || json_add_string(monitor, "chardev", CHARDEV) < 0) {
                json_object_put(monitor);
                return -ENOMEM;
        }
        if (plan_has(plan, part, "monitor-object", /* driver= */ NULL, _("the monitor is an -object"),
                     _("the monitor is a -mon")))
                return plan_object(plan, part, "monitor-qmp", "monitor", monitor);
        if (json_add_string(monitor, "id", "monitor") < 0 ||
            json_add_string(monitor, "mode", "control") < 0) {
                json_object_put(monitor);
                return -ENOMEM;
        }
        return plan_properties(plan, part, "-mon", monitor);
}

static int plan(Plan *plan, Part *part)
{
        int r;

        r = plan_directory(plan);
        if (r >= 0)
                r = plan_socket(plan, part);
        if (r >= 0)
                r = plan_qmp(plan, part);
        return r < 0 ? r : plan_option(plan, "-S", /* argument= */ NULL);
}

const PartKind section_monitor = {
        .name = "monitor",
        .read = read_monitor,
        .plan = plan,
};
