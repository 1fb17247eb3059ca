/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * call - one operation as a runtime carries it out
 *
 * ADD goes through the plugins of a conflist forwards, each with the result of
 * the one before; DEL goes backwards with the result of the whole ADD.  Configs
 * are put together as text: what can be made beforehand is in struct plugin.
 * Time between two plugins is the runtime's and is not counted.
 *
 * Source: CNI specification 1.0.0, section 3 "Execution of Network Configurations".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define N_VARIABLES 7

static const char *const command_of[] = {
	[OP_VERSION] = "VERSION", [OP_ADD] = "ADD", [OP_DEL] = "DEL",
	[OP_DEL_BARE] = "DEL",	  [OP_GC] = "GC",
};

/* As a runtime does it for a plugin that says that it can. */
static void ports_write(FILE *f, const struct container *c)
{
	fputs(",\"runtimeConfig\":{\"portMappings\":[", f);
	for (unsigned int i = 0; i < c->n_ports; i++)
		fprintf(f,
			"%s{\"hostPort\":%u,\"containerPort\":%u,\"protocol\":\"tcp\",\"hostIP\":"
			"\"\"}",
			i ? "," : "", c->host_port + i, 80 + i);
	fputs("]}", f);
}

/* GC is called once a network, by its version of the specification. */
static void config_write_gc(FILE *f, const struct lane *lane)
{
	char chunk[4096];
	size_t n;

	fputs(",\"cniVersion\":\"1.1.0\",\"cni.dev/valid-attachments\":[", f);
	if (lane->valid)
		rewind(lane->valid);
	while (lane->valid && (n = fread(chunk, 1, sizeof(chunk), lane->valid)) > 0)
		fwrite(chunk, 1, n, f);
	fputs("]}", f);
}

static void config_write(FILE *f, const struct call *c, const struct plugin *p)
{
	fputs(p->config, f);
	if (c->op == OP_GC) {
		config_write_gc(f, c->lane);
		return;
	}
	fprintf(f, ",\"cniVersion\":\"%s\"", c->lane->version);
	if (p->publishes && c->container->n_ports > 0)
		ports_write(f, c->container);
	if (c->op != OP_DEL_BARE && c->container->result && c->container->result[0])
		fprintf(f, ",\"prevResult\":%s", c->container->result);
	fputs("}", f);
}

/* Return: a file with the config for the next plugin of the call. */
static FILE *config_open(const struct call *c, const struct plugin *p)
{
	int fd = memfd_create("config", MFD_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w+");

	if (!f)
		die("make a config");
	config_write(f, c, p);
	if (fflush(f) != 0)
		die("write a config");

	return f;
}

static void plugin_start(struct call *c)
{
	bool backwards = c->op == OP_DEL || c->op == OP_DEL_BARE;
	size_t i = backwards ? c->lane->n_plugins - 1 - c->done : c->done;
	const struct plugin *p = &c->lane->plugins[i];
	char text[N_VARIABLES][PATH_MAX + 32];
	char *env[N_VARIABLES + 1] = { NULL };
	FILE *config = config_open(c, p);
	size_t n = 0;

	format(text[n++], sizeof(text[0]), "PATH=/usr/sbin:/usr/bin:/sbin:/bin");
	format(text[n++], sizeof(text[0]), "CNI_PATH=%s", contenders[c->lane->def->who].dir);
	format(text[n++], sizeof(text[0]), "CNI_COMMAND=%s", command_of[c->op]);
	if (c->op != OP_GC && c->op != OP_VERSION) {
		format(text[n++], sizeof(text[0]), "CNI_CONTAINERID=%s", c->container->id);
		format(text[n++], sizeof(text[0]), "CNI_IFNAME=" CONTAINER_IFNAME);
		format(text[n++], sizeof(text[0]), "CNI_NETNS=%s", c->container->netns_path);
	}
	for (size_t k = 0; k < n; k++)
		env[k] = text[k];

	proc_start(&c->proc, p->path, env, fileno(config));
	fclose(config);
}

void call_start(struct call *c, const struct lane *lane, struct container *container, enum op op)
{
	*c = (struct call){ .lane = lane, .container = container, .op = op };
	plugin_start(c);
}

static void keep_result(struct call *c, char *out)
{
	if (c->op == OP_ADD) {
		free(c->container->result);
		c->container->result = out;
	} else {
		free(out);
	}
}

bool call_continue(struct call *c)
{
	struct proc_end end;

	proc_finish(&c->proc, &end);
	if (!WIFEXITED(end.status) || WEXITSTATUS(end.status) != 0) {
		errno = 0;
		die("%s of %s (%s) failed, status 0x%x:\n%s%s", command_of[c->op],
		    contenders[c->lane->def->who].name, c->lane->sc->name, (unsigned int)end.status,
		    end.out, end.err);
	}
	keep_result(c, end.out);
	free(end.err);
	c->sample.ms += end.sample.ms;
	if (end.sample.rss_kb > c->sample.rss_kb)
		c->sample.rss_kb = end.sample.rss_kb;

	if (++c->done < c->lane->n_plugins) {
		plugin_start(c);
		return true;
	}
	if (c->op == OP_DEL || c->op == OP_DEL_BARE || c->op == OP_GC) {
		free(c->container->result);
		c->container->result = NULL;
	}

	return false;
}

struct sample call_run(const struct lane *lane, struct container *container, enum op op)
{
	struct call c;

	call_start(&c, lane, container, op);
	while (call_continue(&c))
		;

	return c.sample;
}
