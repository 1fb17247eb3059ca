/* SPDX-License-Identifier: GPL-2.0-or-later */
/* endpoint - see endpoint.h */
#include "overlay/endpoint.h"

#include <pb_decode.h>
#include <pb_encode.h>
#include <stdio.h>

#include "overlay/endpoint.pb.h"

size_t endpoint_write(const struct endpoint_text *t, uint8_t ret[ROW_VALUE_MAX])
{
	endpoint_Endpoint m = endpoint_Endpoint_init_zero;
	pb_ostream_t out = pb_ostream_from_buffer(ret, ROW_VALUE_MAX);

	memcpy(m.mac, t->mac, sizeof(m.mac));
	for (size_t i = 0; i < t->n_ips; i++) {
		m.ip[i].size = (pb_size_t)ip_size(t->ips[i].family);
		memcpy(m.ip[i].bytes, t->ips[i].b, m.ip[i].size);
	}
	m.ip_count = (pb_size_t)t->n_ips;
	snprintf(m.container, sizeof(m.container), "%s", t->container);
	snprintf(m.ifname, sizeof(m.ifname), "%s", t->ifname);
	for (size_t i = 0; i < t->n_names; i++)
		snprintf(m.name[i], sizeof(m.name[i]), "%s", t->names[i]);
	m.name_count = (pb_size_t)t->n_names;
	m.mtu = t->mtu;

	return pb_encode(&out, endpoint_Endpoint_fields, &m) ? out.bytes_written : 0;
}

static bool read_ips(const endpoint_Endpoint *m, struct endpoint_text *t)
{
	for (pb_size_t i = 0; i < m->ip_count; i++) {
		if (m->ip[i].size != 4 && m->ip[i].size != 16)
			return false;
		t->ips[i].family = m->ip[i].size == 4 ? AF_INET : AF_INET6;
		memcpy(t->ips[i].b, m->ip[i].bytes, m->ip[i].size);
	}
	t->n_ips = m->ip_count;

	return true;
}

bool endpoint_read(const struct row *row, struct endpoint_text *ret)
{
	endpoint_Endpoint m = endpoint_Endpoint_init_zero;
	pb_istream_t in = pb_istream_from_buffer(row->bytes + row->key_len, row->value_len);
	struct endpoint_text t = { 0 };

	if (row->kind != ROW_ENDPOINT || !pb_decode(&in, endpoint_Endpoint_fields, &m) ||
	    !read_ips(&m, &t))
		return false;
	memcpy(t.mac, m.mac, sizeof(t.mac));
	snprintf(t.container, sizeof(t.container), "%s", m.container);
	snprintf(t.ifname, sizeof(t.ifname), "%s", m.ifname);
	for (pb_size_t i = 0; i < m.name_count; i++)
		snprintf(t.names[i], sizeof(t.names[i]), "%s", m.name[i]);
	t.n_names = m.name_count;
	t.mtu = m.mtu;
	*ret = t;

	return true;
}
