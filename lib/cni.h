/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cni - the protocol between a runtime and a plugin
 *
 * A plugin is a table of callbacks; cni_main() is the rest: environment,
 * stdin, versions, validation, error object, result.
 *
 *	int main(void)
 *	{
 *		static const struct cni_plugin plugin = {
 *			.name = "ptp", .add = ptp_add, .del = ptp_del, ...
 *		};
 *		return cni_main(&plugin);
 *	}
 *
 * Source: CNI specification 0.1.0 to 1.1.0; behaviour of the reference's pkg/skel.
 */
#ifndef CNI_H
#define CNI_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/cni-result.h"
#include "lib/err.h"
#include "lib/jnode.h"
#include "lib/owner.h"

enum cni_command { CNI_ADD, CNI_DEL, CNI_CHECK, CNI_GC, CNI_STATUS, CNI_VERSION };

/* An attachment that GC must leave alone; both borrowed from the config. */
struct cni_attachment {
	const char *container_id;
	const char *ifname;
};

/*
 * What the runtime asks for.  Strings are borrowed from the environment or the
 * document and live as long as the request.  "" stands for an unset optional
 * variable, never NULL.
 */
struct cni_request {
	enum cni_command command;
	const char *container_id; /* "" on GC and STATUS */
	const char *netns;	  /* path as given */
	int netns_fd;	    /* open on ADD and CHECK; on DEL -1 if it is gone or no namespace */
	const char *ifname; /* "" on GC and STATUS */
	const char *args;   /* CNI_ARGS, see cni_args_parse() */
	const char *path;   /* CNI_PATH */
	enum cni_version version; /* the config's cniVersion */
	const char *network;	  /* the config's name, validated */
	struct jnode conf;	  /* the whole config */
	const char *text;	  /* the config as it came in, for a delegate */
	size_t text_len;
	const struct cni_result *prev; /* prevResult, NULL if there is none */
	struct owner owner;	       /* the attachment's marks; GC and STATUS: the network's */
	const struct cni_attachment *valid; /* GC: n_valid of them */
	size_t n_valid;
	bool valid_given; /* GC: the key was there, or null; without it GC does nothing */
};

struct cni_plugin {
	const char *name;
	enum cni_version min_version; /* oldest that it speaks, 0 for all */
	bool own_netns;		      /* CNI_NETNS is the plugin's own, as `host` wants it */
	bool any_netns; /* CNI_NETNS is not looked at: IPAM hands out addresses only */
	/*
	 * @res is empty on entry and printed on success.  Whatever add() made
	 * is undone when it fails.
	 */
	int (*add)(const struct cni_request *rq, struct cni_result *res, struct err *e);
	int (*del)(const struct cni_request *rq, struct err *e);
	int (*check)(const struct cni_request *rq, struct err *e);
	int (*gc)(const struct cni_request *rq, struct err *e);	    /* NULL: nothing to collect */
	int (*status)(const struct cni_request *rq, struct err *e); /* NULL: always ready */
};

/**
 * cni_main() - be the plugin: environment and stdin in, result or error out
 * @plugin:	its callbacks
 *
 * Return: the exit status, 0 or 1.
 */
int cni_main(const struct cni_plugin *plugin);

/* Keys of CNI_ARGS that any plugin of ours knows; NULL if not given. */
struct cni_args {
	char *text;	/* owned, what the others point into */
	const char *ip; /* one address or a comma list */
	const char *mac;
	const char *gateway;
};

/**
 * cni_args_parse() - read "KEY=VALUE;KEY=VALUE"
 * @text:	CNI_ARGS, may be ""
 * @ret:	filled in; cni_args_clear() frees it
 *
 * Unknown keys are an error unless IgnoreUnknown is true (1, t, true, as Go's
 * ParseBool).  The keys of all our plugins are known to each.
 *
 * Return: 0; -EINVAL with CNI_E_ENV; -ENOMEM.
 */
int cni_args_parse(const char *text, struct cni_args *ret, struct err *e);
void cni_args_clear(struct cni_args *a);

/**
 * cni_runtime() - a value the runtime passed for a capability
 * @rq:		request
 * @key:	"mac", "ips", "portMappings", …
 * @parent:	storage for the runtimeConfig node, which @ret points to
 * @ret:	the value
 *
 * Return: true if runtimeConfig has it.
 */
bool cni_runtime(const struct cni_request *rq, const char *key, struct jnode *parent,
		 struct jnode *ret);

/* The same for the config's args.cni. @parents: storage for two nodes. */
bool cni_args_conf(const struct cni_request *rq, const char *key, struct jnode parents[2],
		   struct jnode *ret);

/**
 * cni_mac() - the MAC address that the runtime or the config asks for
 * @ret:	six bytes
 * @ret_given:	false: nobody asks for one, @ret is untouched
 *
 * In falling order of weight: runtimeConfig.mac, args.cni.mac, MAC in CNI_ARGS.
 *
 * Return: 0; -EINVAL naming the bad value, which also a multicast address is.
 */
int cni_mac(const struct cni_request *rq, uint8_t ret[6], bool *ret_given, struct err *e);

/* Rules of the specification; @what names the variable or key in the error. */
int cni_valid_id(const char *id, const char *what, int code, struct err *e);
int cni_valid_ifname(const char *name, const char *what, struct err *e);

/**
 * cni_differs() - report one difference that CHECK has found
 * @e:		may hold earlier differences
 * @fmt:	what is live and what the result says
 *
 * The first is the error's message, all are in its details.
 *
 * Return: -ESTALE.
 */
int cni_differs(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/**
 * cni_fold() - take a step's own error into the differences found so far
 * @e:		differences of earlier steps
 * @r:		what the step returned
 * @step:	what it reported, in an error of its own
 *
 * Return: @r; a difference was added to @e, any other error took its place.
 */
int cni_fold(struct err *e, int r, const struct err *step);

/*
 * Evaluates @step in a function that returns int: a difference is kept in
 * @first and the check goes on, any other error is returned at once.
 */
#define CNI_CHECK_STEP(first, step)                                                                \
	do {                                                                                       \
		int step_ = (step);                                                                \
		if (step_ < 0 && step_ != -ESTALE)                                                 \
			return step_;                                                              \
		(first) = (first) < 0 ? (first) : step_;                                           \
	} while (0)

/* Reports a CHECK without a prevResult. */
int cni_need_prev(const struct cni_request *rq, struct err *e);

/* Whether GC was told that this attachment is still in use. */
bool cni_is_valid(const struct cni_request *rq, const char *container_id, const char *ifname);

#endif
