/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli_format_fuzz - any bytes as a template for a network; an error has its place */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <string.h>

#include "cli/format.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static const char network[] =
	"{\"Name\":\"lows-network\",\"Internal\":false,\"Nothing\":null,\"N\":7,\"Words\":[\"x\"],"
	"\"IPAM\":{\"Config\":[{\"Subnet\":\"192.168.1.0/24\",\".IPRange\":\"\"}]},"
	"\"Labels\":{\"k\":\"v\"},\".Label\":{\"k\":\"v\"},"
	"\"Containers\":{\"a\":{\"Name\":\"web\"},\"b\":{\"Name\":\"db\"}}}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static json_t *value, *before;
	AUTO_FREE char *template = calloc(1, size + 1);
	AUTO_FREE char *text = NULL;
	struct err e = { 0 };
	int r;

	if (!value) {
		value = json_loads(network, 0, NULL);
		before = json_deep_copy(value);
	}
	MUST(value && before && template);
	memcpy(template, data, size);

	r = format_run(template, value, &text, &e);
	MUST(r == 0 || r == -EINVAL);
	MUST((r == 0) == (text != NULL));
	MUST(r == 0 || strncmp(e.msg, "template, line ", 15) == 0);
	MUST(json_equal(value, before) && value->refcount == 1);

	return 0;
}
