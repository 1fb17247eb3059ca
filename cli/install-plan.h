/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * install-plan - the files that an engine's settings are in, as they are and as they should be
 *
 * Two kinds: a drop-in of our own, whose first line has a hash of the others, so
 * that one that somebody has changed is known; and a file of somebody else's, in
 * which single lines are ours (install-toml.h).  Nothing is written before
 * install_plan_apply(), and nothing of somebody else's is ever lost.
 */
#ifndef INSTALL_PLAN_H
#define INSTALL_PLAN_H

#include <stdbool.h>
#include <stddef.h>

struct err;

enum install_state {
	INSTALL_THERE,	 /* as it should be */
	INSTALL_MISSING, /* not there yet, or not the lines */
	INSTALL_OLDER,	 /* ours, of other options or an older version */
	INSTALL_FOREIGN, /* under its name is what we have not written, or not like this */
};

struct install_file {
	char *path;   /* with the root in front */
	char *before; /* what is there, NULL: nothing */
	char *wanted; /* NULL: nothing */
	char *undone; /* what --undo leaves, NULL: nothing */
	bool shared;  /* somebody else's, with lines of ours */
	enum install_state state;
};

struct install_plan {
	struct install_file *files;
	size_t n;
	char **notes; /* sentences about what no file can do, and what is to be done then */
	size_t n_notes;
};

/* "there", "missing", "older", "foreign". */
const char *install_state_str(enum install_state state);

/**
 * install_plan_read() - what is in a file
 * @root:	"" or the directory that the path is below
 * @ret:	owned by the caller, NULL if there is no such file
 *
 * Return: 0; the errno of reading it; -EINVAL if it has a NUL.
 */
int install_plan_read(const char *root, const char *path, char **ret, struct err *e);

/**
 * install_plan_add_own() - a file that is all ours
 * @text:	of it
 * @sealed:	its syntax has comments, so it begins with one that has the hash
 *
 * Return: 0 or a negative errno.
 */
int install_plan_add_own(struct install_plan *p, const char *root, const char *path,
			 const char *text, bool sealed, struct err *e);

/**
 * install_plan_add_shared() - a file in which lines are ours
 * @before:	what is in it, NULL: it is not there
 * @wanted:	what should be
 * @undone:	what is left without our lines, "": no file
 *
 * Return: 0 or -ENOMEM.
 */
int install_plan_add_shared(struct install_plan *p, const char *root, const char *path,
			    const char *before, const char *wanted, const char *undone,
			    struct err *e);

/* Return: 0 or -ENOMEM. */
int install_plan_note(struct install_plan *p, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * install_plan_apply() - write a file, or undo it
 * @changed:	whether anything was to be done
 *
 * The new content is there completely or not at all, with the mode and owner of
 * the old one.
 *
 * Return: 0; -EEXIST if what is there is foreign; the errno of writing.
 */
int install_plan_apply(const struct install_file *f, bool undo, bool *changed, struct err *e);

void install_plan_clear(struct install_plan *p);

#endif
