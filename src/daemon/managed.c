/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/managed.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/log.h"
#include "daemon/life-record.h"

#define NAME_BYTES_MAX 200

/* --- the registry ---------------------------------------------------------------------------------- */

Managed *daemon_find_name(const Daemon *daemon, const char *name)
{
        for (Managed *managed = daemon->domains; managed; managed = managed->next)
                if (streq(managed->name, name))
                        return managed;
        return NULL;
}

Managed *daemon_find_uuid(const Daemon *daemon, const char *uuid)
{
        for (Managed *managed = daemon->domains; managed; managed = managed->next)
                if (streq(managed->uuid, uuid))
                        return managed;
        return NULL;
}

Managed *daemon_find(const Daemon *daemon, const char *name)
{
        char uuid[UUID_TEXT_SIZE];
        Managed *managed = daemon_find_name(daemon, name);

        if (!managed && value_uuid(name, uuid) >= 0)
                managed = daemon_find_uuid(daemon, uuid);
        return managed;
}

static void put_in_order(Managed *managed)
{
        Managed **at = &managed->daemon->domains;

        while (*at && strcmp((*at)->name, managed->name) < 0)
                at = &(*at)->next;
        managed->next = *at;
        *at = managed;
}

static void take_off(Managed *managed)
{
        for (Managed **at = &managed->daemon->domains; *at; at = &(*at)->next)
                if (*at == managed) {
                        *at = managed->next;
                        managed->next = NULL;
                        return;
                }
}

/* --- names and paths ------------------------------------------------------------------------------- */

int managed_check_name(const char *name, MusterError **ret_error)
{
        size_t size = strlen(name);
        bool good = size > 0 && size <= NAME_BYTES_MAX && text_is_utf8(name, size) && name[0] != '.';

        for (const char *c = name; good && *c; c++)
                good = *c != '/' && (unsigned char)*c >= 0x20 && *c != 0x7f;
        if (good)
                return 0;
        return error_set(
                ret_error, -EINVAL,
                _("This is no name for a domain: give 1 to %d bytes of UTF-8 without '/' and control "
                  "characters, and no '.' in front."),
                NAME_BYTES_MAX);
}

char *daemon_run_directory(const Daemon *daemon)
{
        return text_format("%s/domains", daemon->settings.run);
}

char *daemon_state_directory(const Daemon *daemon)
{
        return text_format("%s/domains", daemon->settings.state);
}

char *managed_run_path(const Managed *managed, const char *file)
{
        return text_format("%s/domains/%s%s%s", managed->daemon->settings.run, managed->name,
                           file ? "/" : "", file ?: "");
}

char *managed_state_path(const Managed *managed, const char *file)
{
        return text_format("%s/domains/%s%s%s", managed->daemon->settings.state, managed->name,
                           file ? "/" : "", file ?: "");
}

char *managed_record_path(const Managed *managed)
{
        return text_format("%s/records/%s.json", managed->daemon->settings.run, managed->name);
}

/* By UUID, since a socket's path must be short. */
char *managed_monitor_path(const Managed *managed)
{
        return text_format("%s/monitors/%s.sock", managed->daemon->settings.run, managed->uuid);
}

char *managed_definition_path(const Managed *managed)
{
        return text_format("%s/%s.xml", managed->daemon->settings.definitions, managed->name);
}

char *managed_autostart_path(const Managed *managed)
{
        return text_format("%s/autostart/%s.xml", managed->daemon->settings.definitions, managed->name);
}

char *managed_save_path(const Managed *managed)
{
        return text_format("%s/save/%s.save", managed->daemon->settings.state, managed->name);
}

char *managed_log_path(const Managed *managed)
{
        return text_format("%s/%s.log", managed->daemon->settings.logs, managed->name);
}

/* --- its life -------------------------------------------------------------------------------------- */

static int check_taken(const Daemon *daemon, const char *name, const char *uuid, MusterError **ret_error)
{
        const Managed *other = daemon_find_name(daemon, name);

        if (other)
                return error_set(ret_error, -EEXIST, _("There is a domain %s already, with the UUID %s."),
                                 name, other->uuid);
        other = daemon_find_uuid(daemon, uuid);
        if (other)
                return error_set(ret_error, -EEXIST,
                                 _("The UUID %s is that of the domain %s; give another one, or none."), uuid,
                                 other->name);
        if (daemon->n_domains >= daemon->settings.domains)
                return error_set(
                        ret_error, -ENOSPC,
                        _("There are %zu domains, which is the limit; raise \"domains\" in musterd.conf."),
                        daemon->n_domains);
        return 0;
}

int managed_new(Daemon *daemon, const char *name, const char *uuid, Managed **ret, MusterError **ret_error)
{
        Managed *managed;
        int r;

        r = managed_check_name(name, ret_error);
        if (r >= 0)
                r = check_taken(daemon, name, uuid, ret_error);
        if (r < 0)
                return r;
        managed = calloc(1, sizeof(*managed));
        if (managed)
                managed->name = strdup(name);
        if (!managed || !managed->name) {
                free(managed);
                return error_oom(ret_error);
        }
        managed->n_ref = 1;
        managed->daemon = daemon;
        memcpy(managed->uuid, uuid, sizeof(managed->uuid));
        put_in_order(managed);
        daemon->n_domains++;
        *ret = managed;
        return 0;
}

Managed *managed_ref(Managed *managed)
{
        managed->n_ref++;
        return managed;
}

Managed *managed_unref(Managed *managed)
{
        if (!managed || --managed->n_ref > 0)
                return NULL;
        life_free(managed->life);
        free(managed->name);
        free(managed->definition);
        free(managed->title);
        free(managed);
        return NULL;
}

void managed_maybe_drop(Managed *managed)
{
        if (managed->definition || managed->life || managed->operations || managed->held ||
            daemon_find_name(managed->daemon, managed->name) != managed)
                return;
        take_off(managed);
        managed->daemon->n_domains--;
        managed_unref(managed);
}

int managed_set_name(Managed *managed, const char *name)
{
        char *copy = strdup(name);

        if (!copy)
                return -ENOMEM;
        take_off(managed);
        free(managed->name);
        managed->name = copy;
        put_in_order(managed);
        return 0;
}

int life_new(Managed *managed, Life **ret)
{
        Life *life = calloc(1, sizeof(*life));

        if (!life)
                return -ENOMEM;
        life->managed = managed;
        life->uid = (uid_t)-1;
        life->lifecycle = json_object_new_object();
        life->remove = json_object_new_array();
        life->granted = json_object_new_array();
        life->links = json_object_new_array();
        life->blocks = json_object_new_object();
        life->jobs = json_object_new_object();
        life->saving = json_object_new_object();
        if (!life->lifecycle || !life->remove || !life->granted || !life->links || !life->blocks ||
            !life->jobs || !life->saving) {
                life_free(life);
                return -ENOMEM;
        }
        managed->id = ++managed->daemon->last_id;
        managed->daemon->n_running++;
        managed->life = life;
        *ret = life;
        return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
        free(handle);
}

Life *life_free(Life *life)
{
        if (!life)
                return NULL;
        if (life->managed->life == life) {
                life->managed->life = NULL;
                life->managed->id = 0;
                life->managed->daemon->n_running--;
        }
        if (life->timer)
                uv_close((uv_handle_t *)life->timer, on_timer_closed);
        if (life->monitor)
                qmp_client_close(life->monitor);
        process_free(life->process);
        for (LifeHelper *helper = life->helpers, *next; helper; helper = next) {
                next = helper->next;
                process_free(helper->process);
                free(helper->purpose);
                free(helper);
        }
        free(life->definition);
        free(life->emulator);
        free(life->executable);
        free(life->digest);
        free(life->monitor_path);
        free(life->agent_path);
        json_object_put(life->lifecycle);
        json_object_put(life->remove);
        json_object_put(life->granted);
        json_object_put(life->links);
        json_object_put(life->blocks);
        json_object_put(life->jobs);
        json_object_put(life->pending);
        json_object_put(life->saving);
        muster_verdicts_unref(life->verdicts);
        free(life);
        return NULL;
}

bool managed_is_active(const Managed *managed)
{
        return managed->life != NULL;
}

/* --- telling --------------------------------------------------------------------------------------- */

int managed_emit(Managed *managed, const char *kind, const char *event, json_object *detail)
{
        CLEANUP(json) json_object *object = json_object_new_object(), *owned = detail;

        if (!object || json_add_string(object, "domain", managed->name) < 0 ||
            json_add_string(object, "uuid", managed->uuid) < 0 ||
            json_add_string(object, "event", event) < 0)
                return -ENOMEM;
        if (owned) {
                json_object_object_foreach (owned, key, value) {
                        if (json_add(object, key, json_object_get(value)) < 0)
                                return -ENOMEM;
                }
        }
        return events_add(managed->daemon->events, kind, TAKE(object));
}

static json_object *describe_state(const Managed *managed)
{
        CLEANUP(json) json_object *object = json_object_new_object();

        if (!object || json_add_string(object, "state", domain_state_name(managed->state)) < 0 ||
            json_add_string(object, "reason", domain_reason_name(managed->reason)) < 0)
                return NULL;
        return TAKE(object);
}

int managed_set_state(Managed *managed, DomainState state, DomainReason reason, const char *event)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        int r = 0;

        if (managed->state != state || managed->reason != reason)
                log_message(LOG_INFO, managed->name, /* operation= */ NULL, "%s (%s) -> %s (%s)",
                            domain_state_name(managed->state), domain_reason_name(managed->reason),
                            domain_state_name(state), domain_reason_name(reason));
        managed->state = state;
        managed->reason = reason;
        if (managed->life && life_record_write(managed, &error) < 0)
                log_error(LOG_ERR, managed->name, /* operation= */ NULL, error,
                          _("Its record cannot be written, so a restart of the daemon would lose it"));
        if (event)
                r = managed_emit(managed, "lifecycle", event, describe_state(managed));
        if (r < 0)
                log_message(LOG_ERR, managed->name, /* operation= */ NULL,
                            _("The event \"%s\" cannot be written down: %s"), event, strerror(-r));
        return r;
}

static int add_life(const Life *life, json_object *object)
{
        int r;

        r = life->process ? json_add_int(object, "pid", process_pid(life->process)) : 0;
        if (r >= 0)
                r = json_add_string(object, "emulator", life->emulator);
        if (r >= 0)
                r = json_add_string(object, "executable", life->executable);
        if (r >= 0)
                r = json_add_string(object, "digest", life->digest);
        if (r >= 0 && life->uid != (uid_t)-1)
                r = json_add_int(object, "uid", life->uid);
        if (r >= 0)
                r = json_add_bool(object, "responsive", life->monitor_ready && !life->lost);
        return r;
}

json_object *managed_to_json(const Managed *managed)
{
        CLEANUP(json) json_object *object = json_object_new_object();
        int r = object ? 0 : -ENOMEM;

        if (r >= 0)
                r = json_add_string(object, "name", managed->name);
        if (r >= 0)
                r = json_add_string(object, "uuid", managed->uuid);
        if (r >= 0)
                r = json_object_object_add(object, "id",
                                           managed->id ? json_object_new_int64(managed->id) : NULL);
        if (r >= 0)
                r = json_add_string(object, "state", domain_state_name(managed->state));
        if (r >= 0)
                r = json_add_string(object, "reason", domain_reason_name(managed->reason));
        if (r >= 0)
                r = json_add_bool(object, "persistent", managed->definition != NULL);
        if (r >= 0)
                r = json_add_bool(object, "autostart", managed->autostart);
        if (r >= 0)
                r = json_add_bool(object, "managed-save", managed->managed_save);
        if (r >= 0)
                r = json_add_bool(object, "adopted", managed->life && managed->life->adopted);
        if (r >= 0 && managed->title)
                r = json_add_string(object, "title", managed->title);
        if (r >= 0 && managed->life)
                r = add_life(managed->life, object);
        return r < 0 ? NULL : TAKE(object);
}
