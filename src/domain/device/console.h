/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * <console>: a virtio console, or the first serial port under another name, as libvirt has it. The first
 * <console> without another target type stands for the first <serial>; where one of the two is missing it is
 * added. Such a twin adds nothing to the plan.
 */

#include "domain/part.h"

extern const PartKind device_console;
