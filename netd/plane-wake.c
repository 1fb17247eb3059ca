/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plane-wake - how soon the timer looks at what may have happened */
#include "netd/plane-private.h"

#define SOON_S		0.01 /* several notifications of one cause are looked at together */
#define AGAIN_S		0.2  /* between two looks */
#define AFTER_REFUSAL_S 0.3

void plane_wake(struct plane *p)
{
	ev_tstamp since = ev_now(p->loop) - p->repaired_at;
	ev_tstamp after = p->held			  ? AFTER_REFUSAL_S
			  : since >= 0 && since < AGAIN_S ? AGAIN_S
							  : SOON_S;

	if (ev_is_active(&p->repair))
		return;
	ev_timer_set(&p->repair, after, 0.);
	ev_timer_start(p->loop, &p->repair);
}
