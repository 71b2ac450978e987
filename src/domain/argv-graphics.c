/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "domain/argv-private.h"

/* Displays, and the sound that goes with them. */

static void map_spice(ArgvMap *map)
{
        static const char *const choices[][3] = {{"image-compression", "image", "compression"},
                                                 {"jpeg-wan-compression", "jpeg", "compression"},
                                                 {"zlib-glz-wan-compression", "zlib", "compression"},
                                                 {"playback-compression", "playback", "compression"},
                                                 {"streaming-video", "streaming", "mode"}};
        ArgvOption *spice = argv_next(map->argv, "spice", NULL);
        XmlElement *graphics, *listen;

        if (!spice)
                return;
        graphics = argv_element(map, map->devices, "graphics");
        argv_set(map, graphics, "type", "spice");
        if (argv_take_if(map, spice, "unix", "on")) {
                listen = argv_element(map, graphics, "listen");
                argv_set(map, listen, "type", "socket");
                argv_move(map, spice, "addr", listen, "socket");
        } else if (argv_get(spice, "port") || argv_get(spice, "tls-port")) {
                argv_move(map, spice, "port", graphics, "port");
                argv_move(map, spice, "tls-port", graphics, "tlsPort");
                argv_set(map, graphics, "autoport", "no");
                listen = argv_element(map, graphics, "listen");
                argv_set(map, listen, "type", "address");
                argv_move(map, spice, "addr", listen, "address");
        } else {
                argv_set(map, argv_element(map, graphics, "listen"), "type", "none");
        }
        for (size_t i = 0; i < ELEMENTSOF(choices); i++)
                if (argv_get(spice, choices[i][0]))
                        argv_move(map, spice, choices[i][0], argv_element(map, graphics, choices[i][1]),
                                  choices[i][2]);
        if (argv_take_if(map, spice, "disable-copy-paste", "on"))
                argv_set(map, argv_element(map, graphics, "clipboard"), "copypaste", "no");
        if (argv_take_if(map, spice, "disable-agent-file-xfer", "on"))
                argv_set(map, argv_element(map, graphics, "filetransfer"), "enable", "no");
        if (argv_take_if(map, spice, "gl", "on")) {
                listen = argv_element(map, graphics, "gl");
                argv_set(map, listen, "enable", "yes");
                argv_move(map, spice, "rendernode", listen, "rendernode");
        }
        (void)argv_take_if(map, spice, "disable-ticketing", "on");
        (void)argv_take_if(map, spice, "seamless-migration", "on");
}

/* "127.0.0.1:0", ":1", "unix:/path" */
static void map_vnc(ArgvMap *map)
{
        ArgvOption *vnc = argv_next(map->argv, "vnc", NULL);
        const char *text = vnc ? argv_get(vnc, "vnc") : NULL,
                   *path = text ? startswith(text, "unix:") : NULL,
                   *colon = text ? strrchr(text, ':') : NULL;
        ArgvOption *keymap = argv_next(map->argv, "k", NULL);
        XmlElement *graphics, *listen;
        unsigned long display;
        char *end;

        if (!text || !colon || streq(text, "none"))
                return;
        graphics = argv_element(map, map->devices, "graphics");
        argv_set(map, graphics, "type", "vnc");
        listen = argv_element(map, graphics, "listen");
        if (path) {
                argv_set(map, listen, "type", "socket");
                argv_set(map, listen, "socket", path);
        } else {
                display = strtoul(colon + 1, &end, 10);
                if (*end || display > 60000)
                        return;
                argv_setf(map, graphics, "port", "%lu", 5900 + display);
                argv_set(map, graphics, "autoport", "no");
                argv_set(map, listen, "type", "address");
                argv_setf(map, listen, "address", "%.*s", colon == text ? 7 : (int)(colon - text),
                          colon == text ? "0.0.0.0" : text);
        }
        (void)argv_take(map, vnc, "vnc");
        (void)argv_take(map, vnc, "to");
        if (keymap)
                argv_set(map, graphics, "keymap", argv_take(map, keymap, ""));
        if (startswith(argv_get(vnc, "audiodev") ?: "", "audio")) {
                argv_set(map, argv_element(map, graphics, "audio"), "id",
                         argv_get(vnc, "audiodev") + strlen("audio"));
                (void)argv_take(map, vnc, "audiodev");
        }
}

static void map_display(ArgvMap *map)
{
        ArgvOption *display = argv_next(map->argv, "display", NULL);
        XmlElement *graphics;

        if (!display)
                return;
        if (argv_take_if(map, display, "type", "none"))
                return;
        if (!streq_ptr(argv_get(display, "type"), "egl-headless"))
                return;
        (void)argv_take(map, display, "type");
        graphics = argv_element(map, map->devices, "graphics");
        argv_set(map, graphics, "type", "egl-headless");
        if (argv_get(display, "rendernode"))
                argv_move(map, display, "rendernode", argv_element(map, graphics, "gl"), "rendernode");
}

static void map_audiodevs(ArgvMap *map)
{
        static const char *const types[] = {"none", "spice", "alsa", "pa", "oss", "sdl", "jack"};

        for (ArgvOption *audio = NULL; (audio = argv_next(map->argv, "audiodev", audio));) {
                const char *id = startswith(argv_get(audio, "id") ?: "", "audio"),
                           *driver = argv_get(audio, "driver");

                for (size_t i = 0; id && driver && i < ELEMENTSOF(types); i++)
                        if (streq(driver, types[i])) {
                                XmlElement *element = argv_element(map, map->devices, "audio");

                                argv_set(map, element, "id", id);
                                argv_set(map, element, "type", streq(driver, "pa") ? "pulseaudio" : driver);
                                (void)argv_take(map, audio, "id");
                                (void)argv_take(map, audio, "driver");
                                break;
                        }
        }
}

static void map_video(ArgvMap *map)
{
        static const char *const cards[][3] = {{"VGA", "vga", "yes"},
                                               {"qxl-vga", "qxl", "yes"},
                                               {"qxl", "qxl", "no"},
                                               {"cirrus-vga", "cirrus", "yes"},
                                               {"virtio-vga", "virtio", "yes"},
                                               {"vmware-svga", "vmvga", "yes"},
                                               {"virtio-vga-gl", "virtio", "yes"},
                                               {"bochs-display", "bochs", "yes"},
                                               {"ramfb", "ramfb", "yes"},
                                               {"virtio-gpu-pci", "virtio", NULL}};
        bool found = false;

        for (ArgvOption *device = NULL; (device = argv_next(map->argv, "device", device));) {
                const char *driver = argv_get(device, "driver");

                for (size_t i = 0; driver && i < ELEMENTSOF(cards); i++) {
                        XmlElement *video, *model;
                        uint64_t bytes;

                        if (!streq(driver, cards[i][0]))
                                continue;
                        video = argv_element(map, map->devices, "video");
                        model = argv_element(map, video, "model");
                        argv_set(map, model, "type", cards[i][1]);
                        if (streq(driver, "qxl"))
                                argv_set(map, model, "primary", "no");
                        argv_move(map, device, "max_outputs", model, "heads");
                        bytes = strtoull(argv_get(device, "ram_size") ?: "0", NULL, 10);
                        if (bytes) {
                                argv_setf(map, model, "ram", "%llu", (unsigned long long)bytes / 1024);
                                (void)argv_take(map, device, "ram_size");
                        }
                        bytes = strtoull(argv_get(device, "vram_size") ?: "0", NULL, 10);
                        if (bytes) {
                                argv_setf(map, model, "vram", "%llu", (unsigned long long)bytes / 1024);
                                (void)argv_take(map, device, "vram_size");
                        }
                        bytes = strtoull(argv_get(device, "vgamem_mb") ?: "0", NULL, 10);
                        if (bytes) {
                                argv_setf(map, model, streq(cards[i][1], "qxl") ? "vgamem" : "vram", "%llu",
                                          (unsigned long long)bytes * 1024);
                                (void)argv_take(map, device, "vgamem_mb");
                        }
                        bytes = strtoull(argv_get(device, "vram64_size_mb") ?: "0", NULL, 10);
                        if (bytes || argv_get(device, "vram64_size_mb")) {
                                argv_setf(map, model, "vram64", "%llu", (unsigned long long)bytes * 1024);
                                (void)argv_take(map, device, "vram64_size_mb");
                        }
                        if (streq(driver, "virtio-vga-gl"))
                                argv_set(map, argv_element(map, model, "acceleration"), "accel3d", "yes");
                        (void)argv_take(map, device, "driver");
                        argv_common(map, device, video);
                        found = true;
                        break;
                }
        }
        if (!found)
                argv_set(map, argv_element(map, argv_element(map, map->devices, "video"), "model"), "type",
                         "none");
}

static void take_codecs(ArgvMap *map, ArgvOption *card, XmlElement *sound)
{
        static const char *const codecs[][2] = {
                {"hda-duplex", "duplex"}, {"hda-micro", "micro"}, {"hda-output", "output"}};
        const char *id = argv_get(card, "id");
        CLEANUP(free) char *bus = id ? text_format("%s.0", id) : NULL;

        for (ArgvOption *codec = NULL; bus && (codec = argv_next(map->argv, "device", codec));)
                for (size_t i = 0; i < ELEMENTSOF(codecs); i++)
                        if (streq_ptr(argv_get(codec, "driver"), codecs[i][0]) &&
                            streq_ptr(argv_get(codec, "bus"), bus)) {
                                argv_set(map, argv_element(map, sound, "codec"), "type", codecs[i][1]);
                                (void)argv_take(map, codec, "driver");
                                (void)argv_take(map, codec, "bus");
                                (void)argv_take(map, codec, "id");
                                (void)argv_take(map, codec, "cad");
                                if (startswith(argv_get(codec, "audiodev") ?: "", "audio")) {
                                        argv_set(map, argv_ensure(map, sound, "audio"), "id",
                                                 argv_get(codec, "audiodev") + strlen("audio"));
                                        (void)argv_take(map, codec, "audiodev");
                                }
                                break;
                        }
}

static void map_sound(ArgvMap *map)
{
        static const char *const cards[][2] = {{"ich9-intel-hda", "ich9"}, {"intel-hda", "ich6"},
                                               {"AC97", "ac97"},           {"ES1370", "es1370"},
                                               {"sb16", "sb16"},           {"usb-audio", "usb"}};

        for (ArgvOption *device = NULL; (device = argv_next(map->argv, "device", device));)
                for (size_t i = 0; i < ELEMENTSOF(cards); i++) {
                        XmlElement *sound;

                        if (!streq_ptr(argv_get(device, "driver"), cards[i][0]))
                                continue;
                        sound = argv_element(map, map->devices, "sound");
                        argv_set(map, sound, "model", cards[i][1]);
                        take_codecs(map, device, sound);
                        if (startswith(argv_get(device, "audiodev") ?: "", "audio")) {
                                argv_set(map, argv_ensure(map, sound, "audio"), "id",
                                         argv_get(device, "audiodev") + strlen("audio"));
                                (void)argv_take(map, device, "audiodev");
                        }
                        (void)argv_take(map, device, "driver");
                        argv_common(map, device, sound);
                        break;
                }
}

void argv_map_graphics(ArgvMap *map)
{
        map_audiodevs(map);
        map_spice(map);
        map_vnc(map);
        map_display(map);
        map_video(map);
        map_sound(map);
}
