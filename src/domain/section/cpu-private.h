/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of <cpu> share. */

#include "domain/section/cpu.h"
#include "domain/section/numa.h"

typedef enum CpuMode {
        CPU_CUSTOM,
        CPU_HOST_PASSTHROUGH,
        CPU_HOST_MODEL,
        CPU_MAXIMUM,
} CpuMode;

typedef enum CpuCheck {
        CPU_CHECK_NONE,
        CPU_CHECK_PARTIAL,
        CPU_CHECK_FULL,
        CPU_CHECK_DEFAULT, /* not said */
} CpuCheck;

typedef struct CpuFeature {
        XmlElement *element;
        bool on;
        char *name; /* the emulator's */
} CpuFeature;

typedef struct Cpu {
        XmlElement *element, *model_element; /* NULL: not there */
        CpuMode mode;
        CpuCheck check;
        int migratable;     /* -1: not said */
        char *model;        /* CPU_CUSTOM; NULL: not said */
        char *vendor;       /* 12 bytes that the guest reads; NULL: the model's */
        json_object *facts; /* its entry in query-cpu-definitions, from `complete` on; NULL */
        CpuFeature *features;
        size_t n_features;
        XmlElement *cache, *phys; /* <cache>, <maxphysaddr>; NULL: not there */
        int cache_mode, phys_mode;
        uint64_t phys_bits, phys_limit; /* 0: not said */
        CpuTopology topology;
        Numa numa;
} Cpu;

/* --- cpu-model.c */

/* Chooses where nothing is said, and finds out whether there is such a model. */
int cpu_complete_model(Domain *domain, Cpu *cpu);

/* --- cpu-words.c */

int cpu_read_features(Domain *domain, Cpu *cpu);
void cpu_read_cache(Domain *domain, Cpu *cpu);
void cpu_read_phys(Domain *domain, Cpu *cpu);

/* What is behind the model in `-cpu`, each a word without comma. */
int cpu_add_words(Plan *plan, const Cpu *cpu, char ***words);
