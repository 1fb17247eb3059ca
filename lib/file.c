/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file - see file.h. */
#include "lib/file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"

int file_read(int fd, size_t max, char **ret, size_t *ret_len)
{
	AUTO_FREE char *text = malloc(max + 1);
	char *shorter;
	size_t len = 0;
	ssize_t n;

	if (!text)
		return -ENOMEM;
	do {
		n = read(fd, text + len, max + 1 - len);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 && len <= max) || (n < 0 && errno == EINTR));
	if (n < 0)
		return -errno;
	if (len > max)
		return -EFBIG;

	text[len] = '\0';
	shorter = realloc(text, len + 1);
	if (shorter)
		text = shorter;
	*ret = MOVE_PTR(text);
	if (ret_len)
		*ret_len = len;

	return 0;
}

int file_write(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}

	return 0;
}

int file_make_dirs(const char *path, mode_t mode)
{
	AUTO_FREE char *part = strdup(path);

	if (!part)
		return -ENOMEM;
	/* "a/b/" is "a/b", which is not to be made with the mode of those above. */
	for (size_t len = strlen(part); len > 1 && part[len - 1] == '/'; len--)
		part[len - 1] = '\0';
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}

	return mkdir(part, mode) < 0 && errno != EEXIST ? -errno : 0;
}
