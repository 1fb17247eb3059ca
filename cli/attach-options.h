/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attach-options - the options by which a container says what it wants
 *
 * Shared by attach, connect and the hooks, as a child of their own argp.
 */
#ifndef ATTACH_OPTIONS_H
#define ATTACH_OPTIONS_H

#include <argp.h>

#include "cli/container.h"
#include "cli/endpoint-spec.h"
#include "cli/port-spec.h"

struct attach_options {
	struct endpoint_specs networks;
	struct endpoint_spec single; /* --ip and the like, for the only network */
	struct port_spec *ports;
	size_t n_ports;
};

/* Of the child; its input is a struct attach_options, all zero. */
extern const struct argp attach_options_argp;

void attach_options_clear(struct attach_options *o);

/* Read a -p.  Return: 0; -EINVAL; -ENOMEM. */
int attach_options_add_port(struct attach_options *o, const char *text, struct err *e);

/**
 * attach_options_finish() - bring the options together
 * @fallback:	the network of those who name none
 * @ret:	borrowed from @o
 *
 * Return: 0; -EINVAL if --ip and the like are for one of several networks; -ENOMEM.
 */
int attach_options_finish(struct attach_options *o, const char *fallback,
			  struct container_wish *ret, struct err *e);

#endif
