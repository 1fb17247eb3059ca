/* SPDX-License-Identifier: GPL-2.0-or-later */
/* profile - what a member says about itself, signed */
#include "overlay/profile.h"

#include <errno.h>
#include <stdlib.h>

#include <pb_decode.h>
#include <pb_encode.h>

#include "overlay/member.pb.h"

_Static_assert(member_SignedProfile_size <= PROFILE_MAX, "a signed profile fits into its room");

static struct profile *profile_new(size_t len)
{
	struct profile *p = calloc(1, sizeof(*p) + len);

	if (p)
		p->len = (uint16_t)len;
	return p;
}

void profile_free(struct profile *p)
{
	free(p);
}

static void to_message(const struct profile *of, const uint8_t *admission, member_Profile *m)
{
	*m = (member_Profile){
		.port = of->addr.port,
		.generation = of->generation,
		.version = of->version,
		.protocol = PROTOCOL_VERSION,
		.ip.size = (pb_size_t)ip_size(of->addr.ip.family),
	};
	memcpy(m->key, of->key, sizeof(m->key));
	memcpy(m->admission, admission, sizeof(m->admission));
	memcpy(m->ip.bytes, of->addr.ip.b, m->ip.size);
	memcpy(m->name, of->name, sizeof(m->name));
}

/* An encoded SignedProfile in @buf.  Return: its length. */
static size_t sign_message(const struct env *env, const member_Profile *m, uint8_t *buf, size_t cap)
{
	member_SignedProfile s = member_SignedProfile_init_zero;
	pb_ostream_t inner = pb_ostream_from_buffer(s.profile.bytes, sizeof(s.profile.bytes));
	pb_ostream_t outer = pb_ostream_from_buffer(buf, cap);

	/* Both have room for the largest message, as profile_make() asserts. */
	(void)pb_encode(&inner, member_Profile_fields, m);
	s.profile.size = (pb_size_t)inner.bytes_written;
	env->ops->sign(env->ctx, s.profile.bytes, s.profile.size, s.signature);
	(void)pb_encode(&outer, member_SignedProfile_fields, &s);
	return outer.bytes_written;
}

struct profile *profile_make(const struct env *env, const struct profile *of,
			     const uint8_t admission[NODE_SIG_LEN])
{
	_Static_assert(member_Profile_size <= sizeof(((member_SignedProfile *)0)->profile.bytes),
		       "the largest profile can be signed");
	uint8_t bytes[PROFILE_MAX];
	member_Profile m;
	struct profile *p;
	size_t len;

	to_message(of, admission, &m);
	len = sign_message(env, &m, bytes, sizeof(bytes));
	p = profile_new(len);
	if (!p)
		return NULL;

	memcpy(p->key, of->key, sizeof(p->key));
	memcpy(p->name, of->name, sizeof(p->name));
	memcpy(p->bytes, bytes, len);
	node_id_of_key(p->key, &p->id);
	p->addr = of->addr;
	p->generation = of->generation;
	p->version = of->version;
	p->protocol = PROTOCOL_VERSION;
	return p;
}

static bool ip_of_message(const member_Profile *m, struct ip_addr *ret)
{
	if (m->ip.size != 4 && m->ip.size != 16)
		return false;

	*ret = (struct ip_addr){ .family = m->ip.size == 4 ? AF_INET : AF_INET6 };
	memcpy(ret->b, m->ip.bytes, m->ip.size);
	return !ip_is_unspecified(ret) && !ip_is_multicast(ret);
}

/* What a name may be made of, so that it can be shown and looked up: one DNS label. */
static bool name_is_label(const char *name)
{
	const char *c;

	for (c = name; *c; c++)
		if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') && *c != '-')
			return false;
	return c > name && *name != '-' && c[-1] != '-';
}

static int fill(struct profile *p, const member_Profile *m)
{
	if (!ip_of_message(m, &p->addr.ip) || m->port == 0 || m->port > UINT16_MAX ||
	    !name_is_label(m->name))
		return -EBADMSG;
	if (m->protocol + 1 < PROTOCOL_VERSION)
		return -EPROTONOSUPPORT;

	memcpy(p->key, m->key, sizeof(p->key));
	memcpy(p->name, m->name, sizeof(p->name));
	p->addr.port = (uint16_t)m->port;
	p->generation = m->generation;
	p->version = m->version;
	p->protocol = m->protocol;
	node_id_of_key(p->key, &p->id);
	return 0;
}

static bool holds(const struct env *env, const member_SignedProfile *s, const member_Profile *m)
{
	return env->ops->verify(env->ctx, m->key, s->profile.bytes, s->profile.size,
				s->signature) &&
	       env->ops->admitted(env->ctx, m->key, m->name, m->admission);
}

int profile_read(const struct env *env, const uint8_t *bytes, size_t len, struct profile **ret)
{
	member_SignedProfile s = member_SignedProfile_init_zero;
	member_Profile m = member_Profile_init_zero;
	pb_istream_t outer = pb_istream_from_buffer(bytes, len), inner;
	struct profile *p;
	int r;

	if (len > PROFILE_MAX || !pb_decode(&outer, member_SignedProfile_fields, &s))
		return -EBADMSG;
	inner = pb_istream_from_buffer(s.profile.bytes, s.profile.size);
	if (!pb_decode(&inner, member_Profile_fields, &m))
		return -EBADMSG;

	p = profile_new(len);
	if (!p)
		return -ENOMEM;
	memcpy(p->bytes, bytes, len);
	r = fill(p, &m);
	if (r == 0 && !holds(env, &s, &m))
		r = -EKEYREJECTED;
	if (r < 0) {
		profile_free(p);
		return r;
	}
	*ret = p;
	return 0;
}
