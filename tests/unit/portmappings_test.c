/* SPDX-License-Identifier: GPL-2.0-or-later */
/* portmappings - lists as runtimes write them, and lists that cannot be */
#include "lib/portmappings.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/jnode.h"

/* Reads a list.  Return: how many ports, or a negative errno with @e filled in. */
static int read_bound(const char *text, const struct ip_addr *bind, struct publish_port **ret,
		      struct err *e)
{
	AUTO_JSON json_t *doc = NULL;
	struct jnode root;
	size_t n = 0;
	int r;

	assert_int_equal(jn_parse(text, strlen(text), &doc, e), 0);
	root = jn_root(doc);
	r = portmappings_read(&root, bind, ret, &n, e);

	return r < 0 ? r : (int)n;
}

static int read_list(const char *text, struct publish_port **ret, struct err *e)
{
	return read_bound(text, &(struct ip_addr){ 0 }, ret, e);
}

static void assert_port(const struct publish_port *port, uint8_t proto, uint16_t host_port,
			uint16_t to, const char *host_ip)
{
	char text[IP_STRLEN];

	assert_int_equal(port->proto, proto);
	assert_int_equal(port->host_port, host_port);
	assert_int_equal(port->port, to);
	assert_string_equal(ip_str(&port->host_ip, text), host_ip);
}

static void assert_refused(const char *text, const char *word)
{
	struct publish_port *ports = NULL;
	struct err e = { 0 };

	assert_true(read_list(text, &ports, &e) < 0);
	assert_int_equal(e.cni, CNI_E_CONFIG);
	assert_non_null(strstr(e.msg, word));
	assert_null(ports);
}

static void without_an_address_it_is_bound_where_the_config_says(void **state)
{
	const struct ip_addr bind = { .family = AF_INET, .b = { 127, 0, 0, 1 } };
	AUTO_FREE struct publish_port *ports = NULL;
	struct err e;

	(void)state;
	assert_int_equal(
		read_bound("[{\"hostPort\":80,\"containerPort\":80,\"hostIP\":\"\"},"
			   "{\"hostPort\":81,\"containerPort\":81,\"hostIP\":\"0.0.0.0\"}]",
			   &bind, &ports, &e),
		2);
	assert_port(&ports[0], IPPROTO_TCP, 80, 80, "127.0.0.1");
	assert_port(&ports[1], IPPROTO_TCP, 81, 81, "0.0.0.0");
}

static void without_an_address_it_is_one_of_each_family(void **state)
{
	AUTO_FREE struct publish_port *ports = NULL;
	struct err e;

	(void)state;
	assert_int_equal(read_list("[{\"hostPort\":8080,\"containerPort\":80}]", &ports, &e), 2);
	assert_port(&ports[0], IPPROTO_TCP, 8080, 80, "0.0.0.0");
	assert_port(&ports[1], IPPROTO_TCP, 8080, 80, "::");
}

static void keys_and_protocols_are_read_in_any_case(void **state)
{
	AUTO_FREE struct publish_port *ports = NULL;
	struct err e;

	(void)state;
	assert_int_equal(read_list("[{\"HostPort\":53,\"ContainerPort\":5353,\"Protocol\":\"UDP\","
				   "\"HostIP\":\"0.0.0.0\"}]",
				   &ports, &e),
			 1);
	assert_port(&ports[0], IPPROTO_UDP, 53, 5353, "0.0.0.0");
}

static void ports_are_in_order_and_none_is_there_twice(void **state)
{
	AUTO_FREE struct publish_port *ports = NULL;
	struct err e;

	(void)state;
	assert_int_equal(
		read_list("[{\"hostPort\":9,\"containerPort\":1,\"protocol\":\"sctp\",\"hostIP\":"
			  "\"10.0.0.1\"},"
			  "{\"hostPort\":7,\"containerPort\":2,\"protocol\":\"udp\",\"hostIP\":"
			  "\"10.0.0.1\"},"
			  "{\"hostPort\":8,\"containerPort\":1,\"range\":2,\"hostIP\":\"::\"},"
			  "{\"hostPort\":9,\"containerPort\":2},"
			  "{\"hostPort\":9,\"containerPort\":2,\"hostIP\":\"0.0.0.0\"}]",
			  &ports, &e),
		5);
	assert_port(&ports[0], IPPROTO_TCP, 8, 1, "::");
	assert_port(&ports[1], IPPROTO_TCP, 9, 2, "0.0.0.0");
	assert_port(&ports[2], IPPROTO_TCP, 9, 2, "::");
	assert_port(&ports[3], IPPROTO_UDP, 7, 2, "10.0.0.1");
	assert_port(&ports[4], IPPROTO_SCTP, 9, 1, "10.0.0.1");
}

static void an_empty_list_has_no_ports(void **state)
{
	struct publish_port *ports = NULL;
	struct err e;

	(void)state;
	assert_int_equal(read_list("[]", &ports, &e), 0);
	free(ports);
}

static void a_range_may_have_all_ports_and_no_more(void **state)
{
	AUTO_FREE struct publish_port *ports = NULL;
	struct err e;

	(void)state;
	assert_int_equal(read_list("[{\"hostPort\":1,\"containerPort\":1,\"range\":65535}]", &ports,
				   &e),
			 2 * 65535);
	assert_port(&ports[2 * 65535 - 1], IPPROTO_TCP, 65535, 65535, "::");
	assert_refused("[{\"hostPort\":2,\"containerPort\":1,\"range\":65535}]", "65535");
	assert_refused("[{\"hostPort\":1,\"containerPort\":2,\"range\":65535}]", "65535");
	assert_refused("[{\"hostPort\":1,\"containerPort\":1,\"range\":65536}]", "range");
	assert_refused("[{\"hostPort\":1,\"containerPort\":1,\"range\":65535},"
		       "{\"hostPort\":1,\"containerPort\":1,\"protocol\":\"udp\"}]",
		       "65535");
}

static void what_cannot_be_is_refused_with_its_path(void **state)
{
	(void)state;
	assert_refused("{}", "not a list");
	assert_refused("[7]", "[0]");
	assert_refused("[{\"hostPort\":80}]", "containerPort");
	assert_refused("[{\"containerPort\":80}]", "hostPort");
	assert_refused("[{\"hostPort\":0,\"containerPort\":80}]", "hostPort");
	assert_refused("[{\"hostPort\":65536,\"containerPort\":80}]", "65536");
	assert_refused("[{\"hostPort\":1,\"containerPort\":1,\"protocol\":\"icmp\"}]", "icmp");
	assert_refused("[{\"hostPort\":1,\"containerPort\":1,\"hostIP\":\"::1\"}]", "::1");
	assert_refused("[{\"hostPort\":1,\"containerPort\":1,\"hostIP\":\"localhost\"}]",
		       "localhost");
	assert_refused("[{\"hostPort\":1,\"containerPort\":1},"
		       "{\"hostPort\":1,\"containerPort\":2,\"hostIP\":\"::\"}]",
		       "to 1 and to 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_an_address_it_is_bound_where_the_config_says),
		cmocka_unit_test(without_an_address_it_is_one_of_each_family),
		cmocka_unit_test(keys_and_protocols_are_read_in_any_case),
		cmocka_unit_test(ports_are_in_order_and_none_is_there_twice),
		cmocka_unit_test(an_empty_list_has_no_ports),
		cmocka_unit_test(a_range_may_have_all_ports_and_no_more),
		cmocka_unit_test(what_cannot_be_is_refused_with_its_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
