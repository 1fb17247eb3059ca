/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host-local - addresses from ranges, remembered in files of this host
 *
 * See man/heddle-host-local.8.scd for the config, range.h for what is given,
 * lease.h for how it is remembered.
 */
#ifndef HOST_LOCAL_H
#define HOST_LOCAL_H

#include "lib/cni.h"

extern const struct cni_plugin host_local_plugin;

#endif
