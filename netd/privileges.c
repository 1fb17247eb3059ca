/* SPDX-License-Identifier: GPL-2.0-or-later */
/* privileges - see privileges.h */
#include "netd/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/err.h"
#include "netd/config.h"

#define FIRST_FREE_PORT 1024 /* below it a capability is needed */

static uint32_t wanted(const struct config *c)
{
	uint32_t caps = 1u << CAP_NET_ADMIN | 1u << CAP_NET_RAW;

	if (c->listen.list[0].port < FIRST_FREE_PORT)
		caps |= 1u << CAP_NET_BIND_SERVICE;

	return caps;
}

/* Of the first 32 capabilities, where all of ours are; the kernel has two words of them. */
static int get_caps(struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3])
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capget, &head, caps) < 0 ? -errno : 0;
}

static int set_caps(const struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3])
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capset, &head, caps) < 0 ? -errno : 0;
}

static int keep_caps(uint32_t keep, struct err *e)
{
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3], kept[2] = { { 0 } };
	int r = get_caps(caps);

	if (r == 0) {
		kept[0].permitted = kept[0].effective = caps[0].permitted & keep;
		kept[0].inheritable = kept[0].permitted & 1u << CAP_NET_ADMIN;
		r = set_caps(kept);
	}
	/* For iptables, which is run where another tool's rules have to let pass (coexist.h). */
	if (r == 0 && kept[0].inheritable &&
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0L, 0L) < 0)
		r = -errno;

	return r < 0 ? err_sys(e, -r, "give capabilities back") : 0;
}

/* No group but our own, and the control socket's: to hand that over takes no capability then. */
static int keep_groups(const struct config *c, gid_t own, struct err *e)
{
	gid_t groups[] = { own, c->control_gid };

	if (setgroups(c->control_gid == (gid_t)-1 ? 1 : 2, groups) < 0)
		return err_sys(e, errno, "leave groups");

	return 0;
}

static int become_user(const struct config *c, struct err *e)
{
	if (prctl(PR_SET_KEEPCAPS, 1L) < 0)
		return err_sys(e, errno, "keep capabilities");
	if (setresgid(c->gid, c->gid, c->gid) < 0)
		return err_sys(e, errno, "become group %u", c->gid);
	if (setresuid(c->uid, c->uid, c->uid) < 0)
		return err_sys(e, errno, "become user %u", c->uid);

	return 0;
}

int privileges_drop(const struct config *c, struct err *e)
{
	int r = 0;

	if (geteuid() == 0)
		r = keep_groups(c, c->has_user ? c->gid : getegid(), e);
	if (r == 0 && c->has_user && geteuid() == 0)
		r = become_user(c, e);
	if (r == 0)
		r = keep_caps(wanted(c), e);
	if (r < 0)
		return r;
	/* Keys are in memory: no core file, and nobody else's debugger. */
	if (prctl(PR_SET_DUMPABLE, 0L) < 0)
		return err_sys(e, errno, "forbid core files");

	return 0;
}

void privileges_follow(struct config *c)
{
	struct stat st;

	if (c->has_user || geteuid() != 0 || stat(c->data_dir, &st) < 0 || st.st_uid == 0)
		return;
	c->has_user = true;
	c->uid = st.st_uid;
	c->gid = st.st_gid;
}

int privileges_own(const struct config *c, const char *path, struct err *e)
{
	if (!c->has_user || geteuid() != 0)
		return 0;
	if (chown(path, c->uid, c->gid) < 0)
		return err_sys(e, errno, "give %s to user %u", path, c->uid);

	return 0;
}
