/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "daemon/api.h"
#include "daemon/save.h"
#include "daemon/start.h"

/* Domains: what there are, and what is done to one as a whole. */

/* --- looking ---------------------------------------------------------------------------------------- */

static void get_domains(ApiCall *call)
{
        CLEANUP(json) json_object *object = json_object_new_object(), *array = json_object_new_array();
        const char *state = http_request_query(call->request, "state");

        if (state && domain_state_from_name(state) < 0) {
                api_refuse(call, -EINVAL,
                           _("\"%s\" is no state of a domain: \"shut off\" or \"running\" is."), state);
                return;
        }
        for (const Managed *managed = call->daemon->domains; array && managed; managed = managed->next) {
                if (state && !streq(state, domain_state_name(managed->state)))
                        continue;
                /* Neither defined nor running yet: nobody was told of it. */
                if (!managed->definition && !managed->life)
                        continue;
                if (json_append(array, managed_to_json(managed)) < 0)
                        array = (json_object_put(array), NULL);
        }
        if (!object || !array || json_add(object, "domains", TAKE(array)) < 0)
                api_answer(call, 200, NULL);
        else
                api_answer(call, 200, TAKE(object));
}

static void get_domain(ApiCall *call)
{
        api_answer(call, 200, managed_to_json(call->managed));
}

static void get_xml(ApiCall *call)
{
        const Managed *managed = call->managed;
        const char *text = managed->definition;

        if (managed->life && !(api_flag(call, "inactive") && managed->definition))
                text = managed->life->definition;
        if (!text)
                api_refuse(call, -ENOENT, _("Domain %s has no definition yet."), managed->name);
        else
                api_answer_text(call, "application/xml", strdup(text));
}

/* --- define and create ------------------------------------------------------------------------------ */

typedef struct Define {
        uv_work_t request;
        ApiCall *call;
        PrepareInput input;
        Prepared prepared;
        MusterError *error;
        int result;
        bool transient, start, paused;
} Define;

static void define_free(void *pointer)
{
        Define *define = pointer;

        prepare_input_clear(&define->input);
        prepared_clear(&define->prepared);
        muster_error_free(define->error);
        free(define);
}

static void on_prepare(uv_work_t *request)
{
        Define *define = request->data;

        define->result = prepare(&define->input, &define->prepared, &define->error);
}

/* The domain of this name and UUID: one that there is, or a new one. */
static int find_or_make(const Define *define, Managed **ret, MusterError **ret_error)
{
        Daemon *daemon = define->call->daemon;
        Managed *managed = daemon_find_name(daemon, define->prepared.name);

        if (managed && streq(managed->uuid, define->prepared.uuid)) {
                *ret = managed;
                return 0;
        }
        return managed_new(daemon, define->prepared.name, define->prepared.uuid, ret, ret_error);
}

static void on_defined(Operation *operation, void *userdata)
{
        ApiCall *call = userdata;
        const Define *define = call->data;
        const StartData data = {.paused = define->paused};

        if (operation->result < 0)
                api_fail(call, operation->result, operation->error, operation->faults);
        else
                api_submit_to(call, operation->managed, &op_start, &data, 201);
}

static json_object *with_faults(const Define *define)
{
        return define->prepared.faults ? json_object_get(define->prepared.faults) : NULL;
}

static void submit_define(Define *define, Managed *managed)
{
        const DefineData data = {.definition = TAKE(define->prepared.definition),
                                 .title = TAKE(define->prepared.title),
                                 .faults = with_faults(define)};
        int r;

        if (!define->start) {
                api_submit_to(define->call, managed, &op_define, &data, 201);
                return;
        }
        r = operation_submit(managed, &op_define, &data, on_defined, define->call);
        if (r < 0)
                api_fail(define->call, r, NULL, NULL);
}

static void after_prepare(uv_work_t *request, int status)
{
        Define *define = request->data;
        ApiCall *call = define->call;
        Managed *managed = NULL;
        int r = status < 0 ? status : define->result;

        call->daemon->counters.probes += define->prepared.probed;
        if (r >= 0)
                r = find_or_make(define, &managed, &define->error);
        if (r < 0) {
                api_fail(call, r, define->error, define->prepared.faults);
                return;
        }
        call->managed = managed_ref(managed);
        if (define->transient) {
                const StartData data = {.paused = define->paused,
                                        .definition = TAKE(define->prepared.definition)};

                api_submit_to(call, managed, &op_start, &data, 201);
        } else {
                submit_define(define, managed);
        }
}

static void post_domains(ApiCall *call)
{
        size_t size;
        const char *text = http_request_body(call->request, &size);
        Define *define = calloc(1, sizeof(*define));
        int r;

        if (!define) {
                api_fail(call, -ENOMEM, NULL, NULL);
                return;
        }
        call->data = define;
        call->free_data = define_free;
        define->call = call;
        define->request.data = define;
        define->transient = api_flag(call, "transient");
        define->start = api_flag(call, "start");
        define->paused = api_flag(call, "paused");
        r = start_input(call->daemon, text, http_request_query(call->request, "file") ?: _("<request>"),
                        api_flag(call, "validate") ? PREPARE_SCHEMA : 0, &define->input);
        if (r >= 0)
                r = uv_queue_work(call->daemon->loop, &define->request, on_prepare, after_prepare);
        if (r < 0)
                api_fail(call, r, NULL, NULL);
}

static void delete_domain(ApiCall *call)
{
        const UndefineData data = {.managed_save = api_flag(call, "managed-save"),
                                   .state = api_flag(call, "nvram") || api_flag(call, "state")};

        api_submit(call, &op_undefine, &data);
}

/* --- what is done to it ----------------------------------------------------------------------------- */

static void post_start(ApiCall *call)
{
        StartData data = {.paused = json_get_bool(call->body, "paused", false),
                          .force_boot = json_get_bool(call->body, "force-boot", false)};

        if (call->managed->managed_save && !data.force_boot) {
                data.restore_file = managed_save_path(call->managed);
                data.remove_saved = true;
        }
        api_submit(call, data.restore_file ? &op_restore : &op_start, &data);
}

static void post_destroy(ApiCall *call)
{
        const DestroyData data = {.graceful = json_get_bool(call->body, "graceful", false),
                                  .was_active = call->managed->life != NULL};

        api_submit(call, &op_destroy, &data);
}

static void submit_power(ApiCall *call, const OperationKind *kind)
{
        const char *mode = api_text(call, "mode");
        PowerData data = {};

        if (mode && !streq(mode, "acpi") && !streq(mode, "agent")) {
                api_refuse(call, -EINVAL, _("\"%s\" is no mode: give acpi or agent, or leave it out."),
                           mode);
                return;
        }
        if (mode)
                data.mode = streq(mode, "acpi") ? "acpi" : "agent";
        api_submit(call, kind, &data);
}

static void post_shutdown(ApiCall *call)
{
        submit_power(call, &op_shutdown);
}

static void post_reboot(ApiCall *call)
{
        submit_power(call, &op_reboot);
}

static void post_reset(ApiCall *call)
{
        api_submit(call, &op_reset, NULL);
}

static void post_suspend(ApiCall *call)
{
        api_submit(call, &op_suspend, NULL);
}

static void post_resume(ApiCall *call)
{
        api_submit(call, &op_resume, NULL);
}

static void put_autostart(ApiCall *call)
{
        const AutostartData data = {.autostart = json_get_bool(call->body, "autostart", true)};

        api_submit(call, &op_autostart, &data);
}

static void post_qmp(ApiCall *call)
{
        const char *command = api_text(call, "execute");
        json_object *arguments = json_get(call->body, "arguments", json_type_object);
        QmpData data = {};

        if (!command) {
                api_refuse(call, -EINVAL, _("Name the command: {\"execute\": \"query-status\"}."));
                return;
        }
        data.command = strdup(command);
        data.arguments = arguments ? json_object_get(arguments) : NULL;
        api_submit(call, &op_qmp, &data);
}

const ApiRoute api_domain_routes[] = {
        {"GET", "/v1/domains", HTTP_RIGHT_READ, API_BODY_NONE, get_domains, "state:string"},
        {"POST", "/v1/domains", HTTP_RIGHT_ALL, API_BODY_XML, post_domains,
         "transient:boolean start:boolean paused:boolean validate:boolean file:string"},
        {"GET", "/v1/domains/{domain}", HTTP_RIGHT_READ, API_BODY_NONE, get_domain},
        {"DELETE", "/v1/domains/{domain}", HTTP_RIGHT_ALL, API_BODY_NONE, delete_domain,
         "managed-save:boolean nvram:boolean state:boolean"},
        {"GET", "/v1/domains/{domain}/xml", HTTP_RIGHT_READ, API_BODY_NONE, get_xml, "inactive:boolean"},
        {"POST", "/v1/domains/{domain}/start", HTTP_RIGHT_ALL, API_BODY_JSON, post_start, NULL,
         "paused:boolean force-boot:boolean"},
        {"POST", "/v1/domains/{domain}/destroy", HTTP_RIGHT_ALL, API_BODY_JSON, post_destroy, NULL,
         "graceful:boolean"},
        {"POST", "/v1/domains/{domain}/shutdown", HTTP_RIGHT_ALL, API_BODY_JSON, post_shutdown, NULL,
         "mode:string"},
        {"POST", "/v1/domains/{domain}/reboot", HTTP_RIGHT_ALL, API_BODY_JSON, post_reboot, NULL,
         "mode:string"},
        {"POST", "/v1/domains/{domain}/reset", HTTP_RIGHT_ALL, API_BODY_JSON, post_reset},
        {"POST", "/v1/domains/{domain}/suspend", HTTP_RIGHT_ALL, API_BODY_JSON, post_suspend},
        {"POST", "/v1/domains/{domain}/resume", HTTP_RIGHT_ALL, API_BODY_JSON, post_resume},
        {"PUT", "/v1/domains/{domain}/autostart", HTTP_RIGHT_ALL, API_BODY_JSON, put_autostart, NULL,
         "autostart:boolean"},
        {"POST", "/v1/domains/{domain}/qmp", HTTP_RIGHT_ALL, API_BODY_JSON, post_qmp, NULL,
         "execute:string arguments:object"},
        {},
};
