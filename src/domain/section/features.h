/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <features>: ACPI, APIC, Hyper-V enlightenments, SMM, GIC, … */

#include "domain/part.h"

extern const PartKind section_features;

bool features_acpi(const Domain *domain);
bool features_smm(const Domain *domain);
