/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cleanup - release what a variable holds when it goes out of scope
 *
 *	AUTO_FREE char *text = NULL;
 *	AUTO_FD int fd = -1;
 *	AUTO(nl_closep) struct nl *nl = NULL;
 *
 * A variable gives its value away with MOVE_PTR() or MOVE_FD(), which leave
 * NULL or -1 behind.  Only memory and descriptors are released like this;
 * changes to the kernel or to files are undone by name, with goto.
 */
#ifndef CLEANUP_H
#define CLEANUP_H

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#define AUTO(fn)  __attribute__((cleanup(fn)))
#define AUTO_FREE AUTO(cleanup_free)
#define AUTO_FD	  AUTO(cleanup_fd)
#define AUTO_JSON AUTO(cleanup_json)

#define MOVE_PTR(p)                                                                                \
	({                                                                                         \
		__auto_type moved_ = (p);                                                          \
		(p) = NULL;                                                                        \
		moved_;                                                                            \
	})

#define MOVE_FD(fd)                                                                                \
	({                                                                                         \
		int moved_ = (fd);                                                                 \
		(fd) = -1;                                                                         \
		moved_;                                                                            \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

/* errno survives, so `return -errno` may follow a scope that closes. */
static inline void cleanup_fd(const int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

static inline void cleanup_json(json_t **json)
{
	json_decref(*json);
}

#endif
