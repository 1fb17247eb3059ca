/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session - see session.h. */
#include "overlay/session.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "lib/err.h"

enum chain {
	BY_BOOT = 0,
	BY_ID = 1,
};

static_assert(sizeof(struct session) == 64, "a session for each member: watch its size");
static_assert(sizeof(((struct sessions *)NULL)->key) == crypto_shorthash_KEYBYTES, "of SipHash");

/* ---- the table ----------------------------------------------------------- */

static uint64_t hash(const struct sessions *s, const void *what, size_t len)
{
	uint64_t h;

	crypto_shorthash((uint8_t *)&h, what, len, s->key);

	return h;
}

static uint64_t hash_address(const struct sessions *s, const struct node_addr *addr)
{
	uint8_t text[sizeof(addr->ip.b) + 3] = { addr->ip.family, (uint8_t)(addr->port >> 8),
						 (uint8_t)addr->port };

	memcpy(text + 3, addr->ip.b, ip_size(addr->ip.family));

	return hash(s, text, sizeof(text));
}

static uint32_t *bucket(const struct sessions *s, enum chain by, const struct frame_end *end)
{
	uint64_t h = by == BY_BOOT ? hash(s, end->boot.b, BOOT_ID_LEN)
				   : hash(s, end->id.b, NODE_ID_LEN);

	return &s->head[by][h % s->n];
}

static void chain_add(struct sessions *s, enum chain by, uint32_t i)
{
	struct session *one = &s->session[i];
	uint32_t *head = bucket(s, by, &(struct frame_end){ one->id, one->boot });

	one->next[by] = *head;
	*head = i;
}

static void chain_remove(struct sessions *s, enum chain by, uint32_t i)
{
	const struct session *one = &s->session[i];
	uint32_t *at = bucket(s, by, &(struct frame_end){ one->id, one->boot });

	while (*at != i)
		at = &s->session[*at].next[by];
	*at = one->next[by];
}

size_t sessions_size(uint32_t n, uint16_t n_windows)
{
	return n * (sizeof(struct session) + 2 * sizeof(uint32_t)) +
	       n_windows * sizeof(struct session_window);
}

static void make_empty(struct sessions *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		s->head[BY_BOOT][i] = s->head[BY_ID][i] = SESSION_NONE;
		s->session[i].next[0] = i + 1 < s->n ? i + 1 : SESSION_NONE;
	}
	for (uint16_t i = 0; i < s->n_windows; i++)
		s->window[i].session = SESSION_NONE;
}

int sessions_init(struct sessions *s, uint32_t n, uint16_t n_windows, const uint8_t key[16],
		  struct err *e)
{
	struct sessions made = { .n = n, .n_windows = n_windows };

	assert(n > 0 && n < SESSION_NONE && n_windows > 0 && n_windows < SESSION_NO_WINDOW);
	made.session = calloc(n, sizeof(*made.session));
	made.window = calloc(n_windows, sizeof(*made.window));
	made.head[BY_BOOT] = calloc(n, sizeof(uint32_t));
	made.head[BY_ID] = calloc(n, sizeof(uint32_t));
	memcpy(made.key, key, sizeof(made.key));
	if (!made.session || !made.window || !made.head[BY_BOOT] || !made.head[BY_ID]) {
		sessions_clear(&made);
		return err_sys(e, ENOMEM, "make a table of %u sessions", n);
	}
	make_empty(&made);
	*s = made;

	return 0;
}

void sessions_clear(struct sessions *s)
{
	free(s->session);
	free(s->window);
	free(s->head[BY_BOOT]);
	free(s->head[BY_ID]);
	sodium_memzero(s, sizeof(*s));
}

/* ---- look up ------------------------------------------------------------- */

uint32_t sessions_find_boot(const struct sessions *s, const struct boot_id *boot)
{
	uint32_t i = *bucket(s, BY_BOOT, &(struct frame_end){ .boot = *boot });

	while (i != SESSION_NONE && !boot_id_equal(&s->session[i].boot, boot))
		i = s->session[i].next[BY_BOOT];

	return i;
}

uint32_t sessions_find_id(const struct sessions *s, const struct node_id *id)
{
	uint32_t i = *bucket(s, BY_ID, &(struct frame_end){ .id = *id });

	while (i != SESSION_NONE && !node_id_equal(&s->session[i].id, id))
		i = s->session[i].next[BY_ID];

	return i;
}

uint32_t sessions_find_address(const struct sessions *s, const struct node_addr *addr)
{
	uint64_t h = hash_address(s, addr);

	for (uint32_t i = 0; i < s->n; i++)
		if (s->session[i].top > 0 && s->session[i].address == h)
			return i;

	return SESSION_NONE;
}

uint32_t sessions_changed(const struct sessions *s, const struct node_id *id)
{
	uint32_t i = sessions_find_id(s, id);

	return i == SESSION_NONE ? s->forgotten : s->session[i].changed;
}

bool sessions_is_at(const struct sessions *s, uint32_t session, const struct node_addr *addr)
{
	return s->session[session].address == hash_address(s, addr);
}

/* ---- learn and forget ---------------------------------------------------- */

static void give_up_window(struct sessions *s, uint32_t i)
{
	if (s->session[i].window != SESSION_NO_WINDOW)
		s->window[s->session[i].window].session = SESSION_NONE;
	s->session[i].window = SESSION_NO_WINDOW;
}

static void drop(struct sessions *s, uint32_t i)
{
	give_up_window(s, i);
	chain_remove(s, BY_BOOT, i);
	chain_remove(s, BY_ID, i);
	s->session[i] = (struct session){ .next = { s->free } };
	s->free = i;
	s->n_used--;
}

/* Seconds of 16 bits are compared by their difference, which is right for 18 hours. */
static uint16_t silent_for(const struct session *one, uint32_t now_s)
{
	return (uint16_t)(now_s - one->used);
}

static void drop_most_silent(struct sessions *s, uint32_t now_s, uint32_t rest_s)
{
	uint32_t most = 0;

	for (uint32_t i = 1; i < s->n; i++)
		if (silent_for(&s->session[i], now_s) > silent_for(&s->session[most], now_s))
			most = i;
	if (silent_for(&s->session[most], now_s) > rest_s)
		drop(s, most);
}

static uint32_t take_free(struct sessions *s, const struct node_id *id, uint32_t now_s,
			  uint32_t rest_s)
{
	uint32_t i;

	if (s->free == SESSION_NONE)
		drop_most_silent(s, now_s, rest_s);
	i = s->free;
	if (i == SESSION_NONE)
		return i;

	s->free = s->session[i].next[0];
	s->session[i] = (struct session){ .id = *id, .window = SESSION_NO_WINDOW };
	chain_add(s, BY_ID, i);
	s->n_used++;

	return i;
}

/* Another process of the node, or the first: nothing of an older one counts. */
static void change_boot(struct sessions *s, uint32_t i, const struct boot_id *boot)
{
	struct session *one = &s->session[i];

	if (one->top > 0)
		chain_remove(s, BY_BOOT, i);
	give_up_window(s, i);
	one->boot = *boot;
	one->top = 0;
	chain_add(s, BY_BOOT, i);
}

uint32_t sessions_learn(struct sessions *s, const struct frame_end *end, uint64_t counter,
			const struct node_addr *addr, uint32_t now_s, uint32_t rest_s)
{
	uint32_t i = sessions_find_id(s, &end->id), other = sessions_find_boot(s, &end->boot);
	struct session *one;

	if (counter == 0 || (other != SESSION_NONE && other != i))
		return SESSION_NONE;
	if (i == SESSION_NONE)
		i = take_free(s, &end->id, now_s, rest_s);
	if (i == SESSION_NONE)
		return i;

	one = &s->session[i];
	if (other == SESSION_NONE)
		change_boot(s, i, &end->boot);
	if (counter > one->top) {
		give_up_window(s, i);
		one->top = counter;
	}
	one->address = hash_address(s, addr);
	one->changed = ++s->changes;
	one->used = (uint16_t)now_s;

	return i;
}

void sessions_forget(struct sessions *s, const struct node_id *id)
{
	uint32_t i = sessions_find_id(s, id);

	if (i == SESSION_NONE)
		return;
	drop(s, i);
	s->forgotten = ++s->changes;
}

/* ---- the window ---------------------------------------------------------- */

static uint64_t *word_of(struct session_window *w, uint64_t counter)
{
	return &w->seen[counter % SESSION_WINDOW / 64];
}

static uint64_t bit_of(uint64_t counter)
{
	return 1ULL << (counter % 64);
}

bool sessions_is_new(const struct sessions *s, uint32_t session, uint64_t counter)
{
	const struct session *one = &s->session[session];

	if (counter > one->top)
		return true;
	/* Without a window everything up to the highest counts as seen. */
	if (one->window == SESSION_NO_WINDOW || one->top - counter >= SESSION_WINDOW)
		return false;

	return !(*word_of(&s->window[one->window], counter) & bit_of(counter));
}

static struct session_window *lend_window(struct sessions *s, uint32_t session)
{
	uint16_t i = s->session[session].window;
	struct session_window *w;

	if (i != SESSION_NO_WINDOW)
		return &s->window[i];

	i = s->next_window;
	s->next_window = (uint16_t)((i + 1) % s->n_windows);
	w = &s->window[i];
	if (w->session != SESSION_NONE)
		s->session[w->session].window = SESSION_NO_WINDOW;
	memset(w->seen, 0xff, sizeof(w->seen));
	w->session = session;
	s->session[session].window = i;

	return w;
}

/* Counters that the window comes to cover have not been seen. */
static void advance(struct session *one, struct session_window *w, uint64_t counter)
{
	uint64_t steps = counter - one->top;

	if (steps >= SESSION_WINDOW)
		memset(w->seen, 0, sizeof(w->seen));
	for (; steps < SESSION_WINDOW && steps > 0; steps--)
		*word_of(w, one->top + steps) &= ~bit_of(one->top + steps);
	one->top = counter;
}

void sessions_mark(struct sessions *s, uint32_t session, uint64_t counter, uint32_t now_s)
{
	struct session *one = &s->session[session];
	struct session_window *w = lend_window(s, session);

	if (counter > one->top)
		advance(one, w, counter);
	*word_of(w, counter) |= bit_of(counter);
	one->used = (uint16_t)now_s;
}
