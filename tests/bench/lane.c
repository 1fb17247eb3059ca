/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lane - one contender in a world of its own
 *
 * A lane's host and its containers are network namespaces, its leases are a
 * directory.  Namespaces are bound to paths as a runtime does it, in a mount
 * namespace that ends with this process, so nothing is left after a crash.
 * They are not closed between scenarios: the kernel would be busy with them
 * while the next scenario is being measured.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/bench.h"

static char work[PATH_MAX / 2]; /* options.work_dir, absolute */
static int work_lock = -1;

/* ---- the world -------------------------------------------------------------- */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	if (at->level > 0 && remove(path) < 0)
		die("remove %s", path);

	return 0;
}

static void work_empty(void)
{
	if (nftw(work, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0)
		die("empty %s", work);
}

static void make_dir(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		die("make the directory %s", path);
}

static void mount_tmpfs(const char *dir)
{
	if (mount("bench", dir, "tmpfs", 0, "mode=755") < 0)
		die("mount a tmpfs on %s", dir);
}

void world_open(void)
{
	char dir[PATH_MAX];

	make_dir(options.work_dir);
	if (!realpath(options.work_dir, dir))
		die("find %s", options.work_dir);
	format(work, sizeof(work), "%s", dir);
	work_lock = open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (work_lock < 0 || flock(work_lock, LOCK_EX | LOCK_NB) < 0)
		die("lock %s (two benches at once would measure each other)", work);
	work_empty();

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die("make a mount namespace (bench needs root)");
	if (!options.on_disk)
		mount_tmpfs(work);
	format(dir, sizeof(dir), "%s/netns", work);
	make_dir(dir);
	if (options.on_disk)
		mount_tmpfs(dir);
	/* What a plugin leaves running becomes our child, to be waited for. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		die("become a subreaper");
}

/* What is mounted ends with the process. */
void world_close(void)
{
	char dir[PATH_MAX];

	if (options.on_disk) {
		format(dir, sizeof(dir), "%s/netns", work);
		if (umount2(dir, MNT_DETACH) < 0)
			die("unmount %s", dir);
		work_empty();
	}
	close(work_lock);
}

/* ---- namespaces -------------------------------------------------------------- */

static void loopback_up(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
		die("bring lo up");
	close(fd);
}

/* Return: a new network namespace, bound to @path; the process is in it. */
static int netns_new(const char *path)
{
	int fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);

	if (fd < 0)
		die("make %s", path);
	close(fd);
	if (unshare(CLONE_NEWNET) < 0 || mount("/proc/self/ns/net", path, NULL, MS_BIND, NULL) < 0)
		die("make the network namespace %s", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("open %s", path);

	return fd;
}

static void netns_enter(int fd)
{
	if (setns(fd, CLONE_NEWNET) < 0)
		die("enter a network namespace");
}

/* IDs look like an engine's; they differ in their first digits, which names are made from. */
void container_name(struct container *c)
{
	static uint64_t state = 0x6865646464c65ULL;
	size_t at = 0;

	while (at < ID_SIZE - 1) {
		uint64_t z = state += 0x9e3779b97f4a7c15ULL; /* splitmix64 */

		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
		format(c->id + at, ID_SIZE - at, "%016llx", (unsigned long long)(z ^ (z >> 31)));
		at += 16;
	}
}

void container_open(struct container *c, const char *name)
{
	container_name(c);
	format(c->netns_path, sizeof(c->netns_path), "%s/netns/%s", work, name);
	c->netns = netns_new(c->netns_path);
}

static void containers_open(struct lane *lane, const char *name)
{
	size_t n = lane->sc->containers;
	char path[128];

	lane->containers = calloc(n, sizeof(*lane->containers));
	if (!lane->containers)
		die("make %zu containers", n);
	for (size_t i = 0; i < n; i++) {
		format(path, sizeof(path), "%s-%zu", name, i);
		container_open(&lane->containers[i], path);
		lane->containers[i].host_port = PUBLISHED_PORT;
		lane->containers[i].n_ports = lane->sc->publishes;
	}
}

/* ---- configs ----------------------------------------------------------------- */

static const char *string_of(const json_t *obj, const char *key, const char *file)
{
	const char *s = json_string_value(json_object_get(obj, key));

	if (!s)
		die("%s: %s is missing", file, key);
	return s;
}

/* The same network again with another bridge and another subnet. */
static void conf_vary(json_t *conf, unsigned int number)
{
	json_t *ranges = json_object_get(json_object_get(conf, "ipam"), "ranges");
	char text[32];

	if (!json_object_get(conf, "bridge") || !ranges)
		return;
	format(text, sizeof(text), "bench%u", number);
	json_object_set_new(conf, "bridge", json_string(text));
	format(text, sizeof(text), "10.%u.0.0/16", 100 + number);
	json_array_set_new(ranges, 0, json_pack("[{s:s}]", "subnet", text));
}

/* The config of one plugin as a runtime derives it, and open for what each call adds. */
static void plugin_open(struct plugin *p, json_t *conf, const struct lane *lane,
			const char *network, const char *data_dir)
{
	json_t *ipam = json_object_get(conf, "ipam");
	size_t len;

	if (lane->network > 0)
		conf_vary(conf, lane->network);

	format(p->path, sizeof(p->path), "%s/%s", contenders[lane->def->who].dir,
	       string_of(conf, "type", lane->def->conflist));
	if (access(p->path, X_OK) < 0)
		die("%s (is everything built?)", p->path);
	p->publishes = json_is_true(
		json_object_get(json_object_get(conf, "capabilities"), "portMappings"));
	json_object_set_new(conf, "name", json_string(network));
	if (ipam)
		json_object_set_new(ipam, "dataDir", json_string(data_dir));
	p->config = json_dumps(conf, JSON_COMPACT);
	if (!p->config)
		die("write a config");
	len = strlen(p->config);
	p->config[len - 1] = '\0';
}

static void conflist_open(struct lane *lane, const char *data_dir)
{
	json_t *doc, *list, *conf;
	char path[PATH_MAX], network[64];
	json_error_t e;
	size_t i;

	format(path, sizeof(path), "%s/%s", options.conf_dir, lane->def->conflist);
	doc = json_load_file(path, 0, &e);
	errno = 0;
	if (!doc)
		die("%s:%d: %s", path, e.line, e.text);
	format(network, sizeof(network), lane->network ? "%s-%u" : "%s",
	       string_of(doc, "name", path), lane->network);
	format(lane->version, sizeof(lane->version), "%s", string_of(doc, "cniVersion", path));
	format(lane->lease_dir, sizeof(lane->lease_dir), "%s/%s", data_dir, network);

	list = json_object_get(doc, "plugins");
	lane->n_plugins = json_array_size(list);
	lane->plugins = calloc(lane->n_plugins, sizeof(*lane->plugins));
	if (!lane->plugins)
		die("%s: no plugins", path);
	json_array_foreach(list, i, conf)
		plugin_open(&lane->plugins[i], conf, lane, network, data_dir);
	json_decref(doc);
}

void lane_open_network(struct lane *ret, const struct lane *lane, unsigned int number)
{
	char data_dir[PATH_MAX];

	format(data_dir, sizeof(data_dir), "%s/%s-%td", work, lane->sc->name,
	       lane->def - lane->sc->lanes);
	*ret = *lane;
	ret->network = number;
	conflist_open(ret, data_dir);
}

void lane_close_network(struct lane *network)
{
	for (size_t i = 0; i < network->n_plugins; i++)
		free(network->plugins[i].config);
	free(network->plugins);
}

/* ---- lanes ------------------------------------------------------------------- */

void lane_open(struct lane *lane, const struct scenario *sc, size_t i)
{
	char name[128], path[PATH_MAX];

	*lane = (struct lane){ .def = &sc->lanes[i], .sc = sc };
	format(name, sizeof(name), "%s-%zu", sc->name, i);
	containers_open(lane, name);

	format(path, sizeof(path), "%s/netns/%s", work, name);
	lane->host_netns = netns_new(path);
	loopback_up();

	format(path, sizeof(path), "%s/%s", work, name);
	make_dir(path);
	conflist_open(lane, path);
	if (lane->def->leases)
		leases_fill(lane);
	lane->around = lane->def->leases;
	if (sc->publishes)
		client_attach(lane);
	if (lane->def->others)
		others_attach(lane);
}

void lane_close(struct lane *lane)
{
	for (size_t i = 0; i < lane->sc->containers; i++)
		free(lane->containers[i].result);
	free(lane->client.result);
	lane_close_network(lane);
	if (lane->valid)
		fclose(lane->valid);
	free(lane->containers);
}

void lane_enter(const struct lane *lane)
{
	netns_enter(lane->host_netns);
}

static unsigned int links_count(int netns)
{
	struct if_nameindex *list;
	unsigned int n = 0;

	netns_enter(netns);
	list = if_nameindex();
	if (!list)
		die("list interfaces");
	while (list[n].if_index)
		n++;
	if_freenameindex(list);

	return n;
}

void lane_check(const struct lane *lane, unsigned int attached)
{
	const struct contender *who = &contenders[lane->def->who];
	unsigned int leases = lane->around + attached, found = 0;

	errno = 0;
	if (who->leases && leases_count(lane) != leases)
		die("%s (%s) left %u leases, there should be %u", who->name, lane->sc->name,
		    leases_count(lane), leases);
	if (!lane->sc->wires)
		return;
	for (size_t i = 0; i < lane->sc->containers; i++)
		found += links_count(lane->containers[i].netns) - 1; /* lo */
	errno = 0;
	if (found != attached)
		die("%s (%s) left %u interfaces in containers, there should be %u", who->name,
		    lane->sc->name, found, attached);
}
