/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The network of these tests is a namespace of their own; where there can be none they are skipped. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "daemon/descriptors-private.h"

static bool has_network;

#define MONITOR "{\"fd\":3,\"purpose\":\"monitor\",\"listen\":\"/x\"}"

static json_object *parse(const char *text)
{
        json_object *object;

        assert_int_equal(json_parse(text, strlen(text), &object), 0);
        return object;
}

/* What it says when it fails; NULL: it does not. */
static char *failure(const char *text, int expected)
{
        CLEANUP(json) json_object *fds = parse(text);
        CLEANUP(MusterError) MusterError *error = NULL;
        Descriptors descriptors = {.n = 77};

        assert_int_equal(descriptors_open(fds, &descriptors, &error), expected);
        assert_int_equal(descriptors.n, 77);
        return strdup(muster_error_message(error));
}

static void expect(const char *text, int expected, const char *word)
{
        CLEANUP(free) char *said = failure(text, expected);

        if (!strstr(said, word))
                fail_msg("\"%s\" does not say \"%s\"", said, word);
}

/* --- any -------------------------------------------------------------------------------------------- */

static unsigned count_open(void)
{
        unsigned n = 0;

        for (int fd = 0; fd < 256; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

static void test_nodes(void **state)
{
        CLEANUP(json)
        json_object *fds =
                parse("[" MONITOR ", {\"fd\":4,\"count\":2,\"purpose\":\"x\",\"open\":\"/dev/null\"},"
                      "{\"fd\":6,\"purpose\":\"y\",\"open\":\"/dev/zero\"}]");
        unsigned before = count_open();
        Descriptors descriptors;
        char byte = 'x';

        assert_int_equal(descriptors_open(fds, &descriptors, NULL), 0);
        assert_int_equal(descriptors.n, 4);
        assert_int_equal(descriptors.fds[0], -1);
        for (size_t i = 1; i < 4; i++)
                assert_int_equal(fcntl(descriptors.fds[i], F_GETFD), FD_CLOEXEC);
        assert_int_not_equal(descriptors.fds[1], descriptors.fds[2]);
        assert_int_equal(read(descriptors.fds[2], &byte, 1), 0);
        assert_int_equal(read(descriptors.fds[3], &byte, 1), 1);
        assert_int_equal(json_object_object_length(descriptors.names), 0);
        descriptors_close(&descriptors);
        descriptors_close(&descriptors);
        assert_int_equal(count_open(), before);
}

static void test_failures(void **state)
{
        unsigned before = count_open();

        expect("[" MONITOR ", {\"fd\":5,\"purpose\":\"x\",\"open\":\"/dev/null\"}]", -EINVAL, "follow");
        expect("[" MONITOR ", {\"fd\":3,\"purpose\":\"x\",\"open\":\"/dev/null\"}]", -EINVAL, "follow");
        expect("[{\"fd\":3,\"count\":0,\"purpose\":\"x\",\"open\":\"/dev/null\"}]", -EINVAL, "follow");
        expect("[{\"fd\":3,\"count\":99999,\"purpose\":\"x\",\"open\":\"/dev/null\"}]", -EINVAL, "follow");
        expect("[" MONITOR ", {\"fd\":4,\"purpose\":\"x\",\"open\":\"/dev/null\"},"
               "{\"fd\":5,\"purpose\":\"y\",\"open\":\"/dev/no-such-node\"}]",
               -ENOENT, "/dev/no-such-node (y)");
        if (access("/dev/vhost-net", F_OK) < 0)
                expect("[{\"fd\":3,\"purpose\":\"x\",\"open\":\"/dev/vhost-net\"}]", -ENODEV,
                       "modprobe vhost_net");
        assert_int_equal(count_open(), before);
}

static void test_settle(void **state)
{
        CLEANUP(json)
        json_object *fds = parse("[" MONITOR
                                 ", {\"fd\":4,\"macvtap\":{\"name\":\"macvtap%d\",\"mac\":\"a\"}},"
                                 "{\"fd\":5,\"macvtap\":{\"name\":\"mine\",\"mac\":\"b\"}},"
                                 "{\"fd\":6,\"macvtap\":{\"name\":\"macvtap%d\",\"mac\":\"c\"}}]"),
                    *links = NULL,
                    *taken = parse("[{\"fd\":3,\"macvtap\":{\"name\":\"lo\",\"mac\":\"a\"}}]"),
                    *other = parse("[{\"fd\":3,\"macvtap\":{\"name\":\"lo\",\"otherwise\":\"macvtap%d\"}}]"),
                    *rest = NULL;
        const char *names[3];

        assert_int_equal(descriptors_settle(fds, &links, NULL), 0);
        assert_int_equal(json_object_array_length(links), 3);
        for (size_t i = 0; i < 3; i++) {
                names[i] = json_get_string(json_object_array_get_idx(links, i), "name");
                assert_string_equal(names[i], json_get_string(json_get(json_object_array_get_idx(fds, i + 1),
                                                                       "macvtap", json_type_object),
                                                              "name"));
        }
        assert_non_null(startswith(names[0], "macvtap"));
        assert_null(strchr(names[0], '%'));
        assert_string_equal(names[1], "mine");
        assert_string_not_equal(names[0], names[2]);
        assert_int_equal(descriptors_settle(taken, &rest, NULL), -EEXIST);
        assert_int_equal(descriptors_settle(other, &rest, NULL), 0);
        assert_non_null(startswith(json_get_string(json_object_array_get_idx(rest, 0), "name"), "macvtap"));
}

static void test_mac(void **state)
{
        uint8_t mac[MAC_SIZE] = {0};

        assert_int_equal(netdev_parse_mac("52:54:00:aA:0b:ff", mac), 0);
        assert_memory_equal(mac, "\x52\x54\x00\xaa\x0b\xff", MAC_SIZE);
        assert_int_equal(netdev_parse_mac("52:54:00:aa:0b", mac), -EINVAL);
        assert_int_equal(netdev_parse_mac("52:54:00:aa:0b:ff:1", mac), -EINVAL);
        assert_int_equal(netdev_parse_mac(NULL, mac), -EINVAL);
}

/* --- tap devices ------------------------------------------------------------------------------------ */

static int control(void)
{
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        return fd;
}

static void add_bridge(const char *name, int mtu)
{
        CLEANUP(fd) int fd = control();

        assert_int_equal(ioctl(fd, SIOCBRADDBR, name), 0);
        assert_int_equal(netdev_set_mtu(fd, name, mtu, NULL), 0);
}

static void open_one(const char *text, Descriptors *ret)
{
        CLEANUP(json) json_object *fds = parse(text);
        CLEANUP(MusterError) MusterError *error = NULL;

        if (descriptors_open(fds, ret, &error) < 0)
                fail_msg("%s", muster_error_message(error));
}

static void test_tap(void **state)
{
        CLEANUP(fd) int fd = control();
        uint8_t mac[MAC_SIZE];
        Descriptors one, two, third;
        int mtu = 0;

        if (!has_network)
                skip();
        add_bridge("tbr0", 1300);
        open_one(
                "[{\"fd\":3,\"count\":2,\"alias\":\"net0\",\"tap\":{\"name\":\"vnet%d\",\"bridge\":\"tbr0\","
                "\"mac\":\"52:54:00:aa:00:01\"}}]",
                &one);
        assert_string_equal(json_get_string(one.names, "net0"), "vnet0");
        assert_int_equal(netdev_mac(fd, "vnet0", mac), 0);
        assert_memory_equal(mac, "\xfe\x54\x00\xaa\x00\x01", MAC_SIZE);
        assert_int_equal(netdev_mtu(fd, "vnet0", &mtu, NULL), 0);
        assert_int_equal(mtu, 1300);
        assert_int_equal(access("/sys/class/net/tbr0", F_OK), -1); /* /sys shows another network */
        /* Taken: another number, or another name. Never one more queue of what is there. */
        open_one("[{\"fd\":3,\"count\":2,\"alias\":\"net0\",\"tap\":{\"name\":\"vnet0\",\"otherwise\":"
                 "\"vnet%d\",\"mac\":\"fe:54:00:aa:00:02\",\"mtu\":1200}}]",
                 &two);
        assert_string_equal(json_get_string(two.names, "net0"), "vnet1");
        assert_int_equal(netdev_mac(fd, "vnet1", mac), 0);
        assert_int_equal(mac[0], 0xfa);
        expect("[{\"fd\":3,\"count\":2,\"tap\":{\"name\":\"vnet0\",\"mac\":\"52:54:00:aa:00:02\"}}]",
               -EEXIST, "vnet0 already");
        open_one("[{\"fd\":3,\"alias\":\"net0\",\"tap\":{\"name\":\"web\",\"mac\":\"52:54:00:aa:00:03\"}}]",
                 &third);
        assert_true(netdev_exists("web"));
        descriptors_close(&one);
        descriptors_close(&two);
        descriptors_close(&third);
        for (const char *const *name = (const char *const[]){"vnet0", "vnet1", "web", NULL}; *name; name++)
                assert_false(netdev_exists(*name));
}

static void test_tap_failures(void **state)
{
        if (!has_network)
                skip();
        expect("[{\"fd\":3,\"tap\":{\"name\":\"vnet%d\",\"bridge\":\"tbr9\",\"mac\":\"52:54:00:aa:00:01\"}}"
               "]",
               -ENODEV, "ip link add tbr9 type bridge");
        expect("[{\"fd\":3,\"tap\":{\"name\":\"vnet%d\",\"bridge\":\"lo\",\"mac\":\"52:54:00:aa:00:01\","
               "\"mtu\":1500}}]",
               -EINVAL, "lo is no bridge");
        expect("[{\"fd\":3,\"tap\":{\"name\":\"tap9\",\"existing\":true,\"mac\":\"52:54:00:aa:00:01\"}}]",
               -ENODEV, "ip tuntap add dev tap9");
        expect("[{\"fd\":3,\"tap\":{\"name\":\"lo\",\"existing\":true,\"mac\":\"52:54:00:aa:00:01\"}}]",
               -EINVAL, "lo is no tap device");
        expect("[{\"fd\":3,\"macvtap\":{\"name\":\"m0\",\"link\":\"eth9\",\"mac\":\"52:54:00:aa:00:01\"}}]",
               -ENODEV, "eth9");
        expect("[{\"fd\":3,\"macvtap\":{\"name\":\"m0\",\"link\":\"lo\",\"mac\":\"52:54:00:aa:00:01\"}}]",
               -EINVAL, "on lo");
        assert_false(netdev_exists("vnet0"));
        assert_false(netdev_exists("m0"));
}

/* Without the right to do so: as a user of a network that is root's. */
static void test_no_right(void **state)
{
        if (!has_network || access("/dev/net/tun", R_OK | W_OK) < 0)
                skip();
        add_bridge("tbr1", 1500);
        assert_int_equal(setegid(65534), 0);
        assert_int_equal(seteuid(65534), 0);
        expect("[{\"fd\":3,\"macvtap\":{\"name\":\"m0\",\"link\":\"lo\",\"mac\":\"52:54:00:aa:00:01\"}}]",
               -EPERM, "CAP_NET_ADMIN");
        assert_int_equal(seteuid(0), 0);
        assert_int_equal(setegid(0), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nodes),    cmocka_unit_test(test_failures),
                cmocka_unit_test(test_settle),   cmocka_unit_test(test_mac),
                cmocka_unit_test(test_tap),      cmocka_unit_test(test_tap_failures),
                cmocka_unit_test(test_no_right),
        };

        has_network =
                geteuid() == 0 && unshare(CLONE_NEWNET) == 0 && access("/dev/net/tun", R_OK | W_OK) == 0;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
