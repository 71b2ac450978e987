/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* conf/openapi.json, made C by openapi-source.py. */
extern const unsigned char openapi_text[];
extern const unsigned openapi_size;
