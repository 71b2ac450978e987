/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of <features> share. */

#include <stdint.h>

#include "domain/section/features.h"
#include "domain/xml.h"

/* Those that are on, off, or not said (-1). */
typedef enum Switch {
        SWITCH_PMU,
        SWITCH_VMPORT,
        SWITCH_SMM,
        SWITCH_PVSPINLOCK,
        SWITCH_HTM,
        SWITCH_NESTED_HV,
        SWITCH_CCF_ASSIST,
        SWITCH_RAS,
        SWITCH_VMCOREINFO,
        _SWITCHES,
} Switch;

/* Those that are one of some words, or not said (-1). */
typedef enum Choice {
        CHOICE_CFPC,
        CHOICE_SBBC,
        CHOICE_IBS,
        CHOICE_HPT,
        CHOICE_GIC,
        CHOICE_IOAPIC,
        CHOICE_AIA,
        _CHOICES,
} Choice;

typedef enum HypervFlag {
        HYPERV_RELAXED,
        HYPERV_VAPIC,
        HYPERV_SPINLOCKS,
        HYPERV_VPINDEX,
        HYPERV_RUNTIME,
        HYPERV_SYNIC,
        HYPERV_STIMER,
        HYPERV_RESET,
        HYPERV_VENDOR_ID,
        HYPERV_FREQUENCIES,
        HYPERV_REENLIGHTENMENT,
        HYPERV_TLBFLUSH,
        HYPERV_IPI,
        HYPERV_EVMCS,
        HYPERV_AVIC,
        HYPERV_EMSR_BITMAP,
        HYPERV_XMM_INPUT,
        _HYPERV_FLAGS,
} HypervFlag;

typedef struct Hyperv {
        XmlElement *element; /* NULL: not there */
        bool passthrough;
        XmlElement *elements[_HYPERV_FLAGS]; /* NULL: not there */
        int flags[_HYPERV_FLAGS];            /* -1: not said */
        uint64_t retries;                    /* of spinlocks */
        bool stimer_direct, tlbflush_direct, tlbflush_extended;
        char *vendor_id;
} Hyperv;

typedef struct Kvm {
        XmlElement *element;                              /* NULL: not there */
        int hidden, hint_dedicated, poll_control, pv_ipi; /* -1: not said */
        uint64_t dirty_ring;                              /* entries; 0: none */
} Kvm;

typedef struct Features {
        XmlElement *element; /* NULL: not there */
        bool acpi;
        int eoi; /* -1: not said */
        int switches[_SWITCHES], choices[_CHOICES];
        XmlElement *hpt, *tb_cache, *tseg, *gic;
        uint64_t tseg_bytes, tb_bytes, hpt_page; /* 0: not said */
        bool async_teardown;
        Hyperv hyperv;
        Kvm kvm;
} Features;

const Features *domain_features(const Domain *domain);

/* --- features-hyperv.c */

int hyperv_read(Domain *domain, XmlElement *element, Hyperv *ret);
void hyperv_check(Domain *domain, const Hyperv *hyperv);
int hyperv_add_words(const Hyperv *hyperv, char ***words);

/* --- features-machine.c: what is written where */

/* The element's name and that of its attribute; and the words of a choice, NULL-terminated. */
const char *switch_name(Switch item);
const char *choice_name(Choice item, const char **ret_attribute, const char *const **ret_words);

/* Whether the domain's machine has it; a fault of the element if not. */
bool switch_check_machine(Domain *domain, Switch item, XmlElement *element);
bool choice_check_machine(Domain *domain, Choice item, XmlElement *element);
