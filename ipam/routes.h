/* SPDX-License-Identifier: GPL-2.0-or-later */
/* routes - ipam.routes, which host-local and static pass on as they are */
#ifndef ROUTES_H
#define ROUTES_H

struct cni_request;
struct cni_result;
struct err;

/* Append the routes of the config to @res.  Return: 0; -EINVAL with the path; -ENOMEM. */
int routes_read(const struct cni_request *rq, struct cni_result *res, struct err *e);

#endif
