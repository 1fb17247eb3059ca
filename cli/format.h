/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * format - the part of Go's templates that --format is used with
 *
 *	{{.Name}}  {{.IPAM.Config}}  {{json .}}  {{.Label "k"}}  {{index .Labels "k"}}
 *	{{range .IPAM.Config}}...{{else}}...{{end}}  {{range $i, $c := .Containers}}...{{end}}
 *	{{if eq .Driver "bridge"}}...{{else if .Internal}}...{{end}}  {{with .Labels}}...{{end}}
 *	{{(index .IPAM.Config 0).Subnet}}  {{.Name | upper}}  comments  {{- trims -}}
 *	and or not eq ne lt le gt ge index len print printf println
 *	json join lower pad split title truncate upper; \t and \n outside of {{ }}
 *
 * What differs from Go, as JSON has neither structs nor types of maps:
 *
 * - a field that "." or "$" does not have is an error that names those it has;
 *   so it is of any object, but one of strings alone, such as labels: there it is
 *   empty;
 * - an object is printed as a map: map[Gateway:10.1.0.1 Subnet:10.1.0.0/24];
 * - numbers are integers.
 *
 * A member whose key begins with '.' is for templates alone: {{.IPRange}} finds
 * "IPRange", else ".IPRange"; neither json nor print shows it.  {{.Label "k"}}
 * is the member k of the object Label, empty if it is not there.
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

/* A copy of @value without what is for templates alone.  Return: NULL without memory. */
json_t *format_visible(const json_t *value);

#endif
