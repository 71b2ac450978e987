/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"

#define TRAILER_SIZE      16 /* "replay 00001234\n" */
#define GREETING_SIZE_MAX 4096

static int open_own(int *ret_fd, off_t *ret_start, size_t *ret_length)
{
        CLEANUP(fd) int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        char trailer[TRAILER_SIZE + 1] = "";
        struct stat st;
        size_t length;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size < TRAILER_SIZE ||
            pread(fd, trailer, TRAILER_SIZE, st.st_size - TRAILER_SIZE) != TRAILER_SIZE ||
            sscanf(trailer, "replay %8zu", &length) != 1 || length > (size_t)st.st_size - TRAILER_SIZE ||
            length > JSON_SIZE_MAX)
                return -ENOENT;
        *ret_fd = TAKE_FD(fd);
        *ret_start = st.st_size - TRAILER_SIZE - (off_t)length;
        *ret_length = length;
        return 0;
}

static int read_piece(size_t max, char **ret_text, size_t *ret_size)
{
        CLEANUP(fd) int fd = -1;
        CLEANUP(free) char *text = NULL;
        size_t length = 0;
        off_t start = 0;
        int r;

        r = open_own(&fd, &start, &length);
        if (r < 0)
                return r;
        length = length < max ? length : max;
        text = malloc(length + 1);
        if (!text)
                return -ENOMEM;
        if (pread(fd, text, length, start) != (ssize_t)length)
                return -EIO;
        text[length] = '\0';
        *ret_text = TAKE(text);
        *ret_size = length;
        return 0;
}

int scenario_read_own(json_object **ret)
{
        CLEANUP(free) char *text = NULL;
        size_t size;
        int r;

        r = read_piece(JSON_SIZE_MAX, &text, &size);
        return r < 0 ? r : json_parse(text, size, ret);
}

/* By a prefix that the writers of scenarios happen to make; where they do not, all is read. */
int scenario_read_greeting(json_object **ret)
{
        CLEANUP(json) json_object *scenario = NULL;
        CLEANUP(free) char *text = NULL;
        const char *greeting;
        size_t size;
        int r;

        r = read_piece(GREETING_SIZE_MAX, &text, &size);
        if (r < 0)
                return r;
        greeting = startswith(text, "{\"greeting\":");
        if (greeting && (*ret = json_tokener_parse(greeting)))
                return 0;
        r = scenario_read_own(&scenario);
        if (r < 0)
                return r;
        *ret = json_object_get(json_get(scenario, "greeting", json_type_object));
        return *ret ? 0 : -EBADMSG;
}

json_object *scenario_find(json_object *scenario, const char *table, const char *command,
                           const char *typename)
{
        json_object *entries = json_get(scenario, table, json_type_object), *found = NULL;
        CLEANUP(free) char *key = NULL;

        if (typename && asprintf(&key, "%s:%s", command, typename) > 0)
                found = json_get(entries, key, json_type_object);
        return found ? found : json_get(entries, command, json_type_object);
}
