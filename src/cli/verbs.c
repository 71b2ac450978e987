/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/verbs.h"

#include "base/util.h"

const Verb *const verbs[] = {
        &verb_adopt,
        &verb_attach_device,
        &verb_attach_disk,
        &verb_autostart,
        &verb_blockcommit,
        &verb_blockcopy,
        &verb_blockdev_add,
        &verb_blockjob,
        &verb_blockpull,
        &verb_cache_clear,
        &verb_cache_export,
        &verb_cache_import,
        &verb_cache_list,
        &verb_cache_prune,
        &verb_cache_show,
        &verb_cache_verify,
        &verb_catalogue_check,
        &verb_change_media,
        &verb_create,
        &verb_define,
        &verb_desc,
        &verb_destroy,
        &verb_detach_device,
        &verb_detach_disk,
        &verb_domblklist,
        &verb_domid,
        &verb_dominfo,
        &verb_domname,
        &verb_domrename,
        &verb_domstate,
        &verb_domuuid,
        &verb_domxml_format,
        &verb_domxml_to_native,
        &verb_dumpxml,
        &verb_event,
        &verb_explain,
        &verb_features,
        &verb_gate,
        &verb_has,
        &verb_help,
        &verb_list,
        &verb_managedsave,
        &verb_managedsave_remove,
        &verb_metadata,
        &verb_probe,
        &verb_qemu_monitor_command,
        &verb_reboot,
        &verb_reset,
        &verb_restore,
        &verb_resume,
        &verb_save,
        &verb_schema_check,
        &verb_schema_diff,
        &verb_schema_query,
        &verb_schema_show,
        &verb_shutdown,
        &verb_snapshot_create_as,
        &verb_start,
        &verb_suspend,
        &verb_undefine,
        &verb_update_device,
        &verb_validate,
        &verb_verify,
        &verb_version,
        NULL,
};

const Verb *verb_find(const char *name)
{
        for (const Verb *const *verb = verbs; *verb; verb++)
                if (streq((*verb)->name, name))
                        return *verb;
        return NULL;
}

bool verb_is_group(const char *word)
{
        size_t length = strlen(word);

        for (const Verb *const *verb = verbs; *verb; verb++)
                if (length > 0 && startswith((*verb)->name, word) && (*verb)->name[length] == ' ')
                        return true;
        return false;
}
