/* SPDX-License-Identifier: GPL-2.0-or-later */
/* install-plan - see install-plan.h */
#include "cli/install-plan.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sha256.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file.h"

#define FILE_MAX (1 << 20)
#define SEAL	 "# heddle install "
#define SEAL_END ": changes below are yours, and keep it from changing or removing this file\n"

const char *install_state_str(enum install_state state)
{
	static const char *const names[] = {
		[INSTALL_THERE] = "there",
		[INSTALL_MISSING] = "missing",
		[INSTALL_OLDER] = "older",
		[INSTALL_FOREIGN] = "foreign",
	};

	return names[state];
}

/* ---- the seal of our own files ----------------------------------------------- */

static void hash(const char *text, char ret[SHA256_DIGEST_STRING_LENGTH])
{
	SHA256Data((const uint8_t *)text, strlen(text), ret);
}

static char *seal(const char *text)
{
	char digest[SHA256_DIGEST_STRING_LENGTH];
	char *ret;

	hash(text, digest);

	return asprintf(&ret, SEAL "%.16s" SEAL_END "%s", digest, text) < 0 ? NULL : ret;
}

/* Whether nobody has changed it since we wrote it. */
static bool is_sealed(const char *text)
{
	const char *body = strchr(text, '\n');
	AUTO_FREE char *again = body ? seal(body + 1) : NULL;

	return again && strcmp(text, again) == 0;
}

/* ---- files -------------------------------------------------------------------- */

int install_plan_read(const char *root, const char *path, char **ret, struct err *e)
{
	char whole[PATH_MAX];
	AUTO_FREE char *text = NULL;
	AUTO_FD int fd = -1;
	size_t len;
	int r;

	snprintf(whole, sizeof(whole), "%s%s", root, path);
	fd = open(whole, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		*ret = NULL;
		return 0;
	}
	if (fd < 0)
		return err_sys(e, errno, "open %s", whole);
	r = file_read(fd, FILE_MAX, &text, &len);
	if (r < 0)
		return err_sys(e, -r, "read %s", whole);
	if (strlen(text) != len)
		return err_say(e, EINVAL, "%s has a NUL in it: it is no text", whole);
	*ret = MOVE_PTR(text);

	return 0;
}

static struct install_file *add(struct install_plan *p, const char *root, const char *path)
{
	struct install_file *bigger = reallocarray(p->files, p->n + 1, sizeof(*bigger));
	struct install_file *f;

	if (!bigger)
		return NULL;
	p->files = bigger;
	f = &bigger[p->n];
	*f = (struct install_file){ 0 };
	if (asprintf(&f->path, "%s%s", root, path) < 0)
		return NULL;
	p->n++;

	return f;
}

int install_plan_add_own(struct install_plan *p, const char *root, const char *path,
			 const char *text, bool sealed, struct err *e)
{
	struct install_file *f = add(p, root, path);
	int r;

	if (!f)
		return err_sys(e, ENOMEM, "plan %s", path);
	r = install_plan_read(root, path, &f->before, e);
	if (r < 0)
		return r;
	f->wanted = sealed ? seal(text) : strdup(text);
	if (!f->wanted)
		return err_sys(e, ENOMEM, "plan %s", path);
	if (!f->before)
		f->state = INSTALL_MISSING;
	else if (strcmp(f->before, f->wanted) == 0)
		f->state = INSTALL_THERE;
	else
		f->state = sealed && is_sealed(f->before) ? INSTALL_OLDER : INSTALL_FOREIGN;

	return 0;
}

int install_plan_add_shared(struct install_plan *p, const char *root, const char *path,
			    const char *before, const char *wanted, const char *undone,
			    struct err *e)
{
	struct install_file *f = add(p, root, path);

	if (!f)
		return err_sys(e, ENOMEM, "plan %s", path);
	f->shared = true;
	f->before = before ? strdup(before) : NULL;
	f->wanted = strdup(wanted);
	f->undone = *undone ? strdup(undone) : NULL;
	if ((before && !f->before) || !f->wanted || (*undone && !f->undone))
		return err_sys(e, ENOMEM, "plan %s", path);
	if (strcmp(before ? before : "", wanted) == 0)
		f->state = INSTALL_THERE;
	else
		f->state = before && strcmp(before, undone) != 0 ? INSTALL_OLDER : INSTALL_MISSING;

	return 0;
}

int install_plan_note(struct install_plan *p, struct err *e, const char *fmt, ...)
{
	char **bigger = reallocarray(p->notes, p->n_notes + 1, sizeof(*bigger));
	va_list ap;
	int r;

	if (!bigger)
		return err_sys(e, ENOMEM, "make a note");
	p->notes = bigger;
	va_start(ap, fmt);
	r = vasprintf(&bigger[p->n_notes], fmt, ap);
	va_end(ap);
	if (r < 0)
		return err_sys(e, ENOMEM, "make a note");
	p->n_notes++;

	return 0;
}

void install_plan_clear(struct install_plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->files[i].path);
		free(p->files[i].before);
		free(p->files[i].wanted);
		free(p->files[i].undone);
	}
	for (size_t i = 0; i < p->n_notes; i++)
		free(p->notes[i]);
	free(p->files);
	free(p->notes);
	*p = (struct install_plan){ 0 };
}

/* ---- writing -------------------------------------------------------------------- */

/* Who reads the old file reads the new one. */
static int keep_owner(int fd, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return fchmod(fd, 0644) < 0 ? -errno : 0;

	return fchown(fd, st.st_uid, st.st_gid) < 0 || fchmod(fd, st.st_mode & 07777) < 0 ? -errno
											  : 0;
}

static int fill(int fd, const char *path, const char *text)
{
	int r = keep_owner(fd, path);

	if (r == 0)
		r = file_write(fd, text, strlen(text));
	if (r == 0 && fsync(fd) < 0)
		r = -errno;

	return r;
}

static int make_parent(const char *path, struct err *e)
{
	AUTO_FREE char *copy = strdup(path);
	int r = copy ? file_make_dirs(dirname(copy), 0755) : -ENOMEM;

	return r < 0 ? err_sys(e, -r, "make the directory of %s", path) : 0;
}

static int write_file(const char *path, const char *text, struct err *e)
{
	char real[PATH_MAX], temp[PATH_MAX + sizeof(".heddle-XXXXXX")];
	AUTO_FD int fd = -1;
	int r = make_parent(path, e);

	if (r < 0)
		return r;
	/* A link stays one. */
	if (!realpath(path, real))
		snprintf(real, sizeof(real), "%s", path);
	snprintf(temp, sizeof(temp), "%s.heddle-XXXXXX", real);
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, errno, "write beside %s", real);
	r = fill(fd, real, text);
	if (r == 0 && rename(temp, real) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlink(temp);
		return err_sys(e, -r, "write %s", real);
	}

	return 0;
}

static int refuse(const struct install_file *f, struct err *e)
{
	return err_say(e, EEXIST,
		       "%s is not as heddle install writes it, and is left alone: move it away, or "
		       "take over by hand what the command shows without --write",
		       f->path);
}

int install_plan_apply(const struct install_file *f, bool undo, bool *changed, struct err *e)
{
	const char *to = undo ? f->undone : f->wanted;

	*changed = false;
	if (!f->before && !to)
		return 0;
	if (f->before && to && strcmp(f->before, to) == 0)
		return 0;
	if (f->state == INSTALL_FOREIGN)
		return refuse(f, e);
	*changed = true;
	if (to)
		return write_file(f->path, to, e);

	return unlink(f->path) < 0 ? err_sys(e, errno, "remove %s", f->path) : 0;
}
