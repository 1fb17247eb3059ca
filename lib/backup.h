/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backup - what an interface and its namespace had before tuning, in a file
 *
 * The kernel cannot give old values back, so they are kept from ADD to DEL in
 * DIR/CONTAINER-ID_IFNAME.json, as the reference keeps them: either program
 * restores what the other one saved.  Two keys are ours, and the reference
 * passes over them:
 *
 *	"owner"		the attachment's tag (owner.h), by which GC knows the network
 *	"sysctl"	{"net/core/somaxconn": ["4096", "1024"]}: old value, new value
 *
 * The file appears whole or not at all.  It is not synced: it means nothing
 * after a reboot.
 *
 * Source: file as the reference's tuning plugin 1.9 writes it.
 */
#ifndef BACKUP_H
#define BACKUP_H

#include <stddef.h>

#include "lib/netsysctl.h"
#include "lib/tune.h"

struct err;
struct gc;
struct owner;

#define BACKUP_DIR "/run/cni/tuning"

/* A setting of the namespace; strings are owned. */
struct backup_sysctl {
	char path[NETSYSCTL_PATH_SIZE];
	char *old; /* NULL: it cannot be read */
	char *new;
};

struct backup {
	struct tune link;
	struct backup_sysctl *sysctls;
	size_t n_sysctls;
};

void backup_clear(struct backup *b);

/* Append a setting.  Return: 0 or -ENOMEM. */
int backup_add(struct backup *b, const char *path, const char *old, const char *new, struct err *e);

/* Where the file of an attachment is; all borrowed. */
struct backup_place {
	const char *dir;
	const char *container_id, *ifname;
	const struct owner *owner;
};

/* Write the file, in place of one that is there.  The directory is made if it is missing. */
int backup_save(const struct backup_place *at, const struct backup *b, struct err *e);

/**
 * backup_load() - read the file
 * @ret:	to be released with backup_clear()
 *
 * Return: 1; 0 if there is none, it is another attachment's, or it was cut
 * short; -ENOMEM or the errno of open() or read().
 */
int backup_load(const struct backup_place *at, struct backup *ret, struct err *e);

/* Remove the file, and what was left by a backup_save() that was killed.  Another's stays. */
int backup_remove(const struct backup_place *at, struct err *e);

/* Remove the files that are garbage.  Those of the reference name no network, and stay. */
int backup_gc(const char *path, const struct gc *gc, struct err *e);

#endif
