/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model - the protocol of the blocks, small enough to be walked through */
#include "tests/explore/model.h"

#include <stdio.h>
#include <string.h>

#define BIT(n) (1U << (n))

struct world {
	struct state *s;
	enum rule broken;
	const struct bounds *bounds;
};

/* ---- titles: overlay/titles.c for a space of one number ---------------------------- */

static unsigned int epoch(const struct state *s, unsigned int link)
{
	unsigned int n = 0;

	for (; link != 0; link = s->links[link].parent)
		n++;

	return n;
}

static bool is_by_heir(const struct state *s, unsigned int link)
{
	return s->links[link].by != s->links[s->links[link].parent].to;
}

/* Whether @a counts before @b: both are of one epoch. */
static bool counts_before(const struct state *s, unsigned int a, unsigned int b)
{
	if (is_by_heir(s, a) != is_by_heir(s, b))
		return is_by_heir(s, a);
	if (s->links[a].sequence != s->links[b].sequence)
		return s->links[a].sequence < s->links[b].sequence;

	/* By id there, which is a hash: here the worse way, which takes from who had it. */
	return a > b;
}

/* The next one of an epoch in the order in which links count, or 0. */
static unsigned int next_of_epoch(const struct state *s, unsigned int known, unsigned int of,
				  unsigned int last)
{
	unsigned int best = 0;

	for (unsigned int l = 1; l < s->n_links; l++)
		if ((known & BIT(l)) && l != last && epoch(s, l) == of &&
		    (!last || counts_before(s, last, l)) && (!best || counts_before(s, l, best)))
			best = l;

	return best;
}

/* Whether @title comes from the parent of @link as well. */
static bool is_fork(const struct state *s, unsigned int title, unsigned int link)
{
	while (title != 0 && epoch(s, title) >= epoch(s, link))
		title = s->links[title].parent;

	return title == s->links[link].parent;
}

/* The link by which the block has its owner, for who knows these links. */
static unsigned int title(const struct state *s, unsigned int known, bool *frozen)
{
	unsigned int at = 0, link;

	*frozen = false;
	for (unsigned int e = 1; e < s->n_links; e++)
		for (link = 0; (link = next_of_epoch(s, known, e, link)) != 0;) {
			if (s->links[link].parent == at)
				at = link;
			else
				*frozen |= is_fork(s, at, link);
		}

	return at;
}

static unsigned int chain(const struct state *s, unsigned int links)
{
	for (unsigned int l = s->n_links; l-- > 1;)
		if (links & BIT(l))
			links |= BIT(s->links[l].parent);

	return links;
}

/* ---- forgets ----------------------------------------------------------------------- */

static unsigned int forget_state(const struct node *n, unsigned int subject, unsigned int issuer)
{
	return (n->disk.forgets[subject] >> (2 * issuer)) & 3;
}

/*
 * Words count together if nobody who might have known more was lost between the
 * first and the last of them: what he told others before may have come after
 * their word.
 */
static void drop_words(const struct world *w, struct node *n)
{
	if (w->broken == WORDS_OF_BEFORE)
		return;
	memset(n->acked, 0, sizeof(n->acked));
	n->met = 0;
}

static void set_forget(const struct world *w, struct node *n, unsigned int subject,
		       unsigned int issuer, unsigned int state)
{
	drop_words(w, n);
	n->disk.forgets[subject] = (uint8_t)((n->disk.forgets[subject] & ~(3U << (2 * issuer))) |
					     state << (2 * issuer));
	/* It is written at once, and so is what waited to be written. */
	n->disk.links = n->links;
}

static bool is_forgotten(const struct node *n, unsigned int id, bool complete)
{
	for (unsigned int issuer = 0; issuer < NODES_MAX; issuer++) {
		unsigned int state = forget_state(n, id, issuer);

		if (state == COMPLETE || (state == ISSUED && !complete))
			return true;
	}

	return false;
}

/* Whether @heir has forgotten @owner completely, or who has; at most all nodes deep. */
static bool may_inherit(const struct node *n, unsigned int owner, unsigned int heir,
			unsigned int depth)
{
	for (unsigned int issuer = 0; depth > 0 && issuer < NODES_MAX; issuer++)
		if (forget_state(n, owner, issuer) == COMPLETE &&
		    (issuer == heir || may_inherit(n, issuer, heir, depth - 1)))
			return true;

	return false;
}

/* ---- what a node takes in ---------------------------------------------------------- */

static bool accepts(const struct state *s, const struct node *n, unsigned int link)
{
	const struct link *l = &s->links[link];
	unsigned int owner = s->links[l->parent].to;

	return (n->links & BIT(l->parent)) &&
	       (l->by == owner || may_inherit(n, owner, l->by, NODES_MAX));
}

static bool uses(const struct state *s, unsigned int node)
{
	const struct node *n = &s->nodes[node];
	bool frozen;

	return !n->dead && n->ready && s->links[title(s, n->links, &frozen)].to == node && !frozen;
}

/* Its own links are written at once, those of others when convenient. */
static bool hear_link(struct state *s, unsigned int node, unsigned int link)
{
	struct node *n = &s->nodes[node];
	bool used = uses(s, node), frozen;

	if ((n->links & BIT(link)) || !accepts(s, n, link))
		return false;
	n->links |= (uint8_t)BIT(link);
	if (used && s->links[title(s, n->links, &frozen)].to != node)
		s->lost = (uint8_t)(node + 1);
	if (s->links[link].by == node || s->links[link].to == node)
		n->disk.links = n->links;

	return true;
}

static void hear_links(struct state *s, unsigned int node, unsigned int links)
{
	for (unsigned int l = 1; l < s->n_links; l++)
		if (links & BIT(l))
			hear_link(s, node, l);
}

static bool is_to_be_met(const struct node *n, unsigned int self, unsigned int other)
{
	return other != self && !is_forgotten(n, other, true);
}

/* Everyone is met, but for those whom somebody forgets. */
static bool has_met(const struct state *s, const struct bounds *b, unsigned int self)
{
	const struct node *n = &s->nodes[self];

	for (unsigned int i = 0; i < b->nodes; i++)
		if (!n->ready && is_to_be_met(n, self, i) && !(n->met & BIT(i)) &&
		    !is_forgotten(n, i, false))
			return false;

	return n->ready || n->met;
}

/* Whether a forget cannot take effect any more, and has not. */
static bool is_over(const struct node *n, unsigned int subject, unsigned int issuer)
{
	unsigned int state = forget_state(n, subject, issuer);

	return state == WITHDRAWN || (state == ISSUED && is_forgotten(n, issuer, true));
}

static bool has_rival(const struct node *n, unsigned int subject, unsigned int issuer)
{
	for (unsigned int i = 0; i < NODES_MAX; i++)
		if (i != issuer && forget_state(n, subject, i) != NO_FORGET &&
		    !is_over(n, subject, i))
			return true;

	return false;
}

static bool may_acknowledge(const struct world *w, unsigned int self, unsigned int subject,
			    unsigned int issuer)
{
	struct node *n = &w->s->nodes[self];

	if (n->disk.acks[subject] == issuer + 1)
		return true;
	if (w->broken != ACK_TWICE && has_rival(n, subject, issuer))
		return false;
	if (w->broken != ACK_BEFORE_MEETING && !has_met(w->s, w->bounds, self))
		return false;
	n->disk.acks[subject] = (uint8_t)(issuer + 1);
	n->disk.links = n->links;

	return true;
}

/* Two forget the same one: the higher id gives way, but not to the dead. */
static void meet_rival(const struct world *w, unsigned int self, unsigned int subject,
		       unsigned int issuer)
{
	struct node *n = &w->s->nodes[self];

	if (w->broken != ACK_TWICE && self > issuer && forget_state(n, subject, self) == ISSUED &&
	    !is_forgotten(n, issuer, false))
		set_forget(w, n, subject, self, WITHDRAWN);
}

static void hear_forget(const struct world *w, unsigned int self, unsigned int subject,
			unsigned int issuer, unsigned int state)
{
	struct node *n = &w->s->nodes[self];

	if (state <= forget_state(n, subject, issuer))
		return;
	set_forget(w, n, subject, issuer, state);
	if (state != ISSUED)
		return;
	if (issuer != self)
		meet_rival(w, self, subject, issuer);
	else if (!may_acknowledge(w, self, subject, issuer))
		set_forget(w, n, subject, self, WITHDRAWN);
}

static void hear_forgets(const struct world *w, unsigned int self, const struct node *from)
{
	for (unsigned int subject = 0; subject < w->bounds->nodes; subject++)
		for (unsigned int issuer = 0; issuer < w->bounds->nodes; issuer++)
			hear_forget(w, self, subject, issuer, forget_state(from, subject, issuer));
}

/* ---- moves ------------------------------------------------------------------------- */

static bool sign(const struct world *w, unsigned int by, unsigned int to)
{
	struct state *s = w->s;
	struct node *n = &s->nodes[by];
	struct link new = { .by = (uint8_t)by, .to = (uint8_t)to, .sequence = 1 };
	bool frozen;

	if (s->n_links == w->bounds->links)
		return false;
	new.parent = (uint8_t)title(s, n->links, &frozen);
	for (unsigned int l = 1; l < s->n_links; l++)
		new.sequence += s->links[l].by == by && (n->links & BIT(l));
	s->links[s->n_links] = new;
	n->links |= (uint8_t)BIT(s->n_links++);
	n->disk.links = n->links;

	return true;
}

static bool give(const struct world *w, struct move m)
{
	return m.a != m.b && !w->s->nodes[m.b].dead && uses(w->s, m.a) && sign(w, m.a, m.b);
}

static bool tell_link(const struct world *w, struct move m)
{
	const struct state *s = w->s;

	return m.a != m.b && !s->nodes[m.a].dead && !s->nodes[m.b].dead && m.c < s->n_links &&
	       (s->nodes[m.a].links & BIT(m.c)) && hear_link(w->s, m.b, m.c);
}

static bool tell_forgets(const struct world *w, struct move m)
{
	struct node *from = &w->s->nodes[m.a], *to = &w->s->nodes[m.b];
	struct node before = *to;

	if (m.a == m.b || from->dead || to->dead)
		return false;
	hear_forgets(w, m.b, from);

	return memcmp(&before, to, sizeof(before)) != 0;
}

static bool die(const struct world *w, struct move m)
{
	struct node *n = &w->s->nodes[m.a];

	if (n->dead || w->s->deaths == w->bounds->deaths)
		return false;
	*n = (struct node){ .dead = true };
	w->s->deaths++;
	if (w->s->backup_of == m.a + 1) {
		w->s->backup_of = 0;
		w->s->backup = (struct disk){ 0 };
	}

	return true;
}

/* Its disk is all that it has; who waits for its word asks everyone anew. */
static void start(const struct world *w, unsigned int node, bool ready)
{
	struct node *n = &w->s->nodes[node];

	*n = (struct node){ .disk = n->disk, .links = n->disk.links, .ready = ready };
	for (unsigned int i = 0; i < w->bounds->nodes; i++) {
		struct node *other = &w->s->nodes[i];

		if (w->broken == WORDS_OF_BEFORE)
			break;
		if (!(other->met & BIT(node)))
			other->met = 0;
		for (unsigned int subject = 0; subject < w->bounds->nodes; subject++)
			if (!(other->acked[subject] & BIT(node)))
				other->acked[subject] = 0;
	}
}

static bool crash(const struct world *w, struct move m)
{
	struct node *n = &w->s->nodes[m.a];

	if (n->dead || w->s->crashes == w->bounds->crashes)
		return false;
	w->s->crashes++;
	start(w, m.a, n->ready);

	return true;
}

static bool reboot(const struct world *w, struct move m)
{
	struct node *n = &w->s->nodes[m.a];

	if (n->dead || w->s->reboots == w->bounds->reboots)
		return false;
	w->s->reboots++;
	start(w, m.a, false);

	return true;
}

static bool back_up(const struct world *w, struct move m)
{
	struct state *s = w->s;

	if (s->nodes[m.a].dead || s->restores == w->bounds->restores || s->backup_of)
		return false;
	s->backup = s->nodes[m.a].disk;
	s->backup_of = (uint8_t)(m.a + 1);

	return true;
}

static bool restore(const struct world *w, struct move m)
{
	struct state *s = w->s;

	if (s->backup_of != m.a + 1)
		return false;
	s->nodes[m.a].disk = s->backup;
	start(w, m.a, w->broken == NO_WAIT_AFTER_RESTORE);
	if (++s->restores == w->bounds->restores) {
		s->backup_of = 0;
		s->backup = (struct disk){ 0 };
	}

	return true;
}

/* What a node knows of gifts by and to somebody, and how they came about. */
static unsigned int about(const struct state *s, const struct node *n, unsigned int who)
{
	unsigned int links = 0;

	for (unsigned int l = 1; l < s->n_links; l++)
		if ((n->links & BIT(l)) && (s->links[l].by == who || s->links[l].to == who))
			links |= BIT(l);

	return chain(s, links);
}

static unsigned int about_forgotten(const struct world *w, const struct node *n)
{
	unsigned int links = 0;

	for (unsigned int i = 0; i < w->bounds->nodes; i++)
		if (is_forgotten(n, i, false))
			links |= about(w->s, n, i);

	return links;
}

/* b answers a's question what it knows of a and of the forgotten. */
static bool meet(const struct world *w, struct move m)
{
	struct node *n = &w->s->nodes[m.a];
	const struct node *other = &w->s->nodes[m.b];

	if (n->dead || n->ready || other->dead || !is_to_be_met(n, m.a, m.b) || (n->met & BIT(m.b)))
		return false;
	hear_forgets(w, m.a, other);
	hear_links(w->s, m.a, about(w->s, other, m.a));
	if (w->broken != MEETING_OF_OWN_LINKS)
		hear_links(w->s, m.a, about_forgotten(w, other));
	n->met |= (uint8_t)BIT(m.b);

	return true;
}

/* Whether somebody who may finish it forgets @subject. */
static bool is_taken(const struct node *n, unsigned int subject, unsigned int self)
{
	unsigned int issuer = n->disk.acks[subject];

	return issuer-- != 0 && issuer != self && !is_over(n, subject, issuer) &&
	       !is_forgotten(n, issuer, false);
}

/* The rule that needs no word of anybody: always the same heir of a node. */
static unsigned int heir_by_hash(const struct world *w, unsigned int subject)
{
	return (subject + w->bounds->nodes - 1) % w->bounds->nodes;
}

static bool forget(const struct world *w, struct move m)
{
	struct node *n = &w->s->nodes[m.a];
	unsigned int heir = w->broken == HEIR_BY_HASH ? heir_by_hash(w, m.b) : m.a;
	bool at_once = w->broken == HEIR_BY_HASH || w->broken == HEIR_WHO_SAYS_SO;

	if (n->dead || !w->s->nodes[m.b].dead || forget_state(n, m.b, heir) != NO_FORGET ||
	    (w->broken != ACK_TWICE && is_taken(n, m.b, m.a)))
		return false;
	set_forget(w, n, m.b, heir, at_once ? COMPLETE : ISSUED);

	return true;
}

static bool is_needed(const struct world *w, unsigned int issuer, unsigned int subject,
		      unsigned int other)
{
	return other != issuer && other != subject &&
	       !is_forgotten(&w->s->nodes[issuer], other, false);
}

/* a acknowledges that b forgets c. */
static bool acknowledge(const struct world *w, struct move m)
{
	struct node *n = &w->s->nodes[m.a], *issuer = &w->s->nodes[m.b];

	if (n->dead || issuer->dead || forget_state(issuer, m.c, m.b) != ISSUED ||
	    !is_needed(w, m.b, m.c, m.a) || (issuer->acked[m.c] & BIT(m.a)))
		return false;
	hear_forget(w, m.a, m.c, m.b, ISSUED);
	meet_rival(w, m.a, m.c, m.b);
	if (forget_state(n, m.c, m.b) != ISSUED || forget_state(n, m.c, m.a) == ISSUED ||
	    !may_acknowledge(w, m.a, m.c, m.b))
		return false;
	hear_forgets(w, m.b, n);
	if (w->broken == ACK_OF_SUBJECT)
		hear_links(w->s, m.b, about(w->s, n, m.c));
	else if (w->broken != ACK_WITHOUT_CHAINS)
		hear_links(w->s, m.b, about_forgotten(w, n));
	issuer->acked[m.c] |= (uint8_t)BIT(m.a);

	return true;
}

static bool complete(const struct world *w, struct move m)
{
	struct node *n = &w->s->nodes[m.a];

	if (n->dead || forget_state(n, m.b, m.a) != ISSUED)
		return false;
	for (unsigned int i = 0; i < w->bounds->nodes; i++)
		if (is_needed(w, m.a, m.b, i) && !(n->acked[m.b] & BIT(i)))
			return false;
	if (!may_acknowledge(w, m.a, m.b, m.a))
		return false;
	set_forget(w, n, m.b, m.a, COMPLETE);
	n->acked[m.b] = 0;

	return true;
}

static bool inherit(const struct world *w, struct move m)
{
	struct node *n = &w->s->nodes[m.a];
	bool frozen;
	unsigned int owner = w->s->links[title(w->s, n->links, &frozen)].to;

	return !n->dead && (n->ready || w->broken == HEIR_BEFORE_READY) &&
	       may_inherit(n, owner, m.a, NODES_MAX) && sign(w, m.a, m.a);
}

/* ---- all of them ------------------------------------------------------------------- */

enum argument { NOTHING, NODE, LINK };

static const struct kind {
	bool (*make)(const struct world *w, struct move m);
	enum argument b, c;
	const char *words; /* $a, $b, $c: nodes; $l: what the link c says */
} kinds[] = {
	{ give, NODE, NOTHING,
	  "$a gives the block to $b: the link is on $a's disk, nobody has heard of it yet" },
	{ tell_link, NODE, LINK, "$a tells $b that $l" },
	{ tell_forgets, NODE, NOTHING, "$a tells $b which forgets there are" },
	{ die, NOTHING, NOTHING, "$a dies, and its disk with it" },
	{ crash, NOTHING, NOTHING,
	  "$a's daemon crashes and starts again: it knows what is on its disk" },
	{ reboot, NOTHING, NOTHING, "$a reboots" },
	{ back_up, NOTHING, NOTHING, "a backup of $a's disk is made" },
	{ restore, NOTHING, NOTHING, "$a is restored from its backup" },
	{ meet, NODE, NOTHING, "$a, which is not ready, meets $b" },
	{ forget, NODE, NOTHING, "an operator tells $a to forget $b" },
	{ acknowledge, NODE, NODE, "$a acknowledges that $b forgets $c" },
	{ complete, NODE, NOTHING,
	  "all that $a asked have acknowledged: the forget of $b is complete" },
	{ inherit, NOTHING, NOTHING, "$a inherits: it signs for the block as it knows it" },
};

/* What follows by itself: who has met all is ready. */
static void settle(const struct world *w)
{
	for (unsigned int i = 0; i < w->bounds->nodes; i++) {
		struct node *n = &w->s->nodes[i];
		bool all = n->met != 0;

		for (unsigned int j = 0; j < w->bounds->nodes; j++)
			all &= !is_to_be_met(n, i, j) || (n->met & BIT(j)) != 0;
		if (!n->ready && !n->dead && all) {
			n->ready = true;
			n->met = 0;
			if (w->broken != READY_BEFORE_DISK)
				n->disk.links = n->links;
		}
	}
}

static unsigned int range(enum argument what, const struct bounds *b)
{
	return what == NOTHING ? 1 : what == NODE ? b->nodes : b->links;
}

void model_moves(const struct state *s, enum rule broken, const struct bounds *bounds,
		 model_found found, void *ctx)
{
	struct state next;
	struct world w = { .s = &next, .broken = broken, .bounds = bounds };
	struct move m;

	for (m.kind = 0; m.kind < sizeof(kinds) / sizeof(kinds[0]); m.kind++) {
		const struct kind *k = &kinds[m.kind];

		for (m.a = 0; m.a < bounds->nodes; m.a++)
			for (m.b = 0; m.b < range(k->b, bounds); m.b++)
				for (m.c = 0; m.c < range(k->c, bounds); m.c++) {
					next = *s;
					if (!k->make(&w, m))
						continue;
					settle(&w);
					found(ctx, &next, m);
				}
	}
}

struct state model_start(const struct bounds *bounds)
{
	struct state s;

	memset(&s, 0, sizeof(s));
	s.n_links = 1;
	for (unsigned int i = 0; i < bounds->nodes; i++)
		s.nodes[i] = (struct node){ .disk.links = 1, .links = 1, .ready = true };

	return s;
}

bool model_is_bad(const struct state *s, const struct bounds *bounds, char *buf, unsigned int size)
{
	unsigned int two[NODES_MAX], n = 0;

	for (unsigned int i = 0; i < bounds->nodes; i++)
		if (uses(s, i))
			two[n++] = i;
	if (n >= 2)
		(void)snprintf(buf, size, "Now %c and %c both give out the block's numbers.",
			       'A' + two[0], 'A' + two[1]);
	else if (s->lost)
		(void)snprintf(buf, size, "Now %c has lost the block, whose numbers it uses.",
			       'A' + s->lost - 1);

	return n >= 2 || s->lost;
}

static int say_link(const struct link *l, char *buf, unsigned int size)
{
	return l->by == l->to
		       ? snprintf(buf, size, "%c has inherited the block", 'A' + l->by)
		       : snprintf(buf, size, "%c gave the block to %c", 'A' + l->by, 'A' + l->to);
}

void model_say(const struct state *before, struct move m, char *buf, unsigned int size)
{
	const char nodes[] = { m.a, m.b, m.c };
	unsigned int len = 0;

	for (const char *p = kinds[m.kind].words; *p && len + 1 < size; p++) {
		if (*p != '$')
			buf[len++] = *p;
		else if (*++p == 'l')
			len += (unsigned int)say_link(&before->links[m.c], buf + len, size - len);
		else
			buf[len++] = (char)('A' + nodes[*p - 'a']);
	}
	buf[len] = '\0';
}
