/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ipam/host-local.h"
#include "lib/stamp.h"

STAMP_PLUGIN_NAME("host-local");

int main(void)
{
	return cni_main(&host_local_plugin);
}
