/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target - the network namespace that a person means
 *
 *	web			`ip netns` name: /run/netns/web
 *	1234			the process with that number
 *	/run/netns/web		any path of one
 *
 * What `ip netns` has a name for is known by it, however it was said: that is
 * the container's name and ID.  Any other has none of its own.
 */
#ifndef TARGET_H
#define TARGET_H

struct err;

struct target {
	char *path; /* of the namespace: by the name of `ip netns` if it has one, else as given */
	char *name; /* NULL: it has none */
	int fd;	    /* the namespace, open */
};

#define TARGET_NONE ((struct target){ .fd = -1 })

/**
 * target_open() - find a namespace
 * @text:	as above
 * @ret:	owned by the caller, target_close()
 *
 * Return: 0; -ENOENT if there is none; -EINVAL if the path is no network namespace,
 * or it is the one that this process is in itself; -ENOMEM.
 */
int target_open(const char *text, struct target *ret, struct err *e);
void target_close(struct target *t);

#endif
