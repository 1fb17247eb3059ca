/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gc - see gc.h. */
#include "lib/gc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cni.h"
#include "lib/err.h"

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, OWNER_KEY_LEN);
}

int gc_init(struct gc *gc, const char *network, const struct cni_attachment *valid, size_t n_valid,
	    struct err *e)
{
	char(*keys)[OWNER_KEY_LEN] = calloc(n_valid + 1, sizeof(*keys));
	struct owner owner;

	if (!keys)
		return err_sys(e, ENOMEM, "list the attachments of %s that are in use", network);
	for (size_t i = 0; i < n_valid; i++) {
		owner_init(&owner, network, valid[i].container_id, valid[i].ifname);
		memcpy(keys[i], owner.tag, OWNER_KEY_LEN);
	}
	qsort(keys, n_valid, sizeof(*keys), compare_keys);

	*gc = (struct gc){ .network = network, .valid = valid, .n_valid = n_valid, .keys = keys };
	owner_init_network(&gc->owner, network);

	return 0;
}

void gc_clear(struct gc *gc)
{
	free(gc->keys);
	gc->keys = NULL;
}

bool gc_is_garbage(const struct gc *gc, const char *tag, size_t len)
{
	if (!owner_has_network(&gc->owner, tag, len) || len < OWNER_KEY_LEN)
		return false;

	return !bsearch(tag, gc->keys, gc->n_valid, sizeof(*gc->keys), compare_keys);
}

bool gc_is_garbage_id(const struct gc *gc, const char *network, const char *container_id)
{
	if (strcmp(network, gc->network) != 0)
		return false;
	for (size_t i = 0; i < gc->n_valid; i++)
		if (strcmp(gc->valid[i].container_id, container_id) == 0)
			return false;

	return true;
}
