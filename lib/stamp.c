/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stamp - see stamp.h.  HEDDLE_STAMP comes from the Makefile. */
#include "lib/stamp.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

STAMP_NOTE(stamp_build_note, STAMP_BUILD, HEDDLE_STAMP);

const char stamp_build[] = HEDDLE_STAMP;

#define OUR_CLASS (__ELF_NATIVE_CLASS == 64 ? ELFCLASS64 : ELFCLASS32)

/* The notes are at the front: what lies behind these bytes is not looked for. */
#define FRONT 4096

struct front {
	const uint8_t *bytes;
	size_t len;
};

static bool has(const struct front *f, uint64_t at, uint64_t len)
{
	return len <= f->len && at <= f->len - len;
}

static size_t aligned(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

/* Whether the note segment at @at has our note of @type, saying @text, or anything if that is NULL.
 */
static bool segment_says(const struct front *f, uint64_t at, uint64_t len, uint32_t type,
			 const char *text)
{
	const uint64_t end = at + len;
	ElfW(Nhdr) n;

	if (!has(f, at, len))
		return false;
	while (end - at >= sizeof(n)) {
		const uint8_t *owner = f->bytes + at + sizeof(n);
		uint64_t size;

		memcpy(&n, f->bytes + at, sizeof(n));
		size = sizeof(n) + aligned(n.n_namesz) + aligned(n.n_descsz);
		if (size > end - at)
			return false;
		if (n.n_type == type && n.n_namesz == sizeof(STAMP_OWNER) &&
		    memcmp(owner, STAMP_OWNER, sizeof(STAMP_OWNER)) == 0)
			return !text ||
			       (n.n_descsz == strlen(text) + 1 &&
				memcmp(owner + aligned(n.n_namesz), text, n.n_descsz) == 0);
		at += size;
	}

	return false;
}

static bool file_says(const struct front *f, uint32_t type, const char *text)
{
	ElfW(Ehdr) elf;
	ElfW(Phdr) segment;

	if (!has(f, 0, sizeof(elf)))
		return false;
	memcpy(&elf, f->bytes, sizeof(elf));
	if (memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 || elf.e_ident[EI_CLASS] != OUR_CLASS)
		return false;

	for (size_t i = 0; i < elf.e_phnum; i++) {
		uint64_t at = elf.e_phoff + i * sizeof(segment);

		if (!has(f, at, sizeof(segment)))
			return false;
		memcpy(&segment, f->bytes + at, sizeof(segment));
		if (segment.p_type == PT_NOTE &&
		    segment_says(f, segment.p_offset, segment.p_filesz, type, text))
			return true;
	}

	return false;
}

bool stamp_is_ours(int fd, const char *name)
{
	uint8_t bytes[FRONT];
	ssize_t len = pread(fd, bytes, sizeof(bytes), 0);
	const struct front f = { bytes, len < 0 ? 0 : (size_t)len };

	return file_says(&f, STAMP_BUILD, stamp_build) && file_says(&f, STAMP_PLUGIN, name);
}

bool stamp_is_heddle(int fd)
{
	uint8_t bytes[FRONT];
	ssize_t len = pread(fd, bytes, sizeof(bytes), 0);
	const struct front f = { bytes, len < 0 ? 0 : (size_t)len };

	return file_says(&f, STAMP_BUILD, NULL);
}
