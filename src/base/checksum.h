/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * FNV-1a, 64 bits: against damage and for file names, where what is small and read often must not cost the
 * loading of libcrypto. Each step is a bijection of the state, so any single changed byte changes the
 * result. It keeps no attacker out: whose file it is does (store/dir.h).
 */
uint64_t checksum64(const void *data, size_t size);
uint64_t checksum64_text(const char *text);
