/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netns - open, compare and visit network namespaces
 */
#ifndef NETNS_H
#define NETNS_H

#include <stdbool.h>

struct err;
struct nl;

/**
 * netns_open() - open a namespace by its path
 * @path:	/run/netns/NAME, /proc/PID/ns/net or the like
 *
 * Return: a descriptor owned by the caller, or a negative errno with
 * CNI_E_NETNS: -ENOENT if the path is not there, -EINVAL if it is no network
 * namespace (a plain file left behind), or the errno of open().
 */
int netns_open(const char *path, struct err *e);

/* Whether netns_open() failed for there is no such namespace, not as nobody could look. */
bool netns_is_gone(int r);

/* The calling thread's own namespace.  Return: a descriptor, or a negative errno. */
int netns_open_self(struct err *e);

/* Whether both descriptors are of one namespace. */
bool netns_same(int a, int b);

/**
 * netns_enter() - make the calling thread a member of a namespace
 * @fd:		from netns_open()
 *
 * Return: 0, or -EPERM without CAP_SYS_ADMIN over it.
 */
int netns_enter(int fd, struct err *e);

/**
 * netns_call() - run a function inside a namespace, and come back
 * @fd:		from netns_open()
 * @fn:		called with the thread in @fd
 * @data:	for @fn
 *
 * Failing to come back would leave later work in the wrong namespace: it
 * aborts the process.
 *
 * Return: what @fn returned, or the error of entering.
 */
int netns_call(int fd, int (*fn)(void *data, struct err *e), void *data, struct err *e);

/**
 * netns_each() - visit every other namespace that is mounted somewhere
 * @fn:		called with an open descriptor, borrowed, and a path of it; what it
 *		does in there, it does by netns_call() or netns_nl_open()
 * @data:	for @fn
 *
 * Engines keep the namespaces of their containers as mounts, /run/netns/NAME or
 * the like.  Each is visited once, however many mounts it has; one that cannot
 * be opened any more is left out.  A failure does not end the walk.
 *
 * Return: 0, or the first error (err_keep()).
 */
int netns_each(int (*fn)(int fd, const char *path, void *data, struct err *e), void *data,
	       struct err *e);

/**
 * netns_id() - the number by which a namespace knows another
 * @nl:		rtnetlink socket opened in the one
 * @fd:		the other
 * @ret:	as in struct link; -1 if it does not know it
 */
int netns_id(struct nl *nl, int fd, int *ret, struct err *e);

/* nl_open() inside the namespace @fd. */
int netns_nl_open(int fd, int bus, struct nl **ret, struct err *e);

#endif
