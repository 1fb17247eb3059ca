/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * static - the addresses that the config or the runtime names
 *
 * Nothing is remembered, so that one address is given once is up to whoever
 * names it.  See man/heddle-static.8.scd.
 */
#ifndef STATIC_H
#define STATIC_H

#include "lib/cni.h"

extern const struct cni_plugin static_plugin;

#endif
