/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

/*
 * As muster_emulators_find(), in these folders only, which are searched in order: `only_kvm` are folders for
 * programs that are not for users, of which no name but qemu-kvm is looked at. Either may be NULL.
 */
int find_emulators(char *const *folders, char *const *only_kvm, char ***ret_paths, MusterError **ret_error);

/* As muster_emulator_default(), for a machine as uname() names it. */
int find_default(const char *machine, char *const *folders, char *const *only_kvm, char **ret_path,
                 MusterError **ret_error);

/* The installed emulator of a target ("aarch64"); of the host's own as muster_emulator_default(). -ENOENT.
 */
int find_for_target(const char *target, char **ret_path, MusterError **ret_error);
