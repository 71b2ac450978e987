/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of <graphics> share: graphics.c reads all types, the others plan one each. */

#include "domain/plan.h"

typedef enum GraphicsType {
        GRAPHICS_VNC,
        GRAPHICS_SPICE,
        GRAPHICS_SDL,
        GRAPHICS_EGL_HEADLESS,
        GRAPHICS_DBUS,
        _GRAPHICS_TYPES,
} GraphicsType;

typedef enum ListenType {
        LISTEN_ADDRESS,
        LISTEN_SOCKET,
        LISTEN_NONE,
} ListenType;

typedef enum SpiceOption {
        SPICE_IMAGE,
        SPICE_JPEG,
        SPICE_ZLIB,
        SPICE_PLAYBACK,
        SPICE_STREAMING,
        SPICE_MOUSE,
        SPICE_CLIPBOARD,
        SPICE_FILETRANSFER,
        _SPICE_OPTIONS,
} SpiceOption;

typedef struct Graphics {
        GraphicsType type;
        ListenType listen;
        XmlElement *listen_element; /* <listen>; NULL: there is none yet */
        char *address, *socket;     /* NULL: not given */
        bool autoport;
        uint64_t port;      /* 0: not given */
        uint64_t websocket; /* 0: none; UINT64_MAX: the display's number plus 5700 */
        char *keymap;
        bool has_password;
        int share;                 /* index in the words of sharePolicy; -1: not said */
        int power_control;         /* -1: not said */
        int gl;                    /* -1: not said */
        char *rendernode;          /* NULL: not said */
        uint64_t audio;            /* 0: not said */
        int spice[_SPICE_OPTIONS]; /* indices in their words; -1: not said */
        XmlElement *channels[16];  /* <channel> of a mode other than any */
        size_t n_channels;
        bool fullscreen, p2p;
        char *dbus_address;
} Graphics;

static inline const Graphics *graphics_of(const Part *part)
{
        return part->data;
}

/* What <image compression=…> and its like say, and what of it goes where. */
void graphics_read_spice(Domain *domain, Part *part);

int graphics_plan_vnc(Plan *plan, Part *part);
int graphics_plan_spice(Plan *plan, Part *part);
int graphics_plan_display(Plan *plan, Part *part);

/* Adds "password-secret", and the object that reads it from a file of the domain's own: an argument would
 * show it to everybody on the host. */
int graphics_plan_password(Plan *plan, const Part *part, const char *name, json_object *options);

/* Adds "audiodev". */
int graphics_plan_audio(Plan *plan, const Part *part, json_object *options);

/* "*ret_path": the socket that was given, or one of the domain's own, which will be made. */
int graphics_plan_socket(Plan *plan, const Part *part, const char *file, char **ret_path);
