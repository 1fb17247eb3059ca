/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conflist - the files by which engines on this node know the cluster's networks
 *
 *	CNI-CONF-DIR/zz-heddle-NAME.conflist
 *
 * As `heddle network create` writes them, with "netd" in the object "heddle":
 * the definition's id.  So a network of this host alone that has the same name is
 * known for what it is, and left.  Files of ours that somebody removes or changes
 * are written again: their networks are the cluster's, and one host cannot take
 * them back.
 */
#ifndef NETD_CONFLIST_H
#define NETD_CONFLIST_H

#include <jansson.h>
#include <stdint.h>

struct conflists;
struct err;
struct ev_loop;

/* What is to be there; asked whenever the directory has changed. */
struct conflist_owner {
	/* Calls @fn for each network that should have a file: its name, and its conflist. */
	void (*each)(void *ctx, void (*fn)(void *arg, const char *name, json_t *doc), void *arg);
	void *ctx;
};

/**
 * conflists_new() - look after a directory, which is made if it is not there
 * @dir:	its path, copied
 *
 * Return: 0; the errno of inotify or of making the directory; -ENOMEM.
 */
int conflists_new(struct ev_loop *loop, const char *dir, const struct conflist_owner *owner,
		  struct conflists **ret, struct err *e);
void conflists_free(struct conflists *c);

/*
 * What should be there has changed: write what is missing, and remove what is ours
 * and should not be there.  What fails is logged, and tried again after a while.
 */
void conflists_sync(struct conflists *c);

struct conflist_counters {
	uint64_t written;
	uint64_t restored; /* of them: somebody had removed or changed the file */
	uint64_t removed;
	uint64_t taken;	 /* names that a network of this host alone has: as of the last look */
	uint64_t failed; /* attempts */
};

const struct conflist_counters *conflists_counters(const struct conflists *c);

#endif
