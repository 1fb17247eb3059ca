/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * err - what went wrong, as a value
 *
 * Every function that can fail takes a `struct err *e` last and returns 0 or
 * more on success, a negative errno on failure; its outputs are untouched
 * then.  Nothing in it is allocated, so running out of memory can be said too.
 * A NULL @e means that nobody is listening.  Who first notices a failure says
 * what it is with err_sys() or err_cni(); each level above adds with err_wrap()
 * what it was doing:
 *
 *	add address 10.1.0.5/24 to eth0: File exists
 *
 * The library reports and never prints, logs or exits.
 */
#ifndef ERR_H
#define ERR_H

/* Codes of the CNI error object.  Source: CNI specification 1.1.0, section 5 "Error". */
enum cni_code {
	CNI_E_VERSION = 1,	/* incompatible CNI version */
	CNI_E_FIELD = 2,	/* unsupported field in the network configuration */
	CNI_E_UNKNOWN = 3,	/* container unknown, the runtime need not clean up */
	CNI_E_ENV = 4,		/* bad environment variable */
	CNI_E_IO = 5,		/* I/O failure */
	CNI_E_DECODE = 6,	/* cannot decode */
	CNI_E_CONFIG = 7,	/* invalid network configuration */
	CNI_E_NETNS = 8,	/* the namespace in CNI_NETNS is not usable */
	CNI_E_AGAIN = 11,	/* transient, try again later */
	CNI_E_UNAVAILABLE = 50, /* STATUS: ADD cannot be served */
	CNI_E_LIMITED = 51,	/* STATUS: nor are existing containers well connected */
	CNI_E_CHECK = 100,	/* CHECK: the live state differs from the result */
	CNI_E_INTERNAL = 999,	/* anything else, as the reference reports it */
};

struct err {
	int sys;	    /* positive errno, never 0 on failure */
	int cni;	    /* enum cni_code; 0: whoever prints it picks CNI_E_INTERNAL */
	char msg[768];	    /* one sentence, outermost context first */
	char details[1024]; /* more for people, may be empty */
};

/**
 * err_sys() - report a failed system call
 * @e:		filled in, NULL for nobody
 * @sys:	positive errno; 0 is taken as EIO
 * @fmt:	what was being done; ": strerror(sys)" is appended
 *
 * Return: -@sys, so that `return err_sys(...)` is the idiom.
 */
int err_sys(struct err *e, int sys, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As err_sys(), for a @fmt that says all: nothing is appended. */
int err_say(struct err *e, int sys, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/**
 * err_cni() - report a broken rule, with the code of the CNI error object
 * @e:		filled in, NULL for nobody
 * @cni:	enum cni_code
 * @fmt:	the thing, its value, the rule it breaks and what to do
 *
 * Return: the errno that goes with the code: -EINVAL, -EAGAIN for
 * CNI_E_AGAIN, -EIO for CNI_E_IO, -ESTALE for CNI_E_CHECK, -EBUSY for
 * CNI_E_UNAVAILABLE and CNI_E_LIMITED.
 */
int err_cni(struct err *e, int cni, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/**
 * err_wrap() - put what a caller was doing in front of the message
 * @e:		what the callee reported, NULL for nobody
 * @r:		what the callee returned, negative
 * @fmt:	context; ": " and the old message follow it
 *
 * Return: @r.
 */
int err_wrap(struct err *e, int r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/**
 * err_detail() - append one line to the details
 * @e:		NULL for nobody
 * @fmt:	a line without its newline; lines are joined with "; "
 */
void err_detail(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/**
 * err_keep() - the first of two errors
 * @first:	the error kept so far, 0 for none
 * @e:		where the kept error was reported, may be NULL
 * @r:		what the next step returned
 * @next:	what the next step reported
 *
 * For work that goes on past failures (DEL, GC): the first failure is kept as
 * it is, later ones are added to its details.
 *
 * Return: @first if it is negative, else @r.
 */
int err_keep(int first, struct err *e, int r, const struct err *next);

#endif
