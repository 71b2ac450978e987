/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/audio-private.h"
#include "domain/value.h"

/*
 * The names that libvirt's attributes have in QEMU's schema (Audiodev, AudiodevPerDirectionOptions and the
 * backends' own). What QEMU takes from its environment (SDL_AUDIODRIVER, PIPEWIRE_RUNTIME_DIR) cannot be
 * given by an argument; it stays unknown.
 */

typedef enum SettingType {
        SETTING_TEXT,
        SETTING_NUMBER,
        SETTING_SWITCH,
} SettingType;

typedef struct Setting {
        const char *attribute, *name;
        SettingType type;
} Setting;

typedef struct Backend {
        const char *type, *driver; /* libvirt's word and QEMU's */
        const Setting *own, *direction;
} Backend;

static const Setting common[] = {{"timerPeriod", "timer-period", SETTING_NUMBER}, {0}};
static const Setting common_direction[] = {{"mixingEngine", "mixing-engine", SETTING_SWITCH},
                                           {"fixedSettings", "fixed-settings", SETTING_SWITCH},
                                           {"voices", "voices", SETTING_NUMBER},
                                           {"bufferLength", "buffer-length", SETTING_NUMBER},
                                           {0}};
static const Setting format[] = {{"frequency", "frequency", SETTING_NUMBER},
                                 {"channels", "channels", SETTING_NUMBER},
                                 {"format", "format", SETTING_TEXT},
                                 {0}};

static const Setting none[] = {{0}};
static const Setting alsa_direction[] = {
        {"dev", "dev", SETTING_TEXT}, {"tryPoll", "try-poll", SETTING_SWITCH}, {0}};
static const Setting jack_direction[] = {{"serverName", "server-name", SETTING_TEXT},
                                         {"clientName", "client-name", SETTING_TEXT},
                                         {"connectPorts", "connect-ports", SETTING_TEXT},
                                         {"exactName", "exact-name", SETTING_SWITCH},
                                         {0}};
static const Setting oss[] = {{"tryMMap", "try-mmap", SETTING_SWITCH},
                              {"exclusive", "exclusive", SETTING_SWITCH},
                              {"dspPolicy", "dsp-policy", SETTING_NUMBER},
                              {0}};
static const Setting oss_direction[] = {{"dev", "dev", SETTING_TEXT},
                                        {"bufferCount", "buffer-count", SETTING_NUMBER},
                                        {"tryPoll", "try-poll", SETTING_SWITCH},
                                        {0}};
static const Setting pulse[] = {{"serverName", "server", SETTING_TEXT}, {0}};
static const Setting stream_direction[] = {{"name", "name", SETTING_TEXT},
                                           {"streamName", "stream-name", SETTING_TEXT},
                                           {"latency", "latency", SETTING_NUMBER},
                                           {0}};
static const Setting sdl_direction[] = {{"bufferCount", "buffer-count", SETTING_NUMBER}, {0}};
static const Setting file[] = {{"path", "path", SETTING_TEXT}, {0}};

static const Backend backends[] = {
        {"none", "none", none, none},
        {"alsa", "alsa", none, alsa_direction},
        {"coreaudio", "coreaudio", none, none},
        {"dbus", "dbus", none, none},
        {"file", "wav", file, none},
        {"jack", "jack", none, jack_direction},
        {"oss", "oss", oss, oss_direction},
        {"pipewire", "pipewire", none, stream_direction},
        {"pulseaudio", "pa", pulse, stream_direction},
        {"sdl", "sdl", none, sdl_direction},
        {"spice", "spice", none, none},
};

static int read_setting(Domain *domain, XmlElement *element, const Setting *setting, json_object *into)
{
        const char *text;
        uint64_t number;
        bool on;

        switch (setting->type) {
        case SETTING_TEXT:
                text = xml_attribute(element, setting->attribute);
                return text ? json_add_string(into, setting->name, text) : 0;
        case SETTING_NUMBER:
                if (read_uint(domain->xml, element, setting->attribute, UINT32_MAX, &number) <= 0)
                        return 0;
                return json_add_int(into, setting->name, (int64_t)number);
        case SETTING_SWITCH:
                if (read_switch(domain->xml, element, setting->attribute, &on) <= 0)
                        return 0;
                return json_add_bool(into, setting->name, on);
        }
        return 0;
}

static int read_settings(Domain *domain, XmlElement *element, const Setting *settings, json_object *into)
{
        int r = 0;

        for (; r >= 0 && settings->attribute; settings++)
                r = read_setting(domain, element, settings, into);
        return r;
}

static void check_format(Domain *domain, XmlElement *element)
{
        static const char *const formats[] = {"u8", "s8", "u16", "s16", "u32", "s32", "f32", NULL};
        int found;

        read_word(domain->xml, element, "format", formats, &found);
}

/* <input> and <output> are "in" and "out". */
static int read_direction(Domain *domain, Part *part, const Backend *backend, const char *name,
                          json_object *into)
{
        XmlElement *element = xml_child(part->element, name), *settings;
        CLEANUP(json) json_object *direction = json_object_new_object();
        int r;

        if (!direction)
                return -ENOMEM;
        if (!element)
                return 0;
        r = read_settings(domain, element, common_direction, direction);
        if (r >= 0)
                r = read_settings(domain, element, backend->direction, direction);
        settings = xml_child(element, "settings");
        if (r >= 0 && settings) {
                check_format(domain, settings);
                r = read_settings(domain, settings, format, direction);
        }
        if (r < 0 || json_object_object_length(direction) == 0)
                return r;
        return json_add(into, streq(name, "input") ? "in" : "out", TAKE(direction));
}

static const Backend *find_backend(Domain *domain, Part *part)
{
        const char *type = xml_attribute(part->element, "type");

        for (size_t i = 0; type && i < ELEMENTSOF(backends); i++)
                if (streq(backends[i].type, type))
                        return &backends[i];
        xml_fault(domain->xml, FAULT_ERROR, part->element, "type",
                  _("Sound goes to one of none, alsa, dbus, file, jack, oss, pipewire, pulseaudio, sdl, "
                    "spice; "
                    "give one of these as type."));
        xml_mark_all(part->element);
        return NULL;
}

int audio_read_backend(Domain *domain, Part *part, Audio *audio)
{
        const Backend *backend = find_backend(domain, part);
        int r;

        audio->settings = json_object_new_object();
        if (!audio->settings)
                return -ENOMEM;
        if (!backend)
                return 0;
        audio->driver = backend->driver;
        r = read_settings(domain, part->element, common, audio->settings);
        if (r >= 0)
                r = read_settings(domain, part->element, backend->own, audio->settings);
        if (r >= 0)
                r = read_direction(domain, part, backend, "input", audio->settings);
        return r < 0 ? r : read_direction(domain, part, backend, "output", audio->settings);
}
