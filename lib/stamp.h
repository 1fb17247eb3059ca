/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stamp - tell the binaries of one build, without running them
 *
 * Each carries ELF notes of the owner "heddle": one with a hash of all sources
 * that it was built from, and, if others may call its code instead of running
 * it, one with its name.  They are in the first page of the file and survive
 * strip(1).  `readelf -n` shows them.
 *
 * Source: elf(5), "Notes".
 */
#ifndef STAMP_H
#define STAMP_H

#include <link.h>
#include <stdbool.h>

enum stamp_type { STAMP_BUILD = 1, STAMP_PLUGIN = 2 };

#define STAMP_OWNER "heddle" /* and its NUL, and one more that aligns the rest */

/* A note whose descriptor is the string literal @text_ with its NUL. */
#define STAMP_NOTE(name_, type_, text_)                                                            \
	static const struct {                                                                      \
		ElfW(Nhdr) header;                                                                 \
		char owner[8];                                                                     \
		char text[sizeof(text_)];                                                          \
	} name_ __attribute__((used, section(".note.heddle"), aligned(4))) = {                     \
		{ .n_namesz = sizeof(STAMP_OWNER), .n_descsz = sizeof(text_), .n_type = type_ },   \
		STAMP_OWNER,                                                                       \
		text_,                                                                             \
	}

extern const char stamp_build[];

/* In a plugin's main file, outside of functions: its name, and a reason to link the build's note.
 */
#define STAMP_PLUGIN_NAME(text_)                                                                   \
	STAMP_NOTE(stamp_plugin_note, STAMP_PLUGIN, text_);                                        \
	static const char *const stamp_plugin_build __attribute__((used)) = stamp_build

/**
 * stamp_is_ours() - whether a file is the plugin @name of the caller's own build
 * @fd:		open for reading; its offset stays where it is
 * @name:	of the plugin
 */
bool stamp_is_ours(int fd, const char *name);

/* Whether a file is a binary of heddle, of whatever build. */
bool stamp_is_heddle(int fd);

#endif
