/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * format - the part of Go's templates that --format is used with
 *
 *	{{.Name}}  {{.IPAM.Config}}  {{json .}}  {{.Label "k"}}  {{index .Labels "k"}}
 *	{{range .IPAM.Config}}...{{else}}...{{end}}  {{if .Internal}}...{{end}}
 *	{{upper .}} {{lower .}} {{len .}} {{println .}}  and \t, \n
 *
 * Source: Go's text/template; Docker's documentation of "Format command and log output".
 */
#ifndef FORMAT_H
#define FORMAT_H

#include <jansson.h>

struct err;

/**
 * format_run() - fill a template with a value
 * @template:	text
 * @value:	"."; keys are matched exactly
 * @ret:	owned by the caller
 *
 * Return: 0; -EINVAL with the place and what is not understood; -ENOMEM.
 */
int format_run(const char *template, const json_t *value, char **ret, struct err *e);

#endif
