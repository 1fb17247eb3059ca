/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * install-toml - change single keys of somebody's TOML file, and change them back
 *
 * What is not ours stays as it is, to the byte.  A line of ours ends in a mark, and
 * the line that it replaces stays above it as a comment:
 *
 *	[plugins."io.containerd.grpc.v1.cri".cni]
 *	  #heddle-was#  bin_dir = "/usr/lib/cni"
 *	  bin_dir = "/usr/local/lib/cni" # heddle install
 *
 * so that undoing needs no copy of the file and keeps what was changed in it
 * since.  TOML is read as far as that needs: where statements and their keys begin
 * and end.  Pure.
 *
 * Source: TOML 1.0.0.
 */
#ifndef INSTALL_TOML_H
#define INSTALL_TOML_H

#include <stddef.h>

struct err;

#define INSTALL_TOML_DEPTH 16 /* of keys; a deeper one is nobody's */

/* A key with its tables, {"plugins", "cri", "cni", "bin_dir"}. */
struct install_toml_key {
	const char *part[INSTALL_TOML_DEPTH];
	size_t n;
};

/**
 * install_toml_get() - the value of a key, as it is written
 * @ret:	owned by the caller: "\"/usr/lib/cni\""; NULL if the key is not there
 *
 * Return: 0; -EINVAL if @text is no TOML, with the line; -ENOMEM.
 */
int install_toml_get(const char *text, const struct install_toml_key *key, char **ret,
		     struct err *e);

/**
 * install_toml_set() - give a key a value
 * @text:	of which install_toml_undo() has taken older lines of ours
 * @value:	TOML of one line
 * @ret:	the new text, owned by the caller
 *
 * Return: 0; -EINVAL if @text is no TOML, or has the key in an inline table or its
 * table in a form that cannot be added to, which the error says; -ENOMEM.
 */
int install_toml_set(const char *text, const struct install_toml_key *key, const char *value,
		     char **ret, struct err *e);

/**
 * install_toml_undo() - the text without lines of ours
 *
 * A line that had no newline, at the end, has one then.
 *
 * Return: owned by the caller, NULL without memory.
 */
char *install_toml_undo(const char *text);

/* Whether a line of the text, up to @len bytes, is one of ours. */
int install_toml_is_ours(const char *line, size_t len);

#endif
