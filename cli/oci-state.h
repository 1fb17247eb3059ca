/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * oci-state - what an OCI runtime tells a hook, and what the container asks for
 *
 *	io.heddle.networks	lows-network:ip=192.168.1.5; back-end
 *	io.heddle.ports		8080:80, 53:53/udp
 *	io.heddle.ip, .ip6, .mac, .ifname	in the only network
 *	io.heddle.name		for people; the container's ID where it is not given
 *
 * Pure.
 *
 * Source: OCI runtime specification 1.1, "State", "Linux namespaces" and "POSIX-platform
 * Hooks".
 */
#ifndef OCI_STATE_H
#define OCI_STATE_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct attach_options;
struct err;

/* Strings are borrowed from the document. */
struct oci_state {
	const char *id, *bundle;
	uint32_t pid;	     /* 0: there is no process, any more */
	bool stopped;	     /* the hook is poststop */
	json_t *annotations; /* borrowed, NULL: none */
};

/* Return: 0; -EINVAL with what is wrong with it. */
int oci_state_read(json_t *doc, struct oci_state *ret, struct err *e);

/**
 * oci_state_netns() - the container's network namespace, by its config.json
 * @config:	that document
 * @ret:	its path
 *
 * Return: 1; 0 if the container is in the host's; -EINVAL if config.json is none, or there is
 * no process whose namespace it would be.
 */
int oci_state_netns(const struct oci_state *state, json_t *config, char ret[PATH_MAX],
		    struct err *e);

/**
 * oci_state_options() - read the annotations
 * @ret:	gets what they say, may have something already
 * @ret_name:	io.heddle.name, borrowed; untouched without it
 *
 * Others than those of io.heddle are nobody's business here; of those, an
 * unknown one is an error.
 *
 * Return: 0; -EINVAL with the annotation; -ENOMEM.
 */
int oci_state_options(const struct oci_state *state, struct attach_options *ret,
		      const char **ret_name, struct err *e);

#endif
