/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/audio.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/audio-private.h"
#include "domain/device/graphics.h"
#include "domain/plan.h"
#include "domain/value.h"

static const Part *find(const Domain *domain, uint64_t id)
{
        for (Part *part = NULL; (part = domain_next(domain, &device_audio, part));)
                if (id == 0 || ((const Audio *)part->data)->id == id)
                        return part;
        return NULL;
}

const char *audio_id(const Domain *domain, unsigned id)
{
        const Part *part = find(domain, id);

        return part ? part->alias : NULL;
}

static int read_audio(Domain *domain, Part *part)
{
        Audio *audio = part->data;
        uint64_t id = 0;

        if (read_uint(domain->xml, part->element, "id", UINT32_MAX, &id) > 0 && id == 0)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "id", _("IDs of <audio> begin with 1."));
        if (id > 0 && find(domain, id))
                xml_fault(domain->xml, FAULT_ERROR, part->element, "id",
                          _("Two <audio> have the ID %llu; give one of them another."),
                          (unsigned long long)id);
        audio->id = id;
        return audio_read_backend(domain, part, audio);
}

/* Every emulator has one that goes nowhere, and then what asks for a backend by habit finds one. */
static int imply(Domain *domain)
{
        XmlElement *element;
        int r;

        if (domain_next(domain, &device_audio, NULL))
                return 0;
        r = domain_new_element(domain, "audio", &element);
        if (r >= 0)
                r = xml_set(element, "id", "1");
        if (r >= 0)
                r = xml_set(element, "type", graphics_audio(domain));
        return r < 0 ? r : domain_add_device(domain, element, /* ret= */ NULL);
}

static int64_t id_of(const Part *part, int which)
{
        return (int64_t)((const Audio *)part->data)->id;
}

static int complete(Domain *domain, Part *part)
{
        Audio *audio = part->data;

        if (audio->id == 0)
                audio->id = domain_free_number(domain, &device_audio, /* least= */ 1, id_of, /* which= */ 0);
        if (!part->alias)
                part->alias = text_format("audio%llu", (unsigned long long)audio->id);
        if (!part->alias)
                return -ENOMEM;
        if (streq(audio->driver, "spice") && !graphics_spice(domain))
                xml_fault(domain->xml, FAULT_ERROR, part->element, "type",
                          _("Sound goes to SPICE, but there is none; add <graphics type='spice'>, or give "
                            "another type."));
        if (streq(audio->driver, "dbus") && !streq(graphics_audio(domain), "dbus"))
                xml_fault(domain->xml, FAULT_ERROR, part->element, "type",
                          _("Sound goes to D-Bus, but no display does; add <graphics type='dbus'>, or give "
                            "another type."));
        return xml_setf(part->element, "id", "%llu", (unsigned long long)audio->id);
}

/* Which backends were built in shows in the schema since 8.0 only; macOS's never is where muster runs. */
static void check_driver(Plan *plan, const Part *part, const char *driver)
{
        CLEANUP(free) char *path = text_format("query-audiodevs/ret-type/+%s", driver);
        bool listed = domain_schema_has(plan->domain, "query-audiodevs");

        if (!path) {
                plan->domain->faults->out_of_memory = true;
                return;
        }
        if (listed ? !domain_schema_has(plan->domain, path) : streq(driver, "coreaudio"))
                plan_fault(plan, part->element, "type",
                           _("%s has no audio backend \"%s\": nothing is at %s; take another type, or "
                             "another emulator."),
                           domain_emulator_text(plan->domain), driver, path);
}

static int plan(Plan *plan, Part *part)
{
        const Audio *audio = part->data;
        CLEANUP(json) json_object *audiodev = json_object_new_object();

        check_driver(plan, part, audio->driver);
        if (!audiodev || json_add_string(audiodev, "id", part->alias) < 0 ||
            json_add_string(audiodev, "driver", audio->driver) < 0)
                return -ENOMEM;
        json_object_object_foreach (audio->settings, key, value) {
                if (json_add(audiodev, key, json_object_get(value)) < 0)
                        return -ENOMEM;
        }
        return plan_properties(plan, part, "-audiodev", TAKE(audiodev));
}

static void clear(Part *part)
{
        Audio *audio = part->data;

        json_object_put(audio->settings);
}

const PartKind device_audio = {
        .name = "audio",
        .size = sizeof(Audio),
        .read = read_audio,
        .imply = imply,
        .complete = complete,
        .plan = plan,
        .clear = clear,
};
