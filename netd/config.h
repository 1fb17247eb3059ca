/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config - what the operator says: /etc/heddle/netd.conf
 *
 *	# a comment
 *	name   = kiln-3
 *	listen = 10.0.0.3, [fd00::3]:4794
 *	seeds  = 10.0.0.1 10.0.0.2
 *
 * Lines of `key = value`; lists are separated by commas or blanks.  Every key is
 * a row of one table in config.c, is checked when it is read, and is in
 * netd.conf(5).  One that is unknown, given twice or bad stops the start:
 *
 *	/etc/heddle/netd.conf:3: vxlan-port: "70000": a port is a number from 1 to 65535
 */
#ifndef NETD_CONFIG_H
#define NETD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "netd/log.h"
#include "overlay/node.h"

struct err;

#define CONFIG_FILE "/etc/heddle/netd.conf"

/*
 * UDP and TCP.  Unassigned by IANA, beside VXLAN's 4789, and below the ports that
 * outgoing connections take; 7946 and 2377 are Docker's, 8472 is flannel's.
 */
#define CONFIG_PORT 4794

#define CONFIG_LISTEN_MAX 8
#define CONFIG_SEEDS_MAX  32
#define CONFIG_POOLS_MAX  16
#define CONFIG_VNI_MAX	  16777215

struct config_addrs {
	struct node_addr list[CONFIG_SEEDS_MAX];
	size_t n;
};

/* Networks without a subnet get one of @size out of @net. */
struct config_pool {
	struct ip_net net;
	uint8_t size; /* prefix length */
};

/* Where metrics are served: neither is set where they are not. */
struct config_metrics {
	char *path;		/* unix socket */
	struct node_addr local; /* loopback address; ip not set: none */
};

#define CONFIG_KEYS 17

struct config {
	char name[NODE_NAME_MAX + 1];  /* default: the host's name up to its first dot */
	struct config_addrs listen;    /* default: all addresses; not empty, all of one port */
	struct ip_addr advertise;      /* not set: chosen by the underlay */
	struct config_addrs seeds;     /* may be empty */
	char *data_dir;		       /* /var/lib/heddle/netd */
	char *run_dir;		       /* /run/heddle */
	char *cni_conf_dir;	       /* /etc/cni/net.d */
	char *docker_socket;	       /* /run/docker/plugins/heddle.sock; NULL: off */
	struct config_metrics metrics; /* default: metrics.sock in run-dir */
	struct config_pool pools[CONFIG_POOLS_MAX]; /* IPv4; 10.64.0.0/10 size 24 */
	size_t n_pools;
	enum log_level log_level;   /* info */
	enum log_format log_format; /* text */
	gid_t control_gid;	    /* heddle, if there is that group; -1: nobody */
	uid_t uid;		    /* to become, … */
	gid_t gid;
	bool has_user;		   /* … if this is set; else we stay who we are */
	bool masquerade;	   /* true: what leaves an overlay network has the host's address */
	uint16_t vxlan_port;	   /* 4789 */
	uint32_t vni_min, vni_max; /* 65536 to 131071: above Docker's, which begin at 4096 */

	/*
	 * Not of the file: --alone, the operator's word that this disk is no backup and
	 * that whoever is missing will not come back.
	 */
	bool alone;

	/* config.c's own: the text of each key, and where it stands; 0: nowhere. */
	char *text[CONFIG_KEYS];
	unsigned int line[CONFIG_KEYS];
};

/**
 * config_load() - read and check the file
 * @file:	its path; NULL: CONFIG_FILE, which may be missing
 * @ret:	config_clear() frees it
 *
 * Return: 0; -EINVAL with file, line, key, value and rule; -ENOENT if @file is
 * missing; other errnos of reading it.
 */
int config_load(const char *file, struct config *ret, struct err *e);
void config_clear(struct config *c);

/* The same of a text; @name stands for the file in errors. */
int config_parse(const char *name, const char *text, size_t len, struct config *ret, struct err *e);

/**
 * config_reload() - take over from a later reading what may change in a running process
 * @now:	in use; log-level, log-format, seeds, default-pools and masquerade become
 *		@next's
 * @next:	config_clear() it afterwards
 * @ret:	names of keys that differ and need a restart, joined by ", "; "" for none
 */
void config_reload(struct config *now, struct config *next, char *ret, size_t len);

/* "10.0.0.3", "10.0.0.3:4794", "fd00::3", "[fd00::3]:4794"; CONFIG_PORT without one. */
int config_parse_addr(const char *text, struct node_addr *ret);

/* Path of the control socket in run-dir, and its buffer's size: sun_path's. */
#define CONFIG_SOCKET_LEN 108
const char *config_socket(const struct config *c, char ret[CONFIG_SOCKET_LEN]);

#endif
