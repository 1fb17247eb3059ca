/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store - see store.h
 *
 * All tables are one B-tree, a key of which begins with its table's number.  LMDB
 * does no locking of its own: there is one process, by store.lock, and one thread,
 * in which no read is open when something is written.
 */
#include "netd/store.h"

#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file.h"
#include "netd/log.h"
#include "netd/metrics.h"

#define LOG_AREA "store"

#define FORMAT	  1		/* of what is in the file */
#define FILE_MODE 0600		/* the node's secret key is in it */
#define MAP_FIRST (16u << 20)	/* bytes of address space, not of disk */
#define MAP_MAX	  (1024u << 20) /* the largest that the file becomes */
#define RESERVE	  (256u << 10)	/* bytes of disk that the file has beyond what it uses, */
#define TOP_UP	  (32u << 10)	/* made full again when it lacks so many */

/* The store's own table; those of enum store_table follow. */
#define TABLE_META 0

static const char format_key[] = "format";
static const char probe_key[] = "probe"; /* written to find out whether the disk is full still */

/* What is to become of a key. */
struct change {
	struct key {
		uint16_t len; /* of b: the table's number and the caller's key */
		uint8_t b[1 + STORE_KEY_MAX];
	} key;
	bool removed;
	uint32_t len;
	uint8_t *value; /* owned where it waits, borrowed where it is put at once */
};

struct store_counters {
	uint64_t commits, failures;
	uint64_t waiting;	/* changes, now */
	uint64_t waiting_bytes; /* keys and values, now */
	bool trouble;
};

struct store {
	MDB_env *env;
	MDB_dbi dbi;
	int lock;
	char path[PATH_MAX];
	struct ev_loop *loop;
	ev_timer timer;	   /* runs when something waits, or in trouble */
	void *waiting;	   /* tsearch(3)'s tree of struct change */
	int trouble;	   /* errno of the last attempt to write or to reserve, 0: none */
	uint64_t reserved; /* bytes of disk that the file is sure to have */
	bool walking;	   /* store_each() is under way */
	struct store_counters counters;
};

/* ---- LMDB's errors, and its environment ----------------------------------- */

/* LMDB's own codes are below 0, errnos above. */
static int errno_of(int rc)
{
	switch (rc) {
	case MDB_MAP_FULL:
		return ENOSPC;
	case MDB_VERSION_MISMATCH:
		return EPROTONOSUPPORT;
	case MDB_BAD_VALSIZE:
		return EINVAL;
	default:
		return rc > 0 ? rc : EIO;
	}
}

static int fail(const struct store *s, int rc, const char *doing, struct err *e)
{
	int r = err_say(e, errno_of(rc), "store %s: %s: %s", s->path, doing, mdb_strerror(rc));

	if (e)
		e->cni = CNI_E_IO;

	return r;
}

static int open_tree(struct store *s)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);

	if (rc)
		return rc;
	rc = mdb_dbi_open(txn, NULL, 0, &s->dbi);
	if (rc)
		mdb_txn_abort(txn);
	else
		rc = mdb_txn_commit(txn); /* which keeps the handle */

	return rc;
}

static int open_env(struct store *s)
{
	int rc = mdb_env_create(&s->env);

	if (rc) {
		s->env = NULL;
		return rc;
	}
	rc = mdb_env_set_mapsize(s->env, MAP_FIRST);
	if (!rc)
		rc = mdb_env_open(s->env, s->path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NORDAHEAD,
				  FILE_MODE);
	if (!rc)
		rc = open_tree(s);
	if (rc) {
		mdb_env_close(s->env);
		s->env = NULL;
	}

	return rc;
}

static int grow(struct store *s)
{
	MDB_envinfo info;
	int rc = mdb_env_info(s->env, &info);

	if (rc)
		return rc;
	if (info.me_mapsize >= MAP_MAX)
		return MDB_MAP_FULL;

	return mdb_env_set_mapsize(s->env, info.me_mapsize * 2);
}

/* After the header of the file could not be written, LMDB wants to be opened anew. */
static int reopen(struct store *s)
{
	mdb_env_close(s->env);

	return open_env(s);
}

/*
 * When others fill the disk, what has to be kept still has room: that a container is
 * gone, that addresses were given away, that this process has started.  Return: 0, or
 * an errno; a file system that cannot reserve is taken as one that has.
 */
static int keep_reserve(struct store *s)
{
	MDB_envinfo info;
	MDB_stat stat;
	uint64_t used;
	int rc, fd;

	if ((rc = mdb_env_info(s->env, &info)) || (rc = mdb_env_stat(s->env, &stat)) ||
	    (rc = mdb_env_get_fd(s->env, &fd)))
		return rc;
	used = (uint64_t)(info.me_last_pgno + 1) * stat.ms_psize;
	if (used + RESERVE - TOP_UP <= s->reserved)
		return 0;
	if (fallocate(fd, 0, 0, (off_t)(used + RESERVE)) < 0 && errno != EOPNOTSUPP)
		return errno;
	s->reserved = used + RESERVE;

	return 0;
}

/* ---- what waits ------------------------------------------------------------ */

static void make_key(struct key *ret, uint8_t table, const void *key, size_t len)
{
	ret->len = (uint16_t)(1 + len);
	ret->b[0] = table;
	memcpy(ret->b + 1, key, len);
}

static int compare_keys(const void *a, const void *b)
{
	const struct key *x = a, *y = b;

	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;

	return memcmp(x->b, y->b, x->len);
}

/* Keys are compared, and a change begins with its key. */
static struct change *find_waiting(const struct store *s, const struct key *key)
{
	struct change **found = tfind(key, &s->waiting, compare_keys);

	return found ? *found : NULL;
}

static size_t bytes_of(const struct change *c)
{
	return c->key.len + c->len;
}

static void free_change(void *p)
{
	struct change *c = p;

	free(c->value);
	free(c);
}

static void clear_waiting(struct store *s)
{
	tdestroy(s->waiting, free_change);
	s->waiting = NULL;
	s->counters.waiting = 0;
	s->counters.waiting_bytes = 0;
}

/* A copy of its own.  Return: NULL when there is no memory. */
static struct change *copy_change(const struct change *c)
{
	AUTO_FREE struct change *copy = malloc(sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *c;
	copy->value = NULL;
	if (c->len > 0) {
		copy->value = malloc(c->len);
		if (!copy->value)
			return NULL;
		memcpy(copy->value, c->value, c->len);
	}

	return MOVE_PTR(copy);
}

static int put_waiting(struct store *s, const struct change *c, struct err *e)
{
	struct change *copy, **slot;

	if (s->counters.waiting_bytes + bytes_of(c) > STORE_WAIT_MAX)
		return err_say(e, ENOSPC,
			       "store %s: %u MiB wait for a disk that takes nothing: free some "
			       "space on it",
			       s->path, STORE_WAIT_MAX >> 20);
	copy = copy_change(c);
	slot = copy ? tsearch(copy, &s->waiting, compare_keys) : NULL;
	if (!slot) {
		if (copy)
			free_change(copy);
		return err_sys(e, ENOMEM, "store %s", s->path);
	}
	if (*slot != copy) { /* an older value of the key */
		s->counters.waiting_bytes -= bytes_of(*slot);
		s->counters.waiting--;
		free_change(*slot);
		*slot = copy;
	}
	s->counters.waiting++;
	s->counters.waiting_bytes += bytes_of(copy);

	return 0;
}

/* ---- writing --------------------------------------------------------------- */

static int write_change(MDB_txn *txn, MDB_dbi dbi, const struct change *c)
{
	MDB_val key = { .mv_size = c->key.len, .mv_data = (void *)(uintptr_t)c->key.b };
	MDB_val value = { .mv_size = c->len, .mv_data = c->value };
	int rc;

	if (!c->removed)
		return mdb_put(txn, dbi, &key, &value, 0);
	rc = mdb_del(txn, dbi, &key, NULL);

	return rc == MDB_NOTFOUND ? 0 : rc;
}

struct writing {
	MDB_txn *txn;
	MDB_dbi dbi;
	int rc;
};

static void write_waiting(const void *node, VISIT visit, void *closure)
{
	struct writing *w = closure;

	if (w->rc == 0 && (visit == postorder || visit == leaf))
		w->rc = write_change(w->txn, w->dbi, *(struct change *const *)node);
}

/* One transaction of all that waits and @last, which may be NULL. */
static int try_commit(struct store *s, const struct change *last)
{
	struct writing w = { .dbi = s->dbi };

	if (!s->env)
		return MDB_PANIC;
	w.rc = mdb_txn_begin(s->env, NULL, 0, &w.txn);
	if (w.rc)
		return w.rc;
	twalk_r(s->waiting, write_waiting, &w);
	if (w.rc == 0 && last)
		w.rc = write_change(w.txn, w.dbi, last);
	if (w.rc) {
		mdb_txn_abort(w.txn);
		return w.rc;
	}

	return mdb_txn_commit(w.txn);
}

static int commit_anyhow(struct store *s, const struct change *last)
{
	int rc = try_commit(s, last);

	while (rc == MDB_MAP_FULL && grow(s) == 0)
		rc = try_commit(s, last);
	if (rc == MDB_PANIC && reopen(s) == 0)
		rc = try_commit(s, last);

	return rc;
}

static void note_trouble(struct store *s, int rc)
{
	int now = rc ? errno_of(rc) : 0;

	if (now && !s->trouble)
		log_error("%s: %s: nothing new can be kept, what runs goes on; free some space "
			  "on the disk",
			  s->path, mdb_strerror(rc));
	else if (!now && s->trouble)
		log_info("%s: the disk takes data again", s->path);
	s->trouble = now;
	s->counters.trouble = now != 0;
}

/* The timer has work when something waits, and when the end of a trouble is to be noticed. */
static void set_timer(struct store *s)
{
	bool needed = s->waiting || s->trouble;

	if (!s->loop || ev_is_active(&s->timer) == needed)
		return;
	if (needed) {
		ev_timer_set(&s->timer, STORE_LAZY_MS / 1000.0, 0);
		ev_timer_start(s->loop, &s->timer);
	} else {
		ev_timer_stop(s->loop, &s->timer);
	}
}

static int commit(struct store *s, const struct change *last, struct err *e)
{
	int rc = commit_anyhow(s, last);

	note_trouble(s, rc ? rc : keep_reserve(s));
	if (rc == 0) {
		s->counters.commits++;
		clear_waiting(s);
	} else {
		s->counters.failures++;
	}
	set_timer(s);
	if (rc)
		return fail(s, rc, "write", e);

	return 0;
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct store *s = timer->data;
	struct change probe = { .removed = true };

	(void)loop;
	(void)events;
	make_key(&probe.key, TABLE_META, probe_key, sizeof(probe_key));
	probe.removed = !s->trouble;
	(void)commit(s, &probe, NULL);
}

static int put(struct store *s, const struct change *c, enum durability how, struct err *e)
{
	int r;

	assert(!s->walking);
	if (how == STORE_DURABLE)
		return commit(s, c, e);
	r = put_waiting(s, c, e);
	set_timer(s);

	return r;
}

int store_put(struct store *s, enum store_table table, const void *key, size_t key_len,
	      const void *value, size_t len, enum durability how, struct err *e)
{
	struct change c = {
		.removed = !value,
		.len = value ? (uint32_t)len : 0,
		.value = (uint8_t *)(uintptr_t)value,
	};

	if (key_len == 0 || key_len > STORE_KEY_MAX)
		return err_say(e, EINVAL, "store %s: a key of %zu bytes: it has 1 to %d", s->path,
			       key_len, STORE_KEY_MAX);
	if (value && len > STORE_VALUE_MAX)
		return err_say(e, EINVAL, "store %s: a value of %zu bytes: it has at most %d",
			       s->path, len, STORE_VALUE_MAX);
	make_key(&c.key, (uint8_t)table, key, key_len);

	return put(s, &c, how, e);
}

int store_flush(struct store *s, struct err *e)
{
	return s->waiting ? commit(s, NULL, e) : 0;
}

static int delete_range(MDB_cursor *cursor, uint8_t table)
{
	MDB_val k = { .mv_size = 1, .mv_data = &table }, v;
	int rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);

	while (rc == 0 && *(uint8_t *)k.mv_data == table) {
		rc = mdb_cursor_del(cursor, 0);
		if (rc == 0)
			rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT); /* the one that moved up */
	}

	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int try_clear(struct store *s, uint8_t table)
{
	MDB_cursor *cursor;
	MDB_txn *txn;
	int rc = s->env ? mdb_txn_begin(s->env, NULL, 0, &txn) : MDB_PANIC;

	if (rc)
		return rc;
	rc = mdb_cursor_open(txn, s->dbi, &cursor);
	if (rc == 0) {
		rc = delete_range(cursor, table);
		mdb_cursor_close(cursor);
	}
	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}

	return mdb_txn_commit(txn);
}

int store_clear(struct store *s, enum store_table table, struct err *e)
{
	int r = store_flush(s, e);
	int rc;

	assert(!s->walking);
	if (r < 0)
		return r;
	rc = try_clear(s, (uint8_t)table);
	note_trouble(s, rc ? rc : keep_reserve(s));
	set_timer(s);

	return rc ? fail(s, rc, "clear a table", e) : 0;
}

/* ---- reading --------------------------------------------------------------- */

static int copy_value(const void *value, size_t len, void **ret, size_t *ret_len)
{
	uint8_t *copy = malloc(len + 1);

	if (!copy)
		return -ENOMEM;
	if (len > 0)
		memcpy(copy, value, len);
	copy[len] = '\0';
	*ret = copy;
	if (ret_len)
		*ret_len = len;

	return 0;
}

static int get_written(struct store *s, const struct key *key, void **ret, size_t *ret_len,
		       struct err *e)
{
	MDB_val k = { .mv_size = key->len, .mv_data = (void *)(uintptr_t)key->b }, v;
	MDB_txn *txn;
	int rc = s->env ? mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn) : MDB_PANIC;
	int r;

	if (rc)
		return fail(s, rc, "read", e);
	rc = mdb_get(txn, s->dbi, &k, &v);
	if (rc == MDB_NOTFOUND)
		r = -ENOENT;
	else if (rc)
		r = fail(s, rc, "read", e);
	else
		r = copy_value(v.mv_data, v.mv_size, ret, ret_len);
	mdb_txn_abort(txn);

	return r;
}

static int get(struct store *s, const struct key *key, void **ret, size_t *ret_len, struct err *e)
{
	const struct change *c = find_waiting(s, key);

	if (!c)
		return get_written(s, key, ret, ret_len, e);
	if (c->removed)
		return -ENOENT;

	return copy_value(c->value, c->len, ret, ret_len);
}

int store_get(struct store *s, enum store_table table, const void *key, size_t key_len, void **ret,
	      size_t *ret_len, struct err *e)
{
	struct key k;
	int r;

	if (key_len == 0 || key_len > STORE_KEY_MAX)
		return -ENOENT;
	make_key(&k, (uint8_t)table, key, key_len);
	r = get(s, &k, ret, ret_len, e);

	return r == -ENOMEM ? err_sys(e, ENOMEM, "store %s: read", s->path) : r;
}

struct walk {
	struct store *store;
	uint8_t table;
	int (*fn)(void *ctx, const void *key, size_t key_len, const void *value, size_t len);
	void *ctx;
	int r; /* negative: @fn's, and the end */
};

static int walk_cursor(struct walk *w, MDB_cursor *cursor)
{
	MDB_val k = { .mv_size = 1, .mv_data = &w->table }, v;
	int rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);

	for (; rc == 0; rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
		const uint8_t *b = k.mv_data;
		struct key key;

		if (b[0] != w->table || k.mv_size > sizeof(key.b))
			break;
		make_key(&key, b[0], b + 1, k.mv_size - 1);
		if (find_waiting(w->store, &key))
			continue;
		w->r = w->fn(w->ctx, b + 1, k.mv_size - 1, v.mv_data, v.mv_size);
		if (w->r < 0)
			break;
	}

	return rc == MDB_NOTFOUND ? 0 : rc;
}

static int walk_written(struct walk *w)
{
	MDB_cursor *cursor;
	MDB_txn *txn;
	int rc;

	if (!w->store->env)
		return MDB_PANIC;
	rc = mdb_txn_begin(w->store->env, NULL, MDB_RDONLY, &txn);
	if (rc)
		return rc;
	rc = mdb_cursor_open(txn, w->store->dbi, &cursor);
	if (rc == 0) {
		rc = walk_cursor(w, cursor);
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(txn);

	return rc;
}

static void walk_waiting(const void *node, VISIT visit, void *closure)
{
	const struct change *c = *(struct change *const *)node;
	struct walk *w = closure;

	if (w->r < 0 || (visit != postorder && visit != leaf))
		return;
	if (c->key.b[0] == w->table && !c->removed)
		w->r = w->fn(w->ctx, c->key.b + 1, c->key.len - 1u, c->value, c->len);
}

int store_each(struct store *s, enum store_table table,
	       int (*fn)(void *ctx, const void *key, size_t key_len, const void *value, size_t len),
	       void *ctx, struct err *e)
{
	struct walk w = { .store = s, .table = (uint8_t)table, .fn = fn, .ctx = ctx };
	int rc;

	assert(!s->walking);
	s->walking = true;
	rc = walk_written(&w);
	if (rc == 0)
		twalk_r(s->waiting, walk_waiting, &w);
	s->walking = false;
	if (rc)
		return fail(s, rc, "read", e);

	return w.r < 0 ? w.r : 0;
}

/* ---- records of the engine ------------------------------------------------- */

#define KIND_LEN 2 /* bytes of a record's kind, most significant first, before its key */

int store_record(struct store *s, const struct record *r, enum durability how, struct err *e)
{
	uint8_t key[STORE_KEY_MAX];

	if (KIND_LEN + r->key_len > (int)sizeof(key))
		return err_say(e, EINVAL, "store %s: the key of a record of kind %u has %u bytes",
			       s->path, r->kind, r->key_len);
	key[0] = (uint8_t)(r->kind >> 8);
	key[1] = (uint8_t)r->kind;
	memcpy(key + KIND_LEN, r->key, r->key_len);

	return store_put(s, STORE_RECORDS, key, KIND_LEN + r->key_len, r->len ? r->value : NULL,
			 r->len, how, e);
}

struct record_user {
	void (*fn)(void *ctx, const struct record *r);
	void *ctx;
};

static int give_record(void *ctx, const void *key, size_t key_len, const void *value, size_t len)
{
	const struct record_user *user = ctx;
	const uint8_t *b = key;
	struct record r;

	if (key_len < KIND_LEN)
		return 0;
	r = (struct record){
		.kind = (uint16_t)(b[0] << 8 | b[1]),
		.key_len = (uint16_t)(key_len - KIND_LEN),
		.key = b + KIND_LEN,
		.len = (uint32_t)len,
		.value = value,
	};
	user->fn(user->ctx, &r);

	return 0;
}

int store_records(struct store *s, void (*fn)(void *ctx, const struct record *r), void *ctx,
		  struct err *e)
{
	struct record_user user = { .fn = fn, .ctx = ctx };

	return store_each(s, STORE_RECORDS, give_record, &user, e);
}

/* ---- opening and closing --------------------------------------------------- */

static int take_lock(struct store *s, const char *dir, struct err *e)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/store.lock", dir) >= (int)sizeof(path))
		return err_sys(e, ENAMETOOLONG, "%s", dir);
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
	if (s->lock < 0)
		return err_sys(e, errno, "open %s", path);
	if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return err_say(e, EBUSY, "%s is in use: another netd runs with this data-dir", dir);

	return err_sys(e, errno, "lock %s", path);
}

static int write_format(struct store *s, struct err *e)
{
	uint8_t format = FORMAT;
	struct change c = { .len = sizeof(format), .value = &format };

	make_key(&c.key, TABLE_META, format_key, sizeof(format_key));

	return commit(s, &c, e);
}

static int check_format(struct store *s, struct err *e)
{
	AUTO_FREE void *value = NULL;
	struct key key;
	size_t len;
	int r;

	make_key(&key, TABLE_META, format_key, sizeof(format_key));
	r = get(s, &key, &value, &len, e);
	if (r == -ENOENT)
		return write_format(s, e);
	if (r < 0)
		return r;
	if (len != 1)
		return err_say(e, EIO, "%s is damaged: restore a backup of it", s->path);
	if (*(uint8_t *)value > FORMAT)
		return err_say(e, EPROTONOSUPPORT,
			       "%s is of format %u, which a newer netd has written; this one "
			       "knows %d: run the newer one",
			       s->path, *(uint8_t *)value, FORMAT);

	return 0;
}

static int open_in(struct store *s, const char *dir, struct err *e)
{
	int r = file_make_dirs(dir, 0700);
	int rc;

	if (r < 0)
		return err_sys(e, -r, "make directory %s", dir);
	if (snprintf(s->path, sizeof(s->path), "%s/store.mdb", dir) >= (int)sizeof(s->path))
		return err_sys(e, ENAMETOOLONG, "%s", dir);
	r = take_lock(s, dir, e);
	if (r < 0)
		return r;
	rc = open_env(s);
	if (rc)
		return fail(s, rc, "open", e);
	r = check_format(s, e);
	if (r == 0)
		note_trouble(s, keep_reserve(s));
	set_timer(s);

	return r;
}

int store_open(struct ev_loop *loop, const char *dir, struct store **ret, struct err *e)
{
	AUTO(store_closep) struct store *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_sys(e, ENOMEM, "open the store");
	s->lock = -1;
	s->loop = loop;
	ev_init(&s->timer, on_timer);
	s->timer.data = s;
	r = open_in(s, dir, e);
	if (r < 0)
		return r;
	*ret = MOVE_PTR(s);

	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->env)
		(void)store_flush(s, NULL);
	if (s->loop)
		ev_timer_stop(s->loop, &s->timer);
	clear_waiting(s);
	if (s->env)
		mdb_env_close(s->env);
	if (s->lock >= 0)
		close(s->lock);
	free(s);
}

void store_closep(struct store **s)
{
	store_close(*s);
}

int store_trouble(const struct store *s)
{
	return s->trouble;
}

int store_may_add(const struct store *s, struct err *e)
{
	if (!s->trouble)
		return 0;
	(void)err_cni(
		e, CNI_E_IO,
		"the disk of %s takes no data (%s): nothing is added until it does, what runs "
		"goes on",
		s->path, strerror(s->trouble));

	return -s->trouble;
}

/* ---- metrics ---------------------------------------------------------------- */

#define ROW(name_, type_, member_, value_, help_)                                                  \
	{                                                                                          \
		.name = "heddle_netd_store_" name_, .type = type_, .value = value_,                \
		.offset = offsetof(struct store_counters, member_), .help = help_                  \
	}

static const struct metric metric_table[] = {
	ROW("commits_total", METRIC_COUNTER, commits, METRIC_U64, "Transactions on the disk."),
	ROW("failures_total", METRIC_COUNTER, failures, METRIC_U64, "Transactions that failed."),
	ROW("waiting_changes", METRIC_GAUGE, waiting, METRIC_U64, "Changes not on the disk yet."),
	ROW("waiting_bytes", METRIC_GAUGE, waiting_bytes, METRIC_U64,
	    "Bytes of changes not on the disk yet."),
	ROW("trouble", METRIC_GAUGE, trouble, METRIC_BOOL,
	    "1 if the last attempt to write has failed."),
	{ NULL },
};

int store_add_metrics(struct store *s, struct metrics *m, struct err *e)
{
	return metrics_register(m, metric_table, &s->counters, e);
}
