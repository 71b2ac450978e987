/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is added to and taken from a running guest, on what real emulators said. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

#include "base/util.h"
#include "cases.h"
#include "domain/hotplug.h"

static const char *const releases[] = {"5.2-x86_64", "7.2-x86_64", "10.0-x86_64", "11.1-x86_64"};

#define HEAD(machine)                                                                                       \
        "<domain type='qemu'><name>vm</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>"                   \
        "<os><type arch='x86_64' machine='" machine                                                         \
        "'>hvm</type></os><features><acpi/></features><devices>"
#define DISKS                                                                                               \
        "<disk type='file'><driver type='qcow2'/><source file='/d/a.qcow2'/><target dev='vda'/></disk>"     \
        "<disk type='file' device='cdrom'><source file='/d/cd'/><target dev='sda' bus='sata'/></disk>"      \
        "<controller type='scsi' model='virtio-scsi'/>"
#define PORT "<controller type='pci' model='pcie-root-port'/>"
#define TAIL "</devices></domain>"
#define Q35  HEAD("q35") DISKS PORT PORT PORT PORT PORT PORT PORT TAIL
#define FULL HEAD("q35") DISKS TAIL
#define NET  "<interface type='user'><model type='virtio'/></interface>"

typedef struct Setting {
        Case item;
        char *xml;
        LiveDomain live;
} Setting;

static void setting_make(Setting *setting, const char *release, const char *text)
{
        case_every_image = true;
        case_run("live.xml", text, strlen(text), release, &setting->item);
        if (!setting->item.plan)
                fail_msg("%s",
                         setting->item.faults.n_items > 0 ? setting->item.faults.items[0].message : "?");
        assert_int_equal(live_definition(setting->item.domain, &setting->xml), 0);
        setting->live = (LiveDomain){.xml = setting->xml,
                                     .size = strlen(setting->xml),
                                     .verdicts = case_verdicts(release),
                                     .host = &setting->item.host.host};
        assert_int_equal(chains_of_plan(setting->item.plan, &setting->live.chains, NULL), 0);
}

static void setting_clear(Setting *setting)
{
        json_object_put(setting->live.chains);
        free(setting->xml);
        case_clear(&setting->item);
}

/* Each step's command, ", "-separated. */
static char *commands(const json_object *steps)
{
        char *text = strdup("");

        for (size_t i = 0; i < json_object_array_length(steps); i++) {
                char *longer = text_format("%s%s%s", text, *text ? ", " : "",
                                           json_get_string(json_object_array_get_idx(steps, i), "execute"));

                free(text);
                text = longer;
        }
        return text;
}

static void check_commands(const DeviceChange *change, const char *expected)
{
        CLEANUP(free) char *text = commands(change->steps);

        assert_string_equal(text, expected);
}

static json_object *arguments(const DeviceChange *change, size_t index)
{
        return json_get(json_object_array_get_idx(change->steps, index), "arguments", json_type_object);
}

static DeviceChange *attach(const LiveDomain *live, const char *device)
{
        MusterError *error = NULL;
        DeviceChange *change = NULL;

        if (device_attach(live, device, strlen(device), &change, &error) < 0)
                fail_msg("%s: %s", device, muster_error_message(error));
        return change;
}

/* The live definition afterwards. */
static void go_on(LiveDomain *live, const DeviceChange *change)
{
        live->xml = change->xml;
        live->size = strlen(change->xml);
}

static void refuse(const LiveDomain *live, const char *device, int code, const char *words)
{
        CLEANUP(MusterError) MusterError *error = NULL;
        DeviceChange *change = NULL;
        int r;

        r = device_attach(live, device, strlen(device), &change, &error);
        if (r != code || !error || !strstr(muster_error_message(error), words))
                fail_msg("%s: %d, %s", device, r, error ? muster_error_message(error) : "");
}

/* --- attach and detach --------------------------------------------------------------------------- */

static void test_disk(void **state)
{
        static const char disk[] = "<disk type='file'><driver type='qcow2'/><source file='/d/b.qcow2'/>"
                                   "<target dev='sdb' bus='scsi'/></disk>";

        for (size_t i = 0; i < ELEMENTSOF(releases); i++) {
                CLEANUP(DeviceChange) DeviceChange *added = NULL, *gone = NULL;
                Setting setting;

                setting_make(&setting, releases[i], Q35);
                added = attach(&setting.live, disk);
                check_commands(added, "blockdev-add, blockdev-add, device_add");
                assert_string_equal(json_get_string(arguments(added, 2), "bus"), "scsi0.0");
                assert_string_equal(added->alias, "scsi0-0-0-1");
                assert_string_equal(added->disk, "sdb");
                assert_int_equal(chain_length(added->chain), 1);
                go_on(&setting.live, added);
                /* Without a chain that was kept the nodes are those of a fresh plan. */
                assert_int_equal(device_detach(&setting.live, "sdb", &gone, NULL), 0);
                check_commands(gone, "device_del, blockdev-del, blockdev-del");
                assert_string_equal(gone->xml, setting.xml);
                setting_clear(&setting);
        }
}

/* An operation has made other nodes of it since. */
static void test_kept_chain(void **state)
{
        CLEANUP(DeviceChange) DeviceChange *gone = NULL;
        json_object *overlay, *chain, *made;
        Setting setting;

        setting_make(&setting, "7.2-x86_64", Q35);
        chain = json_get(setting.live.chains, "vda", json_type_object);
        json_object_deep_copy(chain_image(chain, 0), (overlay = NULL, &overlay), NULL);
        json_add_string(overlay, "node", "over");
        json_add_string(overlay, "storage", "over-storage");
        assert_int_equal(chain_push(chain, overlay, &made), 0);
        json_add(setting.live.chains, "vda", made);
        assert_int_equal(device_detach(&setting.live, "virtio-disk0", &gone, NULL), 0);
        check_commands(gone, "device_del, blockdev-del, blockdev-del, blockdev-del, blockdev-del");
        assert_string_equal(json_get_string(arguments(gone, 1), "node-name"), "over");
        setting_clear(&setting);
}

static void test_objects(void **state)
{
        static const char rng[] = "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>";

        for (size_t i = 0; i < ELEMENTSOF(releases); i++) {
                CLEANUP(DeviceChange) DeviceChange *added = NULL;
                Setting setting;

                setting_make(&setting, releases[i], Q35);
                added = attach(&setting.live, rng);
                check_commands(added, "object-add, device_add");
                /* 6.0 made properties members of the command. */
                assert_int_equal(json_get(arguments(added, 0), "props", json_type_object) != NULL, i == 0);
                assert_int_equal(json_get_string(arguments(added, 0), "filename") != NULL, i > 0);
                setting_clear(&setting);
        }
}

/* The bus that it needs comes first, and stays when it goes. */
static void test_implied(void **state)
{
        static const char channel[] = "<channel type='unix'><target type='virtio' name='org.x'/></channel>";

        for (size_t i = 0; i < ELEMENTSOF(releases); i++) {
                CLEANUP(DeviceChange) DeviceChange *added = NULL, *gone = NULL;
                CLEANUP(free) char *text = NULL;
                Setting setting;

                setting_make(&setting, releases[i], Q35);
                added = attach(&setting.live, channel);
                check_commands(added, "chardev-add, device_add, device_add");
                assert_string_equal(json_get_string(arguments(added, 1), "driver"), "virtio-serial-pci");
                text = json_to_text(json_get(arguments(added, 0), "backend", json_type_object));
                assert_non_null(strstr(text, "/run/muster/vm/channel0.sock"));
                go_on(&setting.live, added);
                assert_int_equal(device_detach(&setting.live, channel, &gone, NULL), 0);
                check_commands(gone, "device_del, chardev-remove");
                assert_non_null(strstr(gone->xml, "virtio-serial"));
                assert_null(strstr(gone->xml, "<channel"));
                setting_clear(&setting);
        }
}

/* What went leaves a hole, and nobody else's name or place moves. */
static void test_aliases(void **state)
{
        CLEANUP(DeviceChange) DeviceChange *one = NULL, *two = NULL, *gone = NULL, *three = NULL;
        Setting setting;

        setting_make(&setting, "10.0-x86_64", Q35);
        one = attach(&setting.live, NET);
        go_on(&setting.live, one);
        two = attach(&setting.live, NET);
        go_on(&setting.live, two);
        assert_string_equal(one->alias, "net0");
        assert_string_equal(two->alias, "net1");
        assert_string_not_equal(json_get_string(arguments(one, 1), "bus"),
                                json_get_string(arguments(two, 1), "bus"));
        assert_int_equal(device_detach(&setting.live, "net0", &gone, NULL), 0);
        check_commands(gone, "device_del, netdev_del");
        go_on(&setting.live, gone);
        assert_non_null(strstr(gone->xml, "\"net1\""));
        three = attach(&setting.live, NET);
        assert_string_equal(three->alias, "net0");
        assert_string_equal(json_get_string(arguments(three, 1), "bus"),
                            json_get_string(arguments(one, 1), "bus"));
        setting_clear(&setting);
}

static void test_refused(void **state)
{
        static const struct {
                const char *text, *device;
                int code;
                const char *words;
        } rows[] = {
                {Q35, "<disk type='file'><source file='/d/x'/><target dev='sdx' bus='sata'/></disk>",
                 -EOPNOTSUPP, "bus 'sata' cannot come or go"},
                {Q35, "<disk type='file'><source file='/d/x'/><target dev='vda'/></disk>", -EINVAL,
                 "Two disks are called \"vda\""},
                {Q35, "<sound model='ich9'/>", -EOPNOTSUPP, "<sound> cannot come or go"},
                {Q35, "<controller type='pci' model='pcie-root-port'/>", -EOPNOTSUPP, "type 'pci'"},
                {Q35, "<memballoon model='virtio'/>", -EINVAL, "no second <memballoon>"},
                {Q35,
                 "<interface type='user'><model type='virtio'/><address type='pci' domain='0' bus='0' "
                 "slot='9' function='0'/></interface>",
                 -EOPNOTSUPP, "Nothing can be plugged at PCI address 0000:00:09.0"},
                {Q35, "<interface type='user'><model type='virtio'/><sandwich/></interface>", -EINVAL,
                 "does not know <sandwich>"},
                {Q35, "<sandwich/>", -EINVAL, "is no device"},
                {Q35, "<interface", -EINVAL, "no well-formed XML"},
                {Q35, "", -EINVAL, "no well-formed XML"},
                {FULL, NET, -ENOSPC, "No PCI Express root port is free"},
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Setting setting;

                setting_make(&setting, "7.2-x86_64", rows[i].text);
                refuse(&setting.live, rows[i].device, rows[i].code, rows[i].words);
                setting_clear(&setting);
        }
}

static void test_detach_refused(void **state)
{
        static const struct {
                const char *which;
                int code;
        } rows[] = {
                {"vdz", -ENOENT},
                {"sda", -EOPNOTSUPP}, /* a drive on SATA */
                {"<controller type='pci'/>", -ENOTUNIQ},
                {"<disk><target dev='vdz'/></disk>", -ENOENT},
                {"<disk", -EINVAL},
                {"balloon0", -EOPNOTSUPP},
        };
        Setting setting;

        setting_make(&setting, "7.2-x86_64", Q35);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                CLEANUP(MusterError) MusterError *error = NULL;
                DeviceChange *change = NULL;
                int r = device_detach(&setting.live, rows[i].which, &change, &error);

                if (r != rows[i].code || !error)
                        fail_msg("%s: %d, %s", rows[i].which, r, error ? muster_error_message(error) : "");
        }
        setting_clear(&setting);
}

/* --- media --------------------------------------------------------------------------------------- */

static void test_media(void **state)
{
        static const char other[] = "<disk type='file' device='cdrom'><source file='/d/cd2'/>"
                                    "<target dev='sda'/></disk>";

        for (size_t i = 0; i < ELEMENTSOF(releases); i++) {
                CLEANUP(DeviceChange) DeviceChange *changed = NULL, *empty = NULL;
                CLEANUP(MusterError) MusterError *error = NULL;
                DeviceChange *none = NULL;
                Setting setting;

                setting_make(&setting, releases[i], Q35);
                if (device_change_media(&setting.live, "sda", other, strlen(other), false, &changed,
                                        &error) < 0)
                        fail_msg("%s", muster_error_message(error));
                check_commands(changed,
                               "blockdev-add, blockdev-add, blockdev-open-tray, "
                               "blockdev-remove-medium, blockdev-insert-medium, blockdev-close-tray, "
                               "blockdev-del, blockdev-del");
                assert_string_equal(json_get_string(arguments(changed, 4), "node-name"),
                                    "muster-sata0-0-0-s1");
                assert_string_equal(json_get_string(chain_image(changed->chain, 0), "file"), "/d/cd2");
                assert_non_null(strstr(changed->xml, "/d/cd2"));
                assert_null(strstr(changed->xml, "\"/d/cd\""));
                go_on(&setting.live, changed);
                json_add(setting.live.chains, "sda", json_object_get(changed->chain));
                assert_int_equal(
                        device_change_media(&setting.live, "sata0-0-0", NULL, 0, true, &empty, NULL), 0);
                check_commands(empty, "blockdev-open-tray, blockdev-remove-medium, blockdev-close-tray, "
                                      "blockdev-del, blockdev-del");
                assert_null(empty->chain);
                assert_null(strstr(empty->xml, "/d/cd2"));
                assert_int_equal(device_change_media(&setting.live, "vda", other, strlen(other), false,
                                                     &none, &error),
                                 -EINVAL);
                setting_clear(&setting);
        }
}

/* --- definitions that do not run ----------------------------------------------------------------- */

static void test_definition(void **state)
{
        static const char other[] = "<disk type='file' device='cdrom'><source file='/d/cd2'/>"
                                    "<target dev='sda'/></disk>";
        CLEANUP(free) char *added = NULL, *gone = NULL, *changed = NULL, *none = NULL;
        CLEANUP(MusterError) MusterError *error = NULL;

        assert_int_equal(definition_attach(Q35, strlen(Q35), NET, strlen(NET), &added, NULL), 0);
        assert_non_null(strstr(added, "<interface type=\"user\">"));
        assert_null(strstr(added, "alias"));
        assert_int_equal(definition_detach(added, strlen(added), "<interface type='user'/>", &gone, NULL),
                         0);
        assert_null(strstr(gone, "<interface"));
        assert_int_equal(
                definition_change_media(Q35, strlen(Q35), "sda", other, strlen(other), &changed, NULL), 0);
        assert_non_null(strstr(changed, "/d/cd2"));
        assert_int_equal(definition_attach(Q35, strlen(Q35), "<interface/>", 12, &none, &error), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_disk),           cmocka_unit_test(test_kept_chain),
                cmocka_unit_test(test_objects),        cmocka_unit_test(test_implied),
                cmocka_unit_test(test_aliases),        cmocka_unit_test(test_refused),
                cmocka_unit_test(test_detach_refused), cmocka_unit_test(test_media),
                cmocka_unit_test(test_definition),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
