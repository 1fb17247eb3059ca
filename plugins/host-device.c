/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host-device - CNI plugin: an interface of the host moves into the container
 *
 *	container          host
 *	  eth0 ◄────────── ens3, by its name, MAC address, or place in sysfs
 *
 * DEL brings it back under its own name, and down, as the kernel leaves what
 * moves.  lib/lent.h has how it is found again.  A device whose driver hands it
 * to a program in the container (DPDK) has no interface; it gets addresses, and
 * nothing is done about links.
 *
 * Source: CNI specification; keys and defaults as the reference's host-device
 * plugin 1.9.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "ipam/ipam.h"
#include "lib/attachment.h"
#include "lib/cleanup.h"
#include "lib/cni.h"
#include "lib/device.h"
#include "lib/iface.h"
#include "lib/lent.h"
#include "lib/link.h"
#include "lib/netns.h"
#include "lib/nl.h"

/* ---- config -------------------------------------------------------------- */

/* Borrowed from the config, NULL or "" for none.  The first one given counts, in this order. */
struct conf {
	const char *device;
	const char *hwaddr;
	uint8_t mac[MAC_LEN]; /* of hwaddr */
	const char *kernelpath;
	const char *pci_id;
	const char *device_id; /* what a device manager chose, in the place of pci_id */
};

static bool is_given(const char *text)
{
	return text && *text;
}

static int read_device(const struct jnode *n, void *data, struct err *e)
{
	struct conf *conf = data;
	int r = jn_str(n, &conf->device, e);

	return r == 0 && *conf->device ? attachment_read_ifname(n, &conf->device, e) : r;
}

static int read_hwaddr(const struct jnode *n, void *data, struct err *e)
{
	struct conf *conf = data;
	int r = jn_str(n, &conf->hwaddr, e);

	return r == 0 && *conf->hwaddr ? jn_mac(n, conf->mac, e) : r;
}

static int read_kernelpath(const struct jnode *n, void *data, struct err *e)
{
	static const char top[] = "/sys/devices/";
	struct conf *conf = data;
	int r = jn_str(n, &conf->kernelpath, e);

	if (r < 0 || !*conf->kernelpath)
		return r;
	if (strncmp(conf->kernelpath, top, strlen(top)) != 0 ||
	    strlen(conf->kernelpath) >= PATH_MAX)
		return jn_bad(n, e, "\"%.128s\" is not a path below %s", conf->kernelpath, top);

	return 0;
}

static const struct jn_key conf_keys[] = {
	{ "device", JN_CALL, 0, .call = read_device },
	{ "hwaddr", JN_CALL, 0, .call = read_hwaddr },
	{ "kernelpath", JN_CALL, 0, .call = read_kernelpath },
	{ "pciBusID", JN_STR, offsetof(struct conf, pci_id) },
	{ 0 },
};

static int conf_read(const struct cni_request *rq, struct conf *ret, struct err *e)
{
	struct conf conf = { 0 };
	struct jnode parent, value;
	int r = jn_read(&rq->conf, conf_keys, &conf, e);

	if (r == 0 && cni_runtime(rq, "deviceID", &parent, &value))
		r = jn_str(&value, &conf.device_id, e);
	if (r == 0)
		*ret = conf;

	return r;
}

/* ---- the device ---------------------------------------------------------- */

/* Where sysfs has it. */
struct place {
	char dir[PATH_MAX]; /* "" if it isn't known by that */
	const char *pci_id; /* borrowed, NULL if it isn't known by that */
	bool in_userspace;  /* its driver hands it to a program */
};

static int find_pci(const char *id, struct place *place, struct err *e)
{
	if (device_dir("pci", id, place->dir) < 0)
		return err_cni(e, CNI_E_CONFIG, "pciBusID: there is no PCI device \"%.64s\"", id);
	place->pci_id = id;

	return 0;
}

static int find_device_id(const char *id, struct place *place, struct err *e)
{
	if (device_dir("pci", id, place->dir) == 0)
		place->pci_id = id;
	else if (device_dir("auxiliary", id, place->dir) < 0)
		return err_cni(e, CNI_E_CONFIG,
			       "runtimeConfig.deviceID: there is no PCI or auxiliary device "
			       "\"%.64s\"",
			       id);

	return 0;
}

static int find_place(const struct conf *conf, struct place *ret, struct err *e)
{
	struct place place = { 0 };
	int r = 0;

	if (is_given(conf->device_id))
		r = find_device_id(conf->device_id, &place, e);
	else if (is_given(conf->pci_id))
		r = find_pci(conf->pci_id, &place, e);
	if (r < 0)
		return r;
	place.in_userspace = *place.dir && device_is_in_userspace(place.dir);
	if (is_given(conf->kernelpath)) {
		snprintf(place.dir, sizeof(place.dir), "%s", conf->kernelpath);
		place.pci_id = NULL;
	}
	*ret = place;

	return 0;
}

struct by_mac {
	const uint8_t *mac;
	struct link *ret;
	bool found;
};

static int match_mac(const struct link *link, void *data)
{
	struct by_mac *s = data;

	/* The first: what is on top of an interface has its MAC address, and a higher number. */
	if (!s->found && link->has_mac && memcmp(link->mac, s->mac, MAC_LEN) == 0) {
		*s->ret = *link;
		s->found = true;
	}

	return 0;
}

static int find_by_mac(struct nl *host, const struct conf *conf, struct link *ret, struct err *e)
{
	struct by_mac s = { .mac = conf->mac, .ret = ret };
	int r = link_each(host, match_mac, &s, e);

	if (r < 0 || s.found)
		return r;

	return err_cni(e, CNI_E_CONFIG,
		       "hwaddr: no interface of this host has the MAC address %s; is it in another "
		       "container?",
		       conf->hwaddr);
}

static int find_by_name(struct nl *host, const char *name, struct link *ret, struct err *e)
{
	int r = link_get(host, name, ret, e);

	if (r != -ENODEV)
		return r;

	return err_cni(e, CNI_E_CONFIG,
		       "device: there is no interface %s on this host; is it in another container?",
		       name);
}

static int find_device(struct nl *host, const struct conf *conf, const struct place *place,
		       struct link *ret, struct err *e)
{
	char name[IFNAMSIZ];
	int r;

	if (is_given(conf->device))
		return find_by_name(host, conf->device, ret, e);
	if (is_given(conf->hwaddr))
		return find_by_mac(host, conf, ret, e);
	if (!*place->dir)
		return err_cni(e, CNI_E_CONFIG,
			       "none of device, hwaddr, kernelpath, pciBusID and "
			       "runtimeConfig.deviceID says which device");
	r = device_ifname(place->dir, name, e);

	return r < 0 ? r : find_by_name(host, name, ret, e);
}

/* ---- ADD ----------------------------------------------------------------- */

struct add {
	const struct cni_request *rq;
	struct conf conf;
	struct place place;
	struct nl *host, *inside;
	struct cni_result *res;
	struct link device; /* as it was on the host */
	struct link link;   /* as it is in the container */
	bool has_addresses; /* from IPAM */
};

static void add_clear(struct add *a)
{
	nl_close(a->host);
	nl_close(a->inside);
}

/* Everything that can be wrong and can be seen before anything is changed. */
static int look_first(struct add *a, struct err *e)
{
	const struct cni_request *rq = a->rq;
	int r;

	if ((r = conf_read(rq, &a->conf, e)) < 0 || (r = nl_open(NETLINK_ROUTE, &a->host, e)) < 0 ||
	    (r = netns_nl_open(rq->netns_fd, NETLINK_ROUTE, &a->inside, e)) < 0 ||
	    (r = find_place(&a->conf, &a->place, e)) < 0)
		return r;
	if (a->place.in_userspace)
		return 0;
	r = attachment_need_free(rq, a->inside, e);

	return r < 0 ? r : find_device(a->host, &a->conf, &a->place, &a->device, e);
}

/* On failure nothing is kept. */
static int get_addresses(struct add *a, struct err *e)
{
	int r;

	if (!ipam_configured(a->rq))
		return 0;
	r = ipam_add(a->rq, a->res, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < a->res->n_ips; i++)
		a->res->ips[i].iface = a->place.in_userspace ? -1 : 0;
	a->has_addresses = a->res->n_ips > 0;
	if (a->has_addresses)
		return 0;
	(void)ipam_del(a->rq, NULL);

	return err_cni(e, CNI_E_CONFIG, "ipam: the IPAM plugin gave no address");
}

static int move_in(struct add *a, struct err *e)
{
	int r;

	if (a->place.in_userspace)
		return 0;
	r = lent_move_in(a->host, &a->device, a->rq, e);
	if (r < 0)
		return err_wrap(e, r, "move %s into the container", a->device.name);

	return link_get(a->inside, a->rq->ifname, &a->link, e);
}

/* As it was before, but for the addresses that it had: the kernel forgets them as it moves. */
static void undo_move(struct add *a)
{
	struct link link;

	if (a->place.in_userspace)
		return;
	(void)lent_move_out(a->host, a->rq, NULL);
	if (link_get(a->host, a->device.name, &link, NULL) < 0)
		return;
	link_put_alias(a->host, link.index, a->device.alias);
	link_put_flags(a->host, link.index, a->device.flags, IFF_UP);
	(void)nl_commit(a->host, NULL);
}

static int configure_inside(struct add *a, struct err *e)
{
	const struct iface_conf conf = {
		.netns_fd = a->rq->netns_fd,
		.name = a->rq->ifname,
		.res = a->res,
		.iface = 0,
	};
	int r = a->place.in_userspace ? 0 : iface_configure(a->inside, &conf, NULL, e);

	/* Not every driver lets the MAC address be set while the interface is up. */
	if (r == 0 && a->link.has_mac && a->has_addresses)
		(void)iface_announce(a->inside, a->link.index, a->link.mac, NULL);

	return r;
}

static int report(struct add *a, struct err *e)
{
	struct cni_iface *iface;
	int r;

	if (a->place.in_userspace)
		return 0;
	r = attachment_report(a->res, a->rq->ifname, a->link.has_mac ? a->link.mac : NULL,
			      a->rq->netns, e);
	if (r < 0 || !a->place.pci_id)
		return r;
	iface = &a->res->ifaces[r];
	iface->pci_id = strdup(a->place.pci_id);

	return iface->pci_id ? 0 : err_sys(e, ENOMEM, "report %s", a->rq->ifname);
}

static void undo(struct add *a)
{
	bool release_first = ipam_needs_interface(a->rq);

	if (a->has_addresses && release_first)
		(void)ipam_del(a->rq, NULL);
	undo_move(a);
	if (a->has_addresses && !release_first)
		(void)ipam_del(a->rq, NULL);
}

/*
 * An IPAM that has no use for the interface is asked first: when it has no
 * address left, the device need not go down for that.
 */
static int make(struct add *a, struct err *e)
{
	bool move_first = ipam_needs_interface(a->rq);
	int r = move_first ? 0 : get_addresses(a, e);

	if (r < 0)
		return r;
	r = move_in(a, e);
	if (r == 0 && move_first)
		r = get_addresses(a, e);
	if (r == 0)
		r = attachment_set_dns(a->rq, a->res, e);
	if (r == 0)
		r = configure_inside(a, e);
	if (r == 0)
		r = report(a, e);
	/* Also the move whose outcome is unknown, as the answer was lost. */
	if (r < 0)
		undo(a);

	return r;
}

static int host_device_add(const struct cni_request *rq, struct cni_result *res, struct err *e)
{
	struct add a = { .rq = rq, .res = res };
	int r = look_first(&a, e);

	if (r == 0)
		r = make(&a, e);
	add_clear(&a);

	return r;
}

/* ---- DEL ----------------------------------------------------------------- */

static int move_out(const struct cni_request *rq, struct err *e)
{
	AUTO(nl_closep) struct nl *host = NULL;
	int r = nl_open(NETLINK_ROUTE, &host, e);

	return r < 0 ? r : lent_move_out(host, rq, e);
}

/* The config is not asked which device it was: the device itself says so. */
static int host_device_del(const struct cni_request *rq, struct err *e)
{
	struct err next = { 0 };
	int first;

	if (ipam_needs_interface(rq)) {
		first = ipam_del(rq, e);
		return err_keep(first, e, move_out(rq, &next), &next);
	}
	first = move_out(rq, e);
	/* A device that is still in the container may still use its address. */
	if (first < 0 && first != -EEXIST)
		return first;

	return err_keep(first, e, ipam_del(rq, &next), &next);
}

/* ---- CHECK --------------------------------------------------------------- */

static int check_mark(const struct cni_request *rq, struct nl *inside, struct err *e)
{
	struct link link;

	/* If it is missing, iface_check() says so. */
	if (link_get(inside, rq->ifname, &link, NULL) < 0 || lent_to(rq, &link))
		return 0;

	return cni_differs(e,
			   "%s in the container has lost the alias by which DEL would know that it "
			   "is the host's",
			   rq->ifname);
}

static int check_inside(const struct cni_request *rq, struct err *e)
{
	AUTO(nl_closep) struct nl *inside = NULL;
	int r = netns_nl_open(rq->netns_fd, NETLINK_ROUTE, &inside, e);

	if (r < 0)
		return r;
	CNI_CHECK_STEP(r, iface_check(inside, rq->ifname, rq->netns, rq->prev, e));
	CNI_CHECK_STEP(r, check_mark(rq, inside, e));

	return r;
}

static int host_device_check(const struct cni_request *rq, struct err *e)
{
	struct err step = { 0 };
	struct place place;
	struct conf conf;
	int r;

	if ((r = cni_need_prev(rq, e)) < 0 || (r = conf_read(rq, &conf, e)) < 0 ||
	    (r = find_place(&conf, &place, e)) < 0)
		return r;
	if (!place.in_userspace)
		CNI_CHECK_STEP(r, check_inside(rq, e));
	CNI_CHECK_STEP(r, cni_fold(e, ipam_check(rq, &step), &step));

	return r;
}

/* ---- GC and STATUS ------------------------------------------------------- */

static int host_device_gc(const struct cni_request *rq, struct err *e)
{
	AUTO(nl_closep) struct nl *host = NULL;
	struct err next = { 0 };
	int first = nl_open(NETLINK_ROUTE, &host, e);

	if (first == 0)
		first = lent_gc(host, rq, e);

	return err_keep(first, e, ipam_gc(rq, &next), &next);
}

/* That the device is in a container is what it is for, and no failure. */
static int host_device_status(const struct cni_request *rq, struct err *e)
{
	struct conf conf;
	int r = conf_read(rq, &conf, e);

	return r < 0 ? r : ipam_status(rq, e);
}

int main(void)
{
	static const struct cni_plugin host_device = {
		.name = "host-device",
		.add = host_device_add,
		.del = host_device_del,
		.check = host_device_check,
		.gc = host_device_gc,
		.status = host_device_status,
	};

	return cni_main(&host_device);
}
