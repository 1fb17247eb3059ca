/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chain-version - in which version of CNI a network's plugins are run
 *
 * A plugin is asked for its versions only where the config leaves a choice and
 * it is not heddle's.
 */
#ifndef CHAIN_VERSION_H
#define CHAIN_VERSION_H

#include <jansson.h>

#include "lib/cni-result.h"

struct chain_conf;
struct command_env;
struct err;

/**
 * chain_version_choose() - the newest that the config names and every plugin speaks
 *
 * Return: 0; -EINVAL with CNI_E_VERSION naming the plugin that speaks none; -ENOENT
 * for a plugin that is not there.
 */
int chain_version_choose(const struct command_env *env, const struct chain_conf *conf,
			 enum cni_version *ret, struct err *e);

/* That of an ADD's result if the config has it; else as above.  @result may be NULL. */
int chain_version_of(const struct command_env *env, const struct chain_conf *conf,
		     const json_t *result, enum cni_version *ret, struct err *e);

/**
 * chain_version_convert() - a result in another version, as the next plugin wants it
 * @doc:	says itself which it is in, 0.1.0 if it does not
 * @ret:	owned by the caller; @doc itself if it is in @version
 *
 * Return: 0; -EINVAL; -ENOMEM.
 */
int chain_version_convert(json_t *doc, enum cni_version version, json_t **ret, struct err *e);

#endif
