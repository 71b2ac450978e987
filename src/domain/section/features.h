/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* <features>: ACPI, APIC, Hyper-V enlightenments, SMM, GIC, … */

#include "base/json.h"
#include "domain/part.h"

extern const PartKind section_features;

bool features_acpi(const Domain *domain);
bool features_smm(const Domain *domain);

/* Interrupts are routed by the emulator (<ioapic driver='qemu'/>), as remapping by an IOMMU needs it. */
bool features_irqchip_split(const Domain *domain);

/* What belongs to `-machine`, to `-accel`, and behind the model in `-cpu`: words without comma. */
int features_add_machine(const Domain *domain, json_object *machine);
int features_add_accel(const Domain *domain, json_object *accel);
int features_add_cpu_words(const Domain *domain, char ***words);
