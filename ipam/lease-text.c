/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lease-text - see lease-text.h. */
#include "ipam/lease-text.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"

static const char separator[] = "\r\n";

uint64_t lease_key(const char *text, size_t len)
{
	/* FNV-1a.  Whoever finds a key reads the file, so a collision costs a read. */
	uint64_t key = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		key = (key ^ (uint8_t)text[i]) * 0x100000001b3;

	return key;
}

int lease_owner_init(struct lease_owner *o, const char *container_id, const char *ifname,
		     struct err *e)
{
	int len = snprintf(o->text, sizeof(o->text), "%s%s%s", container_id, separator, ifname);

	if (len < 0 || (size_t)len >= sizeof(o->text))
		return err_cni(e, CNI_E_ENV,
			       "CNI_CONTAINERID: %zu bytes are too many for a lease; %zu fit",
			       strlen(container_id),
			       sizeof(o->text) - sizeof(separator) - strlen(ifname));

	o->len = (size_t)len;
	o->id_len = strlen(container_id);
	o->key = lease_key(o->text, o->len);
	o->old_key = lease_key(o->text, o->id_len);

	return 0;
}

/* How many bytes of white space @text begins with; @len loses those at both ends. */
static size_t trim(const char *text, size_t *len)
{
	size_t from = 0, to = *len;

	while (from < to && isspace((unsigned char)text[from]))
		from++;
	while (from < to && isspace((unsigned char)text[to - 1]))
		to--;
	*len = to - from;

	return from;
}

enum lease_match lease_owner_match(const struct lease_owner *o, const char *text, size_t len)
{
	text += trim(text, &len);
	if (len == o->len && memcmp(text, o->text, len) == 0)
		return LEASE_OWN;
	if (len == o->id_len && memcmp(text, o->text, len) == 0)
		return LEASE_OLD;

	return LEASE_OTHER;
}

static bool is_torn(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] != '\0' && !isspace((unsigned char)text[i]))
			return false;

	return true;
}

bool lease_text_parse(char *text, size_t len, struct lease_text *ret)
{
	char *split;

	if (is_torn(text, len))
		return false;

	text += trim(text, &len);
	ret->key = lease_key(text, len);
	text[len] = '\0';
	split = strstr(text, separator);
	ret->container_id = text;
	ret->ifname = split ? split + strlen(separator) : NULL;
	if (split)
		*split = '\0';

	return true;
}

/* ---- the stamp ----------------------------------------------------------- */

/* The first @len bytes of a one-line file, "" if it has not that many. */
static void read_id(const char *path, char *ret, size_t len)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, ret, len) != (ssize_t)len || memchr(ret, '\n', len))
		len = 0;
	ret[len] = '\0';
}

void lease_host_read(struct lease_host *ret)
{
	read_id("/etc/machine-id", ret->machine, sizeof(ret->machine) - 1);
	read_id("/proc/sys/kernel/random/boot_id", ret->boot, sizeof(ret->boot) - 1);
}

size_t lease_stamp_write(const struct lease_host *host, char buf[LEASE_STAMP_LEN + 1])
{
	if (!*host->machine || !*host->boot)
		return 0;

	return (size_t)snprintf(buf, LEASE_STAMP_LEN + 1, "%s %s", host->machine, host->boot);
}

bool lease_stamp_is_stale(const struct lease_host *host, const char *stamp, size_t len)
{
	char mine[LEASE_STAMP_LEN + 1];
	const size_t machine_len = sizeof(host->machine); /* with the space */

	if (len == 0 || lease_stamp_write(host, mine) != len)
		return false;

	return memcmp(stamp, mine, machine_len) == 0 && memcmp(stamp, mine, len) != 0;
}
