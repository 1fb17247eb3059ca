/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * explore - walk through the protocol of the blocks, with all of its rules and without
 *
 *	explore [--full]
 *
 * With all rules no state within the bounds is bad; without one of them some
 * is, and the shortest way to it is told.  Each is a line of TAP.  --full goes
 * further where all rules hold.
 */
#include <stdio.h>
#include <string.h>

#include "tests/explore/search.h"

#define TO_THE_END 255 /* moves: all states that there are */

struct walk {
	enum rule broken;
	const char *what;
	struct bounds bounds;
};

static const struct walk holds[] = {
	{ ALL_RULES, "four nodes, one dies", { .nodes = 4, .links = 3, .deaths = 1, .moves = 11 } },
	{ ALL_RULES,
	  "three nodes, one dies, one is restored from a backup",
	  { .nodes = 3, .links = 4, .deaths = 1, .restores = 1, .moves = TO_THE_END } },
	{ ALL_RULES,
	  "three nodes, one dies, a daemon crashes, one is restored",
	  { .nodes = 3, .links = 3, .deaths = 1, .crashes = 1, .restores = 1, .moves = 14 } },
	{ ALL_RULES, "four nodes, two die", { .nodes = 4, .links = 3, .deaths = 2, .moves = 10 } },
};

static const struct walk holds_far[] = {
	{ ALL_RULES,
	  "three nodes, one of everything",
	  { .nodes = 3,
	    .links = 4,
	    .deaths = 1,
	    .crashes = 1,
	    .reboots = 1,
	    .restores = 1,
	    .moves = TO_THE_END } },
	{ ALL_RULES,
	  "three nodes, one dies, two restores",
	  { .nodes = 3, .links = 5, .deaths = 1, .restores = 2, .moves = TO_THE_END } },
	{ ALL_RULES, "four nodes, two die", { .nodes = 4, .links = 3, .deaths = 2, .moves = 16 } },
};

static const struct walk breaks[] = {
	{ HEIR_BY_HASH,
	  "the heir of a node follows from its id, and inherits at once",
	  { .nodes = 4, .links = 3, .deaths = 1, .moves = 8 } },
	{ HEIR_WHO_SAYS_SO,
	  "who forgets a node is its heir, and inherits at once",
	  { .nodes = 4, .links = 3, .deaths = 1, .moves = 8 } },
	{ NO_WAIT_AFTER_RESTORE,
	  "a restored node is ready at once",
	  { .nodes = 3, .links = 3, .restores = 1, .moves = 8 } },
	{ MEETING_OF_OWN_LINKS,
	  "who is met tells only of gifts by and to the node that asks",
	  { .nodes = 3, .links = 4, .deaths = 1, .restores = 1, .moves = 14 } },
	{ ACK_WITHOUT_CHAINS,
	  "acknowledgements do not come with what is known",
	  { .nodes = 4, .links = 3, .deaths = 1, .moves = 12 } },
	{ ACK_OF_SUBJECT,
	  "acknowledgements come with what is known of the subject alone",
	  { .nodes = 4, .links = 3, .deaths = 2, .moves = 13 } },
	{ ACK_TWICE,
	  "two forgets of one node are acknowledged",
	  { .nodes = 3, .links = 3, .deaths = 1, .moves = 12 } },
	{ WORDS_OF_BEFORE,
	  "an acknowledgement counts although another member died since",
	  { .nodes = 4, .links = 3, .deaths = 2, .moves = 12 } },
	{ WORDS_OF_BEFORE,
	  "a meeting counts although another member started again since",
	  { .nodes = 3, .links = 3, .crashes = 1, .restores = 1, .moves = 12 } },
	{ HEIR_BEFORE_READY,
	  "an heir inherits before it is ready",
	  { .nodes = 3, .links = 4, .deaths = 1, .restores = 1, .moves = 14 } },
	{ READY_BEFORE_DISK,
	  "a node is ready before what it heard is on its disk",
	  { .nodes = 3, .links = 3, .deaths = 1, .crashes = 1, .restores = 1, .moves = 14 } },
};

static unsigned int tests, failed;

static void walk(const struct walk *w, bool has_to_be_bad)
{
	struct search *s = search_run(w->broken, &w->bounds);
	bool bad = search_is_bad(s), right = bad == has_to_be_bad;

	failed += !right;
	printf("%sok %u - %s%s: ", right ? "" : "not ", ++tests,
	       w->broken == ALL_RULES ? "all rules: " : "if ", w->what);
	if (bad)
		printf("bad after %zu moves\n", search_length(s));
	else
		printf("%zu states, none bad%s\n", search_states(s),
		       search_is_all(s) ? "" : ", and no more were looked at");
	search_tell(s, "#   ");
	fflush(stdout);
	search_free(s);
}

static void walk_all(const struct walk *list, size_t n, bool has_to_be_bad)
{
	for (size_t i = 0; i < n; i++)
		walk(&list[i], has_to_be_bad);
}

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

int main(int argc, char **argv)
{
	walk_all(breaks, COUNT(breaks), true);
	walk_all(holds, COUNT(holds), false);
	if (argc > 1 && strcmp(argv[1], "--full") == 0)
		walk_all(holds_far, COUNT(holds_far), false);
	printf("1..%u\n", tests);

	return failed > 0;
}
