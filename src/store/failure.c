/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/failure.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "base/i18n.h"
#include "base/json.h"
#include "base/util.h"
#include "config.h"
#include "store/record.h"

#define LIBRARIES     "/etc/ld.so.cache"
#define SCRIPT_SUFFIX ".script"

/* Errors by name, since their numbers differ between architectures. */
static const struct {
        int error;
        const char *name;
} lasting[] = {
        {ENOEXEC, "ENOEXEC"},     {EPROTO, "EPROTO"},   {ECONNRESET, "ECONNRESET"},
        {ETIMEDOUT, "ETIMEDOUT"}, {EBADMSG, "EBADMSG"},
};

static const char *code_name(int r)
{
        for (size_t i = 0; i < ELEMENTSOF(lasting); i++)
                if (lasting[i].error == -r)
                        return lasting[i].name;
        return NULL;
}

static int code_from_name(const char *name)
{
        for (size_t i = 0; name && i < ELEMENTSOF(lasting); i++)
                if (streq(lasting[i].name, name))
                        return -lasting[i].error;
        return 0;
}

bool failure_is_lasting(int r)
{
        return code_name(r) != NULL;
}

int failure_key(const char *path, const Identity *identity, char **ret)
{
        char id[RECORD_ID_SIZE], launcher[DIGEST_HEX_SIZE];
        Identity chain = {0};
        int r;

        if (identity) {
                r = record_id(identity, id);
                if (r < 0)
                        return r;
                *ret = strdup(id);
                return *ret ? 0 : -ENOMEM;
        }
        r = identity_of_script(path, &chain);
        if (r == 0)
                r = identity_launcher(&chain, launcher);
        identity_clear(&chain);
        if (r < 0)
                return r;
        *ret = text_format("%s" SCRIPT_SUFFIX, launcher);
        return *ret ? 0 : -ENOMEM;
}

/* Changes whenever ldconfig has run, as it does when libraries are installed; to free(). */
static char *libraries_stamp(void)
{
        FileStamp stamp = {0};
        struct stat st;

        if (stat(LIBRARIES, &st) == 0)
                stamp = file_stamp(&st);
        return text_format("%llu %lld", (unsigned long long)stamp.size, (long long)stamp.mtime_nsec);
}

/* What limits the emulator inherits from us: with others, it may well start. To free(). */
static char *limits_text(void)
{
        static const int resources[] = {RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_NPROC, RLIMIT_MEMLOCK};
        char text[ELEMENTSOF(resources) * 21 + 1], *out = text;

        *out = '\0';
        for (size_t i = 0; i < ELEMENTSOF(resources); i++) {
                struct rlimit limit = {0};

                (void)getrlimit((__rlimit_resource_t)resources[i], &limit);
                out += sprintf(out, "%llx ", (unsigned long long)limit.rlim_cur);
        }
        return strdup(text);
}

static char *stamp_text(const FileStamp *stamp)
{
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return NULL;
        file_stamp_print(stamp, out);
        return fclose(out) == 0 ? text : NULL;
}

/* {PATH: STAMP} */
static json_object *watched_to_json(const Identity *identity)
{
        CLEANUP(json) json_object *object = json_object_new_object();

        for (size_t i = 0; object && identity && i < identity->n_watched; i++) {
                CLEANUP(free) char *stamp = stamp_text(&identity->watched[i].stamp);

                if (!stamp || json_add_string(object, identity->watched[i].path, stamp) < 0)
                        return NULL;
        }
        return TAKE(object);
}

/* Whether the files are what they were. A second change within a tick is missed, for an hour at most. */
static bool watched_holds(json_object *watched)
{
        if (!watched)
                return false;
        json_object_object_foreach (watched, path, value) {
                const char *text = json_object_get_string(value);
                IdentityWatched now = {0};
                FileStamp was;

                identity_look_at_watched(path, /* digest= */ false, &now);
                if (!text || file_stamp_parse(&text, &was) < 0 || !file_stamp_equal(&was, &now.stamp))
                        return false;
        }
        return true;
}

static json_object *failure_to_json(const FailureAbout *about, const MusterError *error)
{
        CLEANUP(json) json_object *object = json_object_new_object();
        CLEANUP(free) char *libraries = libraries_stamp(), *limits = limits_text();

        if (!object || !libraries || !limits || json_add_string(object, "limits", limits) < 0 ||
            json_add_int(object, "format", 1) < 0 || json_add_string(object, "muster", MUSTER_VERSION) < 0 ||
            json_add_string(object, "key", about->key) < 0 ||
            json_add_string(object, "path", about->path) < 0 ||
            json_add_string(object, "code", code_name(muster_error_code(error))) < 0 ||
            json_add_string(object, "message", muster_error_message(error)) < 0 ||
            json_add_string(object, "detail", muster_error_detail(error)) < 0 ||
            json_add_int(object, "when", time(NULL)) < 0 ||
            json_add_int(object, "time-limit", (int64_t)about->context->timeout_usec) < 0 ||
            json_add_string(object, "asked", about->asked) < 0 ||
            json_add_bool(object, "script", about->script) < 0 ||
            json_add(object, "watched", watched_to_json(about->watched)) < 0 ||
            json_add_string(object, "libraries", libraries) < 0 ||
            json_add_string(object, "fingerprint", about->fingerprint) < 0)
                return NULL;
        return TAKE(object);
}

int failure_save(MusterStore *store, const FailureAbout *about, const MusterError *error)
{
        CLEANUP(json) json_object *object = failure_to_json(about, error);
        CLEANUP(free) char *name = host_name(about->key, about->fingerprint), *text = NULL;

        text = object ? json_to_pretty_text(object) : NULL;
        if (!name || !text)
                return -ENOMEM;
        return entry_write(store, ENTRY_FAILURE, name, text, strlen(text), /* ret_stamp= */ NULL);
}

/* What a script starts, and which libraries an executable finds beside itself, goes by where it lies. */
static bool goes_by_path(const json_object *object, int code)
{
        return json_get_bool(object, "script", true) || code == -ENOEXEC;
}

static bool holds(const json_object *object, const FailureAbout *about, const char *libraries,
                  const char *limits)
{
        int code = code_from_name(json_get_string(object, "code"));
        int64_t age = time(NULL) - json_get_int(object, "when", 0);

        return code != 0 && json_get_int(object, "format", -1) == 1 &&
               streq_ptr(json_get_string(object, "muster"), MUSTER_VERSION) &&
               streq_ptr(json_get_string(object, "key"), about->key) &&
               streq_ptr(json_get_string(object, "asked"), about->asked) &&
               streq_ptr(json_get_string(object, "fingerprint"), about->fingerprint) &&
               streq_ptr(json_get_string(object, "libraries"), libraries) &&
               streq_ptr(json_get_string(object, "limits"), limits) &&
               (!goes_by_path(object, code) || streq_ptr(json_get_string(object, "path"), about->path)) &&
               (code != -ETIMEDOUT ||
                json_get_int(object, "time-limit", 0) >= (int64_t)about->context->timeout_usec) &&
               (!json_get_bool(object, "script", true) || (age >= 0 && age < FAILURE_SCRIPT_LIFETIME_SEC)) &&
               watched_holds(json_get(object, "watched", json_type_object));
}

static void print_time(int64_t when, char *ret, size_t size)
{
        time_t seconds = (time_t)when;
        struct tm parts;

        if (!localtime_r(&seconds, &parts) || strftime(ret, size, "%Y-%m-%d %H:%M:%S", &parts) == 0)
                snprintf(ret, size, "?");
}

static int replay(const json_object *object, int *ret_code, MusterError **ret_error)
{
        const char *message = json_get_string(object, "message");
        char when[40];

        print_time(json_get_int(object, "when", 0), when, sizeof(when));
        *ret_code = code_from_name(json_get_string(object, "code"));
        (void)error_set_detail(
                ret_error, *ret_code, json_get_string(object, "detail"),
                _("%s (So it was on %s, and nothing has changed since; --no-cache tries again.)"),
                message ?: "?", when);
        return 1;
}

int failure_load(MusterStore *store, const FailureAbout *about, int *ret_code, MusterError **ret_error)
{
        CLEANUP(free)
        char *name = host_name(about->key, about->fingerprint), *body = NULL;
        CLEANUP(free) char *libraries = NULL, *limits = NULL;
        CLEANUP(json) json_object *object = NULL;
        size_t size;
        int r;

        if (!name)
                return -ENOMEM;
        r = entry_read(store, ENTRY_FAILURE, name, &body, &size, /* ret_stamp= */ NULL);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        r = json_parse(body, size, &object);
        libraries = libraries_stamp();
        limits = limits_text();
        if (r == -ENOMEM || !libraries || !limits)
                return -ENOMEM;
        return r == 0 && holds(object, about, libraries, limits) ? replay(object, ret_code, ret_error) : 0;
}

void failure_forget(MusterStore *store, const char *key, const char *fingerprint)
{
        CLEANUP(free) char *name = host_name(key, fingerprint);

        if (name)
                (void)entry_remove(store, ENTRY_FAILURE, name);
}
