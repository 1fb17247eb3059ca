# SPDX-License-Identifier: GPL-2.0-or-later
#
# heddle: container networking plugins in C.
#
#	make demo	set up, build, and show two containers on one network
#	make test	set up, build, and run the tests (under 6 minutes)
#	make install	DESTDIR, PREFIX, CNIBINDIR; FORCE=1 replaces other packages' plugins
#
# Everything that is built goes to build/ (build/san/ with SAN=1).

# Above the reference's 1.9: engines compare the numbers and enable features by them.
VERSION := 2.0.0

PREFIX    ?= /usr
CNIBINDIR ?= /usr/lib/cni
MANDIR    ?= $(PREFIX)/share/man
DOCDIR    ?= $(PREFIX)/share/doc/heddle

CC      ?= gcc
CFLAGS  ?= -O2 -g
SAN     ?=

# ---- what is built from what -------------------------------------------------

BUILD := build$(if $(SAN),/san)

LIB_SRC    := $(wildcard lib/*.c ipam/*.c)
PLUGIN_SRC := $(wildcard plugins/*.c)
UNIT_SRC   := $(wildcard tests/unit/*_test.c)
FUZZ_SRC   := $(wildcard tests/fuzz/*_fuzz.c)
MAN_SRC    := $(wildcard man/*.scd)

PLUGINS := $(PLUGIN_SRC:plugins/%.c=$(BUILD)/plugins/%)
UNITS   := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/unit/%)
MANS    := $(MAN_SRC:man/%.scd=$(BUILD)/man/%)
FUZZERS := $(FUZZ_SRC:tests/fuzz/%.c=build/fuzz/%)
LIBA    := $(BUILD)/libheddle.a

# ---- flags -------------------------------------------------------------------

PKG_CONFIG ?= pkg-config
# Linked statically where Debian ships an archive: a plugin then costs about 20
# microseconds over an empty program, instead of 75 to 100.  libmnl has none.
STATIC_PKGS := libnftnl jansson libmd
SHARED_PKGS := libmnl

WARN   := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
          -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 -Wno-format-nonliteral -Wno-missing-field-initializers
# Objects of both toolchains carry what the hardening wiki of Debian asks for.
HARDEN := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE \
          $(if $(SAN),,-D_FORTIFY_SOURCE=2)
SANITIZE := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
comma  := ,

HEDDLE_CPPFLAGS := -I. -D_GNU_SOURCE -DHEDDLE_VERSION='"$(VERSION)"' \
                   $(shell $(PKG_CONFIG) --cflags $(STATIC_PKGS) $(SHARED_PKGS) 2>/dev/null)
HEDDLE_CFLAGS   := -std=gnu17 $(WARN) $(HARDEN) $(SANITIZE) -ffunction-sections -fdata-sections
HEDDLE_LDFLAGS  := -pie -Wl,-z,relro,-z,now -Wl,--gc-sections $(SANITIZE)
HEDDLE_LDLIBS   := -Wl,-Bstatic $(shell $(PKG_CONFIG) --libs-only-l $(STATIC_PKGS) 2>/dev/null | sed 's/-lmnl//g') \
                   -Wl,-Bdynamic -lmnl

# ---- build -------------------------------------------------------------------

.PHONY: all plugins man
all: plugins man
plugins: $(PLUGINS)
man: $(MANS)

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(HEDDLE_CPPFLAGS) $(CPPFLAGS) $(HEDDLE_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(LIBA): $(LIB_SRC:%.c=$(BUILD)/obj/%.o)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/plugins/%: $(BUILD)/obj/plugins/%.o $(LIBA)
	@mkdir -p $(@D)
	$(CC) $(HEDDLE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(HEDDLE_LDLIBS)

$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(LIBA)
	@mkdir -p $(@D)
	$(CC) $(HEDDLE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(HEDDLE_LDLIBS) -lcmocka

$(BUILD)/man/%: man/%.scd
	@mkdir -p $(@D)
	scdoc < $< > $@

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
