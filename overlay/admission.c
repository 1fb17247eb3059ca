/* SPDX-License-Identifier: GPL-2.0-or-later */
/* admission - see admission.h. */
#include "overlay/admission.h"

#include <assert.h>

#define STATEMENT_MAX (NODE_KEY_LEN + NODE_NAME_MAX)

bool admission_name_is_valid(const char *name)
{
	size_t len = strnlen(name, NODE_NAME_MAX + 1);

	if (len == 0 || len > NODE_NAME_MAX || name[0] == '-' || name[len - 1] == '-')
		return false;

	return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

/* The key has one length, so the rest is the name and cannot be read otherwise. */
static size_t statement(const uint8_t key[NODE_KEY_LEN], const char *name,
			uint8_t ret[STATEMENT_MAX])
{
	size_t len = strlen(name);

	memcpy(ret, key, NODE_KEY_LEN);
	memcpy(ret + NODE_KEY_LEN, name, len);

	return NODE_KEY_LEN + len;
}

void admission_sign(const struct identity *cluster, const uint8_t key[NODE_KEY_LEN],
		    const char *name, uint8_t ret[NODE_SIG_LEN])
{
	uint8_t said[STATEMENT_MAX];

	assert(admission_name_is_valid(name));
	identity_sign(cluster, SIGN_ADMISSION, said, statement(key, name, said), ret);
}

bool admission_check(const uint8_t cluster_key[NODE_KEY_LEN], const uint8_t key[NODE_KEY_LEN],
		     const char *name, const uint8_t admission[NODE_SIG_LEN])
{
	uint8_t said[STATEMENT_MAX];

	return admission_name_is_valid(name) &&
	       identity_verify(cluster_key, SIGN_ADMISSION, said, statement(key, name, said),
			       admission);
}
