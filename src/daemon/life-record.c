/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/life-record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/fileio.h"
#include "base/i18n.h"
#include "base/util.h"
#include "config.h"
#include "daemon/log.h"

#define FORMAT     1
#define RECORD_MAX ((size_t)16 * 1024 * 1024)

/* --- to JSON --------------------------------------------------------------------------------------- */

static json_object *process_to_json(const Process *process, const char *purpose)
{
        CLEANUP(json) json_object *object = json_object_new_object();
        const char *scope = process_scope(process);

        if (!object || json_add_int(object, "pid", process_pid(process)) < 0 ||
            json_add_int(object, "start", (int64_t)process_start(process)) < 0 ||
            (purpose && json_add_string(object, "purpose", purpose) < 0) ||
            (scope && json_add_string(object, "scope", scope) < 0))
                return NULL;
        return TAKE(object);
}

static json_object *helpers_to_json(const Life *life)
{
        CLEANUP(json) json_object *array = json_object_new_array();

        if (!array)
                return NULL;
        for (const LifeHelper *helper = life->helpers; helper; helper = helper->next)
                if (helper->process && !process_ended(helper->process) &&
                    json_append(array, process_to_json(helper->process, helper->purpose)) < 0)
                        return NULL;
        return TAKE(array);
}

static int add_texts(const Managed *managed, json_object *object)
{
        const Life *life = managed->life;
        const struct {
                const char *key, *value;
        } texts[] = {
                {"muster", MUSTER_VERSION},
                {"name", managed->name},
                {"uuid", managed->uuid},
                {"title", managed->title},
                {"state", domain_state_name(managed->state)},
                {"reason", domain_reason_name(managed->reason)},
                {"end-reason", domain_reason_name(life->end_reason)},
                {"definition", life->definition},
                {"emulator", life->emulator},
                {"executable", life->executable},
                {"digest", life->digest},
                {"monitor", life->monitor_path},
                {"agent", life->agent_path},
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(texts); i++)
                if (texts[i].value)
                        r = json_add_string(object, texts[i].key, texts[i].value);
        return r;
}

static int add_flags(const Life *life, json_object *object)
{
        const struct {
                const char *key;
                bool value;
        } flags[] = {
                {"adopted", life->adopted},
                {"read-only", life->read_only},
                {"ending", life->ending},
                {"rebooting", life->rebooting},
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(flags); i++)
                if (flags[i].value)
                        r = json_add_bool(object, flags[i].key, true);
        return r;
}

static int add_objects(const Life *life, json_object *object)
{
        const struct {
                const char *key;
                json_object *value;
        } objects[] = {
                {"lifecycle", life->lifecycle}, {"remove", life->remove}, {"granted", life->granted},
                {"blocks", life->blocks},       {"jobs", life->jobs},     {"pending", life->pending},
                {"saving", life->saving},       {"links", life->links},
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(objects); i++)
                if (objects[i].value)
                        r = json_add(object, objects[i].key, json_object_get(objects[i].value));
        return r;
}

json_object *life_record_to_json(const Managed *managed)
{
        CLEANUP(json) json_object *object = json_object_new_object();
        const Life *life = managed->life;

        if (!object || json_add_int(object, "format", FORMAT) < 0 || add_texts(managed, object) < 0 ||
            json_add_int(object, "id", managed->id) < 0 || add_flags(life, object) < 0 ||
            add_objects(life, object) < 0 || json_add(object, "helpers", helpers_to_json(life)) < 0)
                return NULL;
        if (life->process && json_add(object, "process", process_to_json(life->process, NULL)) < 0)
                return NULL;
        if (life->uid != (uid_t)-1 && json_add_int(object, "uid", life->uid) < 0)
                return NULL;
        return TAKE(object);
}

/* --- to the disk ----------------------------------------------------------------------------------- */

int life_record_write(const Managed *managed, MusterError **ret_error)
{
        CLEANUP(json) json_object *object = life_record_to_json(managed);
        CLEANUP(free) char *text = object ? json_to_text(object) : NULL;
        CLEANUP(free) char *path = managed_record_path(managed);
        int r;

        if (!text || !path)
                return error_oom(ret_error);
        r = write_file_at(AT_FDCWD, path, text, strlen(text), 0600, /* durable= */ false, NULL);
        return r < 0 ? error_errno(ret_error, r, "%s", path) : 0;
}

int life_record_remove(const Managed *managed, MusterError **ret_error)
{
        CLEANUP(free) char *path = managed_record_path(managed);

        if (!path)
                return error_oom(ret_error);
        if (managed->life->monitor_path && !managed->life->adopted)
                (void)unlink(managed->life->monitor_path);
        if (unlink(path) < 0 && errno != ENOENT)
                return error_errno(ret_error, -errno, "%s", path);
        return 0;
}

/* --- from JSON ------------------------------------------------------------------------------------- */

static int take_text(const json_object *object, const char *key, char **ret)
{
        const char *text = json_get_string(object, key);

        if (!text)
                return 0;
        *ret = strdup(text);
        return *ret ? 0 : -ENOMEM;
}

/* Replaces what is in *ret where the record has the like. */
static void take_object(const json_object *object, const char *key, enum json_type type, json_object **ret)
{
        json_object *value = json_get(object, key, type);

        if (!value)
                return;
        json_object_put(*ret);
        *ret = json_object_get(value);
}

static int open_process(Managed *managed, const json_object *object, Process **ret)
{
        const Settings *settings = &managed->daemon->settings;
        CLEANUP(MusterError) MusterError *error = NULL;
        int64_t pid = json_get_int(object, "pid", 0), start = json_get_int(object, "start", 0);
        int r;

        if (pid <= 0 || pid > INT_MAX)
                return 0;
        r = process_open(managed->daemon->loop, (pid_t)pid, (uint64_t)start,
                         json_get_string(object, "scope"), settings->session, ret, &error);
        if (r == -ESRCH)
                return 0;
        if (r < 0)
                log_error(LOG_ERR, managed->name, NULL, error, _("Its process %lld cannot be watched"),
                          (long long)pid);
        return r;
}

static int take_helpers(Managed *managed, const json_object *object)
{
        json_object *array = json_get(object, "helpers", json_type_array);
        Life *life = managed->life;

        for (size_t i = 0; array && i < json_object_array_length(array); i++) {
                json_object *item = json_object_array_get_idx(array, i);
                LifeHelper *helper = calloc(1, sizeof(*helper));

                if (!helper)
                        return -ENOMEM;
                helper->next = life->helpers;
                life->helpers = helper;
                if (take_text(item, "purpose", &helper->purpose) < 0)
                        return -ENOMEM;
                (void)open_process(managed, item, &helper->process);
        }
        return 0;
}

static int take_texts(Life *life, const json_object *object)
{
        const struct {
                const char *key;
                char **value;
        } texts[] = {
                {"definition", &life->definition}, {"emulator", &life->emulator},
                {"executable", &life->executable}, {"digest", &life->digest},
                {"monitor", &life->monitor_path},  {"agent", &life->agent_path},
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(texts); i++)
                r = take_text(object, texts[i].key, texts[i].value);
        return r;
}

static int take_life(Managed *managed, const json_object *object)
{
        int r, reason = domain_reason_from_name(json_get_string(object, "end-reason") ?: "unknown");
        Life *life;

        r = life_new(managed, &life);
        if (r >= 0)
                r = take_texts(life, object);
        if (r < 0)
                return r;
        take_object(object, "lifecycle", json_type_object, &life->lifecycle);
        take_object(object, "blocks", json_type_object, &life->blocks);
        take_object(object, "jobs", json_type_object, &life->jobs);
        take_object(object, "pending", json_type_object, &life->pending);
        take_object(object, "saving", json_type_object, &life->saving);
        take_object(object, "remove", json_type_array, &life->remove);
        take_object(object, "granted", json_type_array, &life->granted);
        take_object(object, "links", json_type_array, &life->links);
        life->adopted = json_get_bool(object, "adopted", false);
        life->read_only = json_get_bool(object, "read-only", false);
        life->ending = json_get_bool(object, "ending", false);
        life->rebooting = json_get_bool(object, "rebooting", false);
        life->uid = (uid_t)json_get_int(object, "uid", -1);
        life->end_reason = reason < 0 ? REASON_UNKNOWN : (DomainReason)reason;
        return take_helpers(managed, object);
}

/* The domain that it is about: one that is defined, or else a transient one. */
static int find_domain(Daemon *daemon, const json_object *object, Managed **ret, MusterError **ret_error)
{
        const char *name = json_get_string(object, "name"), *uuid = json_get_string(object, "uuid");
        Managed *managed = name ? daemon_find_name(daemon, name) : NULL;
        char canonical[UUID_TEXT_SIZE];

        if (!name || !uuid || value_uuid(uuid, canonical) < 0 || !json_get_string(object, "definition"))
                return error_set(ret_error, -EBADMSG, _("The record says not what domain it is about."));
        if (managed && streq(managed->uuid, canonical) && !managed->life) {
                *ret = managed;
                return 0;
        }
        return managed_new(daemon, name, canonical, ret, ret_error);
}

/* The one that it had, so that clients find it again; else the new one that it was given. */
static void take_id(Managed *managed, int64_t id)
{
        if (id <= 0 || id > INT_MAX)
                return;
        managed->id = (unsigned)id;
        if (managed->id > managed->daemon->last_id)
                managed->daemon->last_id = managed->id;
}

static int take_record(Daemon *daemon, const json_object *object, Managed **ret, MusterError **ret_error)
{
        int state = domain_state_from_name(json_get_string(object, "state") ?: ""),
            reason = domain_reason_from_name(json_get_string(object, "reason") ?: ""), r;
        json_object *process = json_get(object, "process", json_type_object);
        Managed *managed;

        if (json_get_int(object, "format", 0) != FORMAT || state < 0)
                return error_set(ret_error, -EBADMSG, _("The record is of another format."));
        r = find_domain(daemon, object, &managed, ret_error);
        if (r < 0)
                return r;
        r = take_life(managed, object);
        if (r < 0)
                return error_oom(ret_error);
        take_id(managed, json_get_int(object, "id", 0));
        managed->state = (DomainState)state;
        managed->reason = reason < 0 ? REASON_UNKNOWN : (DomainReason)reason;
        if (!managed->title)
                (void)take_text(object, "title", &managed->title);
        if (process)
                (void)open_process(managed, process, &managed->life->process);
        *ret = managed;
        return 0;
}

int life_record_read(Daemon *daemon, int dirfd, const char *name, Managed **ret, MusterError **ret_error)
{
        CLEANUP(json) json_object *object = NULL;
        CLEANUP(free) char *text = NULL;
        size_t size;
        int r;

        r = read_file_at(dirfd, name, RECORD_MAX, &text, &size);
        if (r < 0)
                return error_errno(ret_error, r, "%s", name);
        r = json_parse(text, size, &object);
        if (r < 0)
                return error_set(ret_error, -EBADMSG, _("%s is no JSON."), name);
        r = take_record(daemon, object, ret, ret_error);
        if (r < 0)
                error_prefix(ret_error, "%s", name);
        return r;
}
