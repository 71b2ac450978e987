/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain/device/sound.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/util.h"
#include "domain/device/audio.h"
#include "domain/section/os.h"
#include "domain/value.h"
#include "domain/virtio.h"

#define CODECS_MAX 15 /* addresses of one HDA bus */

typedef enum SoundModel {
        SOUND_ICH6,
        SOUND_ICH9,
        SOUND_AC97,
        SOUND_ES1370,
        SOUND_SB16,
        SOUND_USB,
        SOUND_PCSPK,
        SOUND_VIRTIO,
        _SOUND_MODELS,
} SoundModel;

typedef enum Codec {
        CODEC_DUPLEX,
        CODEC_MICRO,
        CODEC_OUTPUT,
} Codec;

typedef struct Sound {
        SoundModel model;
        Codec codecs[CODECS_MAX];
        size_t n_codecs;
        XmlElement *audio_element;
        uint64_t audio;   /* 0: the first one */
        int multichannel; /* -1: not said */
        bool has_streams;
        uint64_t streams; /* of virtio */
        VirtioOptions virtio;
} Sound;

static const char *const drivers[_SOUND_MODELS] = {
        [SOUND_ICH6] = "intel-hda", [SOUND_ICH9] = "ich9-intel-hda", [SOUND_AC97] = "AC97",
        [SOUND_ES1370] = "ES1370",  [SOUND_SB16] = "sb16",           [SOUND_USB] = "usb-audio",
};

static bool has_codecs(const Sound *sound)
{
        return sound->model == SOUND_ICH6 || sound->model == SOUND_ICH9;
}

const char *sound_pc_speaker(const Domain *domain)
{
        for (Part *part = NULL; (part = domain_next(domain, &device_sound, part));) {
                const Sound *sound = part->data;

                if (sound->model == SOUND_PCSPK)
                        return audio_id(domain, (unsigned)sound->audio);
        }
        return NULL;
}

static void read_codecs(Domain *domain, Part *part)
{
        static const char *const types[] = {"duplex", "micro", "output", NULL};
        Sound *sound = part->data;

        if (!has_codecs(sound))
                return;
        for (XmlElement *codec = NULL; (codec = xml_next(part->element, "codec", codec));) {
                int type = CODEC_DUPLEX;

                if (read_word(domain->xml, codec, "type", types, &type) < 0)
                        continue;
                if (sound->n_codecs == CODECS_MAX) {
                        xml_fault(domain->xml, FAULT_ERROR, codec, /* attribute= */ NULL,
                                  _("A sound card has %d codecs at most; add another <sound>."), CODECS_MAX);
                        return;
                }
                sound->codecs[sound->n_codecs++] = (Codec)type;
        }
}

static void read_models_own(Domain *domain, Part *part)
{
        Sound *sound = part->data;
        bool value;

        sound->multichannel = -1;
        if (sound->model == SOUND_USB && read_switch(domain->xml, part->element, "multichannel", &value) > 0)
                sound->multichannel = value;
        if (sound->model == SOUND_VIRTIO)
                sound->has_streams =
                        read_uint(domain->xml, part->element, "streams", 64, &sound->streams) > 0;
        virtio_read(domain, sound->model == SOUND_VIRTIO ? xml_child(part->element, "driver") : NULL,
                    &sound->virtio);
}

static int read_sound(Domain *domain, Part *part)
{
        static const char *const models[] = {"ich6", "ich9",  "ac97",   "es1370", "sb16",
                                             "usb",  "pcspk", "virtio", NULL};
        Sound *sound = part->data;
        int model = SOUND_ICH6;

        if (read_word(domain->xml, part->element, "model", models, &model) == 0)
                xml_fault(domain->xml, FAULT_ERROR, part->element, "model",
                          _("Which card shall it be? Give model='ich9', or another of ich6, ac97, es1370, "
                            "sb16, usb, pcspk, virtio."));
        sound->model = (SoundModel)model;
        read_codecs(domain, part);
        read_models_own(domain, part);
        sound->audio_element = xml_child(part->element, "audio");
        if (sound->audio_element)
                read_uint(domain->xml, sound->audio_element, "id", UINT32_MAX, &sound->audio);
        return 0;
}

static int complete(Domain *domain, Part *part)
{
        const Sound *sound = part->data;

        switch (sound->model) {
        case SOUND_USB:
                return place_want_usb(domain, part);
        case SOUND_VIRTIO:
                return virtio_want_place(domain, part, VIRTIO_PLAIN, /* hotplug= */ false);
        case SOUND_SB16:
        case SOUND_PCSPK:
                if (!os_is_x86(domain))
                        xml_fault(
                                domain->xml, FAULT_ERROR, part->element, "model",
                                _("That is a part of PCs, which this machine is not; take usb or virtio."));
                return 0;
        case SOUND_ICH9:
                return place_want_pci(domain, part, PCI_PLUG_CONVENTIONAL, PCI_PART_ICH9_SOUND,
                                      /* hotplug= */ false);
        default:
                return place_want_pci(domain, part, PCI_PLUG_CONVENTIONAL, PCI_PART_NONE,
                                      /* hotplug= */ false);
        }
}

static int check(Domain *domain, Part *part)
{
        const Sound *sound = part->data;

        if (!audio_id(domain, (unsigned)sound->audio))
                xml_fault(domain->xml, FAULT_ERROR, sound->audio_element ?: part->element, "id",
                          _("There is no <audio> with the ID %llu; add it, or name another."),
                          (unsigned long long)sound->audio);
        return 0;
}

static int add_audio(const Plan *plan, const Sound *sound, json_object *device)
{
        return json_add_string(device, "audiodev", audio_id(plan->domain, (unsigned)sound->audio));
}

static int plan_codec(Plan *plan, const Part *part, size_t number, Codec type)
{
        static const char *const types[] = {"hda-duplex", "hda-micro", "hda-output"};
        CLEANUP(json) json_object *codec = json_object_new_object();
        int r;

        if (!codec || json_add_string(codec, "driver", types[type]) < 0 ||
            json_add_stringf(codec, "id", "%s-codec%zu", part->alias, number) < 0 ||
            json_add_stringf(codec, "bus", "%s.0", part->alias) < 0 ||
            json_add_int(codec, "cad", (int64_t)number) < 0)
                return -ENOMEM;
        r = add_audio(plan, part->data, codec);
        return r < 0 ? r : plan_properties(plan, part, "-device", TAKE(codec));
}

static int plan_codecs(Plan *plan, const Part *part)
{
        const Sound *sound = part->data;
        int r = 0;

        if (sound->n_codecs == 0)
                return plan_codec(plan, part, 0, CODEC_DUPLEX);
        for (size_t i = 0; r >= 0 && i < sound->n_codecs; i++)
                r = plan_codec(plan, part, i, sound->codecs[i]);
        return r;
}

static int plan_virtio(Plan *plan, const Part *part)
{
        const Sound *sound = part->data;
        CLEANUP(json) json_object *device = NULL;
        int r;

        device = virtio_device(plan, part, "virtio-sound", VIRTIO_PLAIN, &sound->virtio, &r);
        if (!device)
                return r;
        if (sound->has_streams)
                r = json_add_int(device, "streams", (int64_t)sound->streams);
        if (r >= 0)
                r = add_audio(plan, sound, device);
        return r < 0 ? r : plan_device(plan, part, TAKE(device));
}

static int plan(Plan *plan, Part *part)
{
        const Sound *sound = part->data;
        const char *driver = drivers[sound->model];
        CLEANUP(json) json_object *device = NULL;
        int r;

        if (sound->model == SOUND_VIRTIO)
                return plan_virtio(plan, part);
        if (!driver)
                return 0;
        if (!domain_has_type(plan->domain, driver)) {
                plan_fault(plan, part->element, "model",
                           _("%s has no device '%s'; take another model, or another emulator."),
                           domain_emulator_text(plan->domain), driver);
                return 0;
        }
        device = json_object_new_object();
        r = device ? json_add_string(device, "driver", driver) : -ENOMEM;
        if (r >= 0 && sound->multichannel >= 0)
                r = json_add_bool(device, "multi", sound->multichannel != 0);
        if (r >= 0 && !has_codecs(sound))
                r = add_audio(plan, sound, device);
        if (r >= 0)
                r = plan_device(plan, part, TAKE(device));
        return r < 0 || !has_codecs(sound) ? r : plan_codecs(plan, part);
}

const PartKind device_sound = {
        .name = "sound",
        .alias = "sound",
        .flags = PART_ADDRESS,
        .places = 1 << PLACE_PCI | 1 << PLACE_USB | 1 << PLACE_ISA | 1 << PLACE_VIRTIO_MMIO,
        .size = sizeof(Sound),
        .read = read_sound,
        .complete = complete,
        .check = check,
        .plan = plan,
};
