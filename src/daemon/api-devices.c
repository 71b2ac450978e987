/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/api.h"

const ApiRoute api_device_routes[] = {
        {},
};
