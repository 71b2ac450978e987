/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

#define DIGEST_HEX_SIZE 65 /* SHA-256 in lower-case hex, and NUL */

/*
 * SHA-256 of what `fd` holds from its start, which must be a regular file; the file offset is untouched.
 * Blocking and thread-safe. -EINVAL if it is no regular file, -ENOPKG where libcrypto is missing, else what
 * the reads failed with. The first call of a process loads libcrypto.
 */
int digest_fd(int fd, char ret_hex[static DIGEST_HEX_SIZE]);

int digest_bytes(const void *data, size_t size, char ret_hex[static DIGEST_HEX_SIZE]);
