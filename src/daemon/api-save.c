/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/agent.h"
#include "daemon/api.h"
#include "daemon/save.h"
#include "daemon/start.h"

/* A guest's state to a file, and back; what is said to the agent in a guest. */

/* --- save ------------------------------------------------------------------------------------------- */

static const char *absolute_file(ApiCall *call)
{
        const char *file = api_text(call, "file");

        if (file && file[0] == '/')
                return file;
        api_refuse(call, -EINVAL,
                   _("Name the file by its absolute path: {\"file\": \"/var/tmp/guest.save\"}."));
        return NULL;
}

static void submit_save(ApiCall *call, const char *file)
{
        SaveData data = {.paused = json_get_bool(call->body, "paused", false)};

        if (file) {
                data.file = strdup(file);
                if (!data.file) {
                        api_fail(call, -ENOMEM, NULL, NULL);
                        return;
                }
        }
        api_submit(call, &op_save, &data);
}

static void post_save(ApiCall *call)
{
        const char *file = absolute_file(call);

        if (file)
                submit_save(call, file);
}

static void post_managed_save(ApiCall *call)
{
        submit_save(call, NULL);
}

static void delete_managed_save(ApiCall *call)
{
        api_submit(call, &op_forget_save, NULL);
}

/* --- restore ---------------------------------------------------------------------------------------- */

typedef struct Restore {
        uv_work_t request;
        ApiCall *call;
        char *file, *xml;
        SaveHeader header;
        PrepareInput input; /* of another definition than that in the file */
        Prepared prepared;
        MusterError *error;
        int result;
} Restore;

static void restore_free(void *pointer)
{
        Restore *restore = pointer;

        free(restore->file);
        free(restore->xml);
        save_header_clear(&restore->header);
        prepare_input_clear(&restore->input);
        prepared_clear(&restore->prepared);
        muster_error_free(restore->error);
        free(restore);
}

static int check_same(Restore *restore)
{
        const Prepared *prepared = &restore->prepared;
        const SaveHeader *header = &restore->header;

        if (streq(prepared->name, header->name) && streq(prepared->uuid, header->uuid))
                return 0;
        return error_set(
                &restore->error, -EINVAL,
                _("The definition is that of %s (%s), but the state is that of %s (%s); only what the "
                  "guest does not see may differ."),
                prepared->name, prepared->uuid, header->name, header->uuid);
}

static void on_look(uv_work_t *request)
{
        Restore *restore = request->data;

        restore->result = save_file_open(restore->file, &restore->header, NULL, &restore->error);
        if (restore->result >= 0 && restore->xml) {
                restore->result = prepare(&restore->input, &restore->prepared, &restore->error);
                if (restore->result >= 0)
                        restore->result = check_same(restore);
        }
}

static int find_or_make(Restore *restore, Managed **ret)
{
        Daemon *daemon = restore->call->daemon;
        const SaveHeader *header = &restore->header;
        char uuid[UUID_TEXT_SIZE];
        Managed *managed;

        if (value_uuid(header->uuid, uuid) < 0 || managed_check_name(header->name, NULL) < 0)
                return error_set(&restore->error, -EBADMSG, _("%s says not what domain it is of."),
                                 restore->file);
        managed = daemon_find_uuid(daemon, uuid); /* whatever it is called by now */
        if (managed) {
                *ret = managed;
                return 0;
        }
        return managed_new(daemon, header->name, uuid, ret, &restore->error);
}

static void after_look(uv_work_t *request, int status)
{
        Restore *restore = request->data;
        ApiCall *call = restore->call;
        json_object *paused = json_get(call->body, "paused", json_type_boolean);
        StartData data = {.keep_saved_state = !paused, .paused = paused && json_object_get_boolean(paused)};
        Managed *managed = NULL;
        int r = status < 0 ? status : restore->result;

        if (r >= 0)
                r = find_or_make(restore, &managed);
        if (r < 0) {
                api_fail(call, r, restore->error, restore->prepared.faults);
                return;
        }
        call->managed = managed_ref(managed);
        data.restore_file = TAKE(restore->file);
        data.definition = TAKE(restore->prepared.definition);
        api_submit_to(call, managed, &op_restore, &data, 200);
}

static void post_restore(ApiCall *call)
{
        const char *file = absolute_file(call), *xml = api_text(call, "xml");
        Restore *restore;
        int r = 0;

        if (!file)
                return;
        restore = calloc(1, sizeof(*restore));
        if (!restore) {
                api_fail(call, -ENOMEM, NULL, NULL);
                return;
        }
        call->data = restore;
        call->free_data = restore_free;
        restore->call = call;
        restore->request.data = restore;
        restore->file = strdup(file);
        restore->xml = xml ? strdup(xml) : NULL;
        if (!restore->file || (xml && !restore->xml))
                r = -ENOMEM;
        if (r >= 0 && xml)
                r = start_input(call->daemon, xml, _("<request>"), 0, &restore->input);
        if (r >= 0)
                r = uv_queue_work(call->daemon->loop, &restore->request, on_look, after_look);
        if (r < 0)
                api_fail(call, r, NULL, NULL);
}

/* --- the agent in the guest ------------------------------------------------------------------------- */

static void get_agent(ApiCall *call)
{
        api_submit(call, &op_agent_look, NULL);
}

static void post_agent(ApiCall *call)
{
        const char *command = api_text(call, "execute");
        json_object *arguments = json_get(call->body, "arguments", json_type_object);
        AgentData data = {};

        if (!command) {
                api_refuse(call, -EINVAL, _("Name the command: {\"execute\": \"guest-ping\"}."));
                return;
        }
        data.command = strdup(command);
        data.arguments = arguments ? json_object_get(arguments) : NULL;
        api_submit(call, &op_agent, &data);
}

const ApiRoute api_save_routes[] = {
        {"GET", "/v1/domains/{domain}/agent", HTTP_RIGHT_READ, API_BODY_NONE, get_agent},
        {"POST", "/v1/domains/{domain}/agent", HTTP_RIGHT_ALL, API_BODY_JSON, post_agent, NULL,
         "execute:string arguments:object"},
        {"POST", "/v1/domains/{domain}/save", HTTP_RIGHT_ALL, API_BODY_JSON, post_save, NULL,
         "file:string paused:boolean"},
        {"POST", "/v1/domains/{domain}/managed-save", HTTP_RIGHT_ALL, API_BODY_JSON, post_managed_save, NULL,
         "paused:boolean"},
        {"DELETE", "/v1/domains/{domain}/managed-save", HTTP_RIGHT_ALL, API_BODY_NONE, delete_managed_save},
        {"POST", "/v1/restore", HTTP_RIGHT_ALL, API_BODY_JSON, post_restore, NULL,
         "file:string paused:boolean xml:string"},
        {},
};
