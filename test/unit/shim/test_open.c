/*
 * The shim's names, life cycle and answers about a handle, over the fake libpacf.
 */
#include <errno.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include <pcap/pcap.h>
#include "fake_pacf.h"
#include "shim.h"

static char error[PCAP_ERRBUF_SIZE];

static int
setup(void **state)
{
	(void)state;
	fake_reset();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	assert_int_equal(fake.open_handles, 0);
	fake_reset();
	return 0;
}

static pcap_t *
activated(void)
{
	pcap_t *p = pcap_create("pacf:fake}0", error);

	assert_non_null(p);
	assert_int_equal(pcap_activate(p), 0);
	return p;
}

static void
test_set_before_and_after_activation(void **state)
{
	pcap_t *p = pcap_create("pacf:fake}0", error);

	(void)state;
	assert_non_null(p);
	for (int round = 0; round < 2; round++) {
		int want = round ? PCAP_ERROR_ACTIVATED : 0;
		assert_int_equal(pcap_set_snaplen(p, 96), want);
		assert_int_equal(pcap_set_promisc(p, 1), want);
		assert_int_equal(pcap_set_timeout(p, 100), want);
		assert_int_equal(pcap_set_buffer_size(p, 1 << 20), want);
		assert_int_equal(pcap_set_immediate_mode(p, 1), want);
		assert_int_equal(pcap_set_rfmon(p, 0), want);
		assert_int_equal(pcap_can_set_rfmon(p), want);
		assert_int_equal(pcap_set_tstamp_type(p, PCAP_TSTAMP_HOST), want);
		assert_int_equal(
			pcap_set_tstamp_precision(p, PCAP_TSTAMP_PRECISION_NANO), want);
		assert_int_equal(pcap_activate(p), want);
	}
	assert_string_equal(pcap_geterr(p), "can't perform operation on activated capture");
	assert_int_equal(pcap_snapshot(p), 96);
	assert_int_equal(pcap_get_tstamp_precision(p), PCAP_TSTAMP_PRECISION_NANO);
	pcap_close(p);
}

static void
test_refused_settings(void **state)
{
	pcap_t *p = pcap_create("pacf:fake}0", error);

	(void)state;
	assert_int_equal(pcap_set_tstamp_precision(p, 7), PCAP_ERROR_TSTAMP_PRECISION_NOTSUP);
	assert_int_equal(
		pcap_set_tstamp_type(p, PCAP_TSTAMP_ADAPTER), PCAP_WARNING_TSTAMP_TYPE_NOTSUP);
	assert_int_equal(pcap_set_rfmon(p, 1), 0);
	assert_int_equal(pcap_activate(p), PCAP_ERROR_RFMON_NOTSUP);
	assert_int_equal(fake.open_handles, 0);
	pcap_close(p);
}

static void
ignore(u_char *user, const struct pcap_pkthdr *h, const u_char *data)
{
	(void)user, (void)h, (void)data;
}

static void
test_before_activation(void **state)
{
	pcap_t *p = pcap_create("pacf:fake}0", error);
	struct bpf_program prog = {0, NULL};
	struct pcap_stat st;
	struct pcap_pkthdr *h, head;
	const u_char *data;
	int *list;

	(void)state;
	assert_int_equal(pcap_loop(p, 1, ignore, NULL), PCAP_ERROR_NOT_ACTIVATED);
	assert_int_equal(pcap_dispatch(p, 1, ignore, NULL), PCAP_ERROR_NOT_ACTIVATED);
	assert_int_equal(pcap_next_ex(p, &h, &data), PCAP_ERROR_NOT_ACTIVATED);
	assert_null(pcap_next(p, &head));
	assert_int_equal(pcap_stats(p, &st), PCAP_ERROR_NOT_ACTIVATED);
	assert_int_equal(pcap_setfilter(p, &prog), PCAP_ERROR_NOT_ACTIVATED);
	assert_int_equal(pcap_datalink(p), PCAP_ERROR_NOT_ACTIVATED);
	assert_int_equal(pcap_snapshot(p), PCAP_ERROR_NOT_ACTIVATED);
	assert_int_equal(pcap_list_datalinks(p, &list), PCAP_ERROR_NOT_ACTIVATED);
	assert_int_equal(pcap_set_datalink(p, 1), PCAP_ERROR_NOT_ACTIVATED);
	assert_int_equal(pcap_fileno(p), PCAP_ERROR_NOT_ACTIVATED);
	assert_int_equal(pcap_get_selectable_fd(p), -1);
	assert_int_equal(pcap_getnonblock(p, error), PCAP_ERROR_NOT_ACTIVATED);
	assert_int_equal(pcap_compile(p, &prog, "tcp", 1, 0), PCAP_ERROR);
	assert_null(pcap_dump_open(p, "/dev/null"));
	assert_string_equal(pcap_geterr(p), "This handle hasn't been activated yet");
	pcap_breakloop(p);
	pcap_close(p);
}

static void
test_open_errors(void **state)
{
	static const struct {
		int err, status;
	} cases[] = {{-ENOENT, PCAP_ERROR_NO_SUCH_DEVICE}, {-EACCES, PCAP_ERROR_PERM_DENIED},
		{-EBUSY, PCAP_ERROR}, {-EPROTONOSUPPORT, PCAP_ERROR}};
	pcap_t *p;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake.open_error = cases[i].err;
		p = pcap_create("pacf:fake}0", error);
		assert_int_equal(pcap_activate(p), cases[i].status);
		assert_string_equal(pcap_geterr(p), "fake sentence about \"pacf:fake}0\"");
		pcap_close(p);
		assert_null(pcap_open_live("pacf:fake}0", 65535, 1, 10, error));
		assert_string_equal(error, "fake sentence about \"pacf:fake}0\"");
	}
	fake.open_error = 0;
	assert_null(pcap_open_live("pacf:fake{0", 65535, 1, 10, error));
	assert_string_equal(error, "fake sentence about \"pacf:fake{0\"");
	fake.linktype = UINT32_MAX;
	assert_null(pcap_open_live("pacf:fake}0", 65535, 1, 10, error));
	assert_non_null(strstr(error, "no link type"));
}

static void
test_netmap_name(void **state)
{
	pcap_t *p = pcap_create("netmap:fake}0", error);

	(void)state;
	assert_non_null(p);
	assert_non_null(shim_find(p));
	assert_int_equal(pcap_activate(p), 0);
	assert_string_equal(fake.opened, "pacf:fake}0");
	pcap_close(p);
	/* Not the daemon's: libpcap's business. */
	p = pcap_create("netmap:other}0", error);
	assert_null(shim_find(p));
	if (p)
		pcap_close(p);
}

static void
test_about_handle(void **state)
{
	pcap_t *p = activated();
	int *list;

	(void)state;
	assert_int_equal(pcap_datalink(p), DLT_EN10MB);
	assert_int_equal(pcap_datalink_ext(p), 0);
	assert_int_equal(pcap_list_datalinks(p, &list), 1);
	assert_int_equal(list[0], DLT_EN10MB);
	pcap_free_datalinks(list);
	assert_int_equal(pcap_set_datalink(p, DLT_EN10MB), 0);
	assert_int_equal(pcap_set_datalink(p, DLT_RAW), PCAP_ERROR);
	assert_non_null(strstr(pcap_geterr(p), "RAW"));
	assert_int_equal(pcap_snapshot(p), 262144);
	assert_int_equal(pcap_is_swapped(p), 0);
	assert_null(pcap_file(p));
	assert_null(pcap_get_required_select_timeout(p));
	assert_int_equal(pcap_list_tstamp_types(p, &list), 0);
	pcap_free_tstamp_types(list);
	assert_int_equal(pcap_setdirection(p, PCAP_D_IN), 0);
	assert_int_equal(pcap_setdirection(p, PCAP_D_INOUT), 0);
	assert_int_equal(pcap_setdirection(p, PCAP_D_OUT), PCAP_ERROR);
	assert_int_equal(pcap_inject(p, "x", 1), PCAP_ERROR);
	assert_int_equal(pcap_sendpacket(p, (const u_char *)"x", 1), PCAP_ERROR);
	assert_non_null(strstr(pcap_geterr(p), "\"pacf:fake}0\""));
	assert_true(pcap_fileno(p) >= 0);
	assert_int_equal(pcap_fileno(p), pcap_get_selectable_fd(p));
	pcap_close(p);
}

static void
test_linktypes(void **state)
{
	static const struct {
		uint32_t linktype;
		int dlt;
	} cases[] = {{0, DLT_NULL}, {1, DLT_EN10MB}, {101, DLT_RAW}, {105, DLT_IEEE802_11},
		{108, DLT_LOOP}, {113, DLT_LINUX_SLL}, {228, DLT_IPV4}, {229, DLT_IPV6},
		{276, DLT_LINUX_SLL2}};
	pcap_t *p;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake.linktype = cases[i].linktype;
		p = activated();
		assert_int_equal(pcap_datalink(p), cases[i].dlt);
		pcap_close(p);
	}
}

static void
test_device_list(void **state)
{
	pcap_if_t *list, *d;
	int ours = 0, behind = 0;

	(void)state;
	fake.channels = 3;
	assert_int_equal(pcap_findalldevs(&list, error), 0);
	for (d = list; d; d = d->next) {
		if (strncmp(d->name, "pacf:", 5) != 0) {
			behind += ours;
			continue;
		}
		assert_int_equal(d->flags & (PCAP_IF_UP | PCAP_IF_RUNNING),
			PCAP_IF_UP | PCAP_IF_RUNNING);
		assert_string_equal(
			d->description, ours == 1 ? "fake channel 1 (in use by process 4711)"
					: ours	  ? "fake channel 2"
						  : "fake channel 0");
		ours++;
	}
	assert_int_equal(ours, 3);
	assert_int_equal(behind, 0); /* no interface after a channel */
	pcap_freealldevs(list);
}

static void
test_lookupnet(void **state)
{
	bpf_u_int32 net = 1, mask = 1;

	(void)state;
	assert_int_equal(pcap_lookupnet("pacf:fake}0", &net, &mask, error), 0);
	assert_int_equal(net, 0);
	assert_int_equal(mask, 0);
	assert_int_equal(pcap_lookupnet("no-such-interface", &net, &mask, error), -1);
}

/* What argus asks the system about an interface. */
static void
test_interface_flags(void **state)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq r;

	(void)state;
	assert_true(fd >= 0);
	memset(&r, 0, sizeof(r));
	strcpy(r.ifr_name, "pacf:fake}0");
	assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &r), 0);
	assert_true(r.ifr_flags & IFF_UP);
	memset(&r, 0, sizeof(r));
	strcpy(r.ifr_name, "no-such-if");
	assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &r), -1);
	assert_true(errno == ENODEV || errno == ENXIO);
	errno = 0;
	assert_int_equal(ioctl(-1, SIOCGIFFLAGS, &r), -1);
	assert_int_equal(errno, EBADF);
	close(fd);
}

/* A handle of the real libpcap: every call reaches it. */
static void
test_foreign_handle(void **state)
{
	pcap_t *p = pcap_open_dead(DLT_RAW, 4096);
	struct bpf_program prog;
	struct pcap_stat st;
	int *list;

	(void)state;
	assert_null(shim_find(p));
	assert_int_equal(pcap_datalink(p), DLT_RAW);
	assert_int_equal(pcap_snapshot(p), 4096);
	assert_int_equal(pcap_compile(p, &prog, "tcp port 80", 1, 0), 0);
	pcap_freecode(&prog);
	assert_int_equal(pcap_compile(p, &prog, "nonsense here", 1, 0), -1);
	assert_int_not_equal(strlen(pcap_geterr(p)), 0);
	assert_int_equal(pcap_stats(p, &st), -1);
	assert_non_null(strstr(pcap_geterr(p), "dead"));
	assert_int_equal(pcap_list_datalinks(p, &list), 1);
	pcap_free_datalinks(list);
	pcap_close(p);
}

static void
test_many_handles(void **state)
{
	pcap_t *p[200];

	(void)state;
	for (int i = 0; i < 200; i++)
		assert_non_null(p[i] = pcap_create("pacf:fake}0", error));
	for (int i = 0; i < 200; i += 2)
		pcap_close(p[i]);
	for (int i = 0; i < 200; i++)
		assert_int_equal(shim_find(p[i]) != NULL, i % 2);
	for (int i = 1; i < 200; i += 2)
		pcap_close(p[i]);
}

/* $PACF_RECONNECT; without it, and with what makes no sense, captures of interfaces go on. */
static void
test_reconnect(void **state)
{
	static const struct {
		const char *word;
		int when;
	} cases[] = {{NULL, PACF_RECONNECT_LIVE}, {"never", PACF_RECONNECT_NEVER},
		{"always", PACF_RECONNECT_ALWAYS}, {"live", PACF_RECONNECT_LIVE}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pcap_t *p = pcap_create("pacf:fake}0", error);

		unsetenv("PACF_RECONNECT");
		if (cases[i].word != NULL)
			setenv("PACF_RECONNECT", cases[i].word, 1);
		fake.reconnect = -1;
		assert_int_equal(pcap_activate(p), 0);
		assert_int_equal(fake.reconnect, cases[i].when);
		pcap_close(p);
	}
	unsetenv("PACF_RECONNECT");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_set_before_and_after_activation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_settings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_before_activation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_netmap_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_about_handle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_linktypes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_device_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lookupnet, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interface_flags, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_handle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_handles, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reconnect, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
