/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network-rules - what a network must not be, whatever its driver
 *
 * Each check says what is wrong in Docker's words, where Docker has the same
 * rule.  What is wrong with subnets is said of all of them at once.  Pure.
 */
#ifndef NETWORK_RULES_H
#define NETWORK_RULES_H

struct err;
struct network;

/* A name: its characters, its length, and what engines mean something else by. */
int network_check_name(const char *name, struct err *e);

/**
 * network_check_config() - subnets with their ranges, gateways and auxiliary addresses
 *
 * IPv6 subnets of a network without IPv6 are passed over.
 *
 * Return: 0; -EINVAL "invalid network config:" and a line for each thing that is wrong.
 */
int network_check_config(const struct network *net, struct err *e);

/**
 * network_check_addresses() - once each subnet has its gateway
 *
 * Return: 0; -EADDRINUSE if two are the same, or one is the network's or broadcast address.
 */
int network_check_addresses(const struct network *net, struct err *e);

#endif
