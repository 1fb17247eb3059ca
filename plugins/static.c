/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ipam/static.h"
#include "lib/stamp.h"

STAMP_PLUGIN_NAME("static");

int main(void)
{
	return cni_main(&static_plugin);
}
