/* SPDX-License-Identifier: GPL-2.0-or-later */
/* commands - the functions that main.c's tables name; each in cli/ under its command's name */
#ifndef COMMANDS_H
#define COMMANDS_H

struct command_env;

int command_network_create(const struct command_env *env, int argc, char **argv);
int command_network_ls(const struct command_env *env, int argc, char **argv);
int command_network_inspect(const struct command_env *env, int argc, char **argv);
int command_network_prune(const struct command_env *env, int argc, char **argv);
int command_network_rm(const struct command_env *env, int argc, char **argv);
int command_network_connect(const struct command_env *env, int argc, char **argv);
int command_network_disconnect(const struct command_env *env, int argc, char **argv);
int command_node_ls(const struct command_env *env, int argc, char **argv);
int command_node_inspect(const struct command_env *env, int argc, char **argv);
int command_node_drain(const struct command_env *env, int argc, char **argv);
int command_node_forget(const struct command_env *env, int argc, char **argv);
int command_token_create(const struct command_env *env, int argc, char **argv);
int command_token_ls(const struct command_env *env, int argc, char **argv);
int command_token_revoke(const struct command_env *env, int argc, char **argv);
int command_key_seal(const struct command_env *env, int argc, char **argv);
int command_key_open(const struct command_env *env, int argc, char **argv);
int command_key_rotate(const struct command_env *env, int argc, char **argv);
int command_netd_status(const struct command_env *env, int argc, char **argv);
int command_netd_leave(const struct command_env *env, int argc, char **argv);
int command_attach(const struct command_env *env, int argc, char **argv);
int command_detach(const struct command_env *env, int argc, char **argv);
int command_check(const struct command_env *env, int argc, char **argv);
int command_ps(const struct command_env *env, int argc, char **argv);
int command_oci_hook(const struct command_env *env, int argc, char **argv);
int command_lxc_hook(const struct command_env *env, int argc, char **argv);
int command_lxc_config(const struct command_env *env, int argc, char **argv);
int command_docker_join(const struct command_env *env, int argc, char **argv);
int command_gc(const struct command_env *env, int argc, char **argv);
int command_doctor(const struct command_env *env, int argc, char **argv);
int command_install(const struct command_env *env, int argc, char **argv);
int command_graph(const struct command_env *env, int argc, char **argv);

#endif
