# SPDX-License-Identifier: GPL-2.0-or-later
#
# heddle: container networking plugins in C.
#
#	make demo	set up, build, and show two containers on one network
#	make demo-overlay	the same, and one network over three hosts
#	make test	set up, build, and run the tests (under 6 minutes)
#	make install	the command, plugins, manual and completions:
#			DESTDIR, PREFIX, CNIBINDIR; FORCE=1 replaces other packages' plugins
#
# Everything that is built goes to build/ (build/san/ with SAN=1).

# Above the reference's 1.9: engines compare the numbers and enable features by them.
VERSION := 2.0.0

PREFIX    ?= /usr
CNIBINDIR ?= /usr/lib/cni
BINDIR    ?= $(PREFIX)/bin
SBINDIR   ?= $(PREFIX)/sbin
UNITDIR   ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
MANDIR    ?= $(PREFIX)/share/man
BASHDIR   ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR    ?= $(PREFIX)/share/zsh/vendor-completions
DOCDIR    ?= $(PREFIX)/share/doc/heddle

CC      ?= gcc
CFLAGS  ?= -O2 -g
SAN     ?=

# ---- what is built from what -------------------------------------------------

BUILD := build$(if $(SAN),/san)
GEN   := build/gen

LIB_SRC    := $(wildcard lib/*.c ipam/*.c)
PLUGIN_SRC := $(wildcard plugins/*.c)
HELPER_SRC := $(wildcard libexec/*.c)
CLI_SRC    := $(wildcard cli/*.c)
OVERLAY_SRC := $(wildcard overlay/*.c)
OVERLAY_PROTO := $(wildcard overlay/*.proto)
NETD_SRC   := $(wildcard netd/*.c)
SIM_SRC    := $(wildcard tests/sim/*.c)
EXPLORE_SRC := $(wildcard tests/explore/*.c)
PLANE_SRC  := $(wildcard tests/plane/*.c)
UNIT_SRC   := $(wildcard tests/unit/*_test.c)
FUZZ_SRC   := $(wildcard tests/fuzz/*_fuzz.c)
MAN_SRC    := $(wildcard man/*.scd)

PLUGINS := $(PLUGIN_SRC:plugins/%.c=$(BUILD)/plugins/%)
HELPERS := $(HELPER_SRC:libexec/%.c=$(BUILD)/plugins/%)
UNITS   := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/unit/%)
MANS    := $(MAN_SRC:man/%.scd=$(BUILD)/man/%)
FUZZERS := $(FUZZ_SRC:tests/fuzz/%.c=build/fuzz/%)
LIBA    := $(BUILD)/libheddle.a
HEDDLE  := $(if $(CLI_SRC),$(BUILD)/heddle)
OVERLAYA := $(BUILD)/liboverlay.a
SIM     := $(if $(SIM_SRC),$(BUILD)/sim)
EXPLORE := $(BUILD)/explore
NETD    := $(if $(NETD_SRC),$(BUILD)/netd)
NETDA   := $(BUILD)/libnetd.a
PLANE   := $(BUILD)/plane

# ---- flags -------------------------------------------------------------------

PKG_CONFIG ?= pkg-config
# libmnl is the one that Debian 12 has no archive of.
STATIC_PKGS := libnftnl jansson libmd
SHARED_PKGS := libmnl
HELPER_PKGS  := dbus-1
CLI_PKGS     := smartcols
OVERLAY_PKGS := libsodium
NETD_PKGS    := libnl-route-3.0 lmdb libmicrohttpd

comma  := ,
WARN   := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
          -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 -Wno-format-nonliteral -Wno-missing-field-initializers
# Objects of both toolchains carry what the hardening wiki of Debian asks for.
HARDEN := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE \
          $(if $(SAN),,-D_FORTIFY_SOURCE=2)
SANITIZE := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)

HEDDLE_CPPFLAGS := -I. -I$(GEN) -D_GNU_SOURCE -DHEDDLE_VERSION='"$(VERSION)"' \
                   $(shell $(PKG_CONFIG) --cflags $(STATIC_PKGS) $(SHARED_PKGS) $(HELPER_PKGS) $(CLI_PKGS) $(OVERLAY_PKGS) $(NETD_PKGS) 2>/dev/null) -isystem /usr/include/nanopb
# Hidden: lib's nl_close() would else stand in for the one that libnl-3 calls by that name.
HEDDLE_CFLAGS   := -std=gnu17 $(WARN) $(HARDEN) $(SANITIZE) -fvisibility=hidden \
                   -ffunction-sections -fdata-sections
HEDDLE_LDFLAGS  := -pie -Wl,-z,relro,-z,now -Wl,--gc-sections $(SANITIZE)
STATIC_LIBS     := $(shell $(PKG_CONFIG) --libs-only-l $(STATIC_PKGS) 2>/dev/null | sed 's/-lmnl//g')
HEDDLE_LDLIBS   := -Wl,-Bstatic $(STATIC_LIBS) -Wl,-Bdynamic -lmnl

# ---- build -------------------------------------------------------------------

# A line a file; V=1 shows the commands.
Q    := $(if $(V),,@)
say   = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$@')

.PHONY: all plugins heddle netd man
all: plugins heddle netd man
plugins: $(PLUGINS) $(HELPERS)
heddle: $(HEDDLE)
netd: $(NETD)
man: $(MANS)

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(HEDDLE_CPPFLAGS) $(CPPFLAGS) $(HEDDLE_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The one object that knows which sources the binaries are of (lib/stamp.h).
SOURCES := $(sort $(LIB_SRC) $(PLUGIN_SRC) $(wildcard lib/*.h ipam/*.h) Makefile)
$(BUILD)/obj/lib/stamp.o build/fuzz/obj/lib/stamp.o: CPPFLAGS += -DHEDDLE_STAMP='"$(shell cat $(SOURCES) | sha256sum | cut -c1-32)"'
$(BUILD)/obj/lib/stamp.o: $(SOURCES)

$(LIBA): $(LIB_SRC:%.c=$(BUILD)/obj/%.o)
	@rm -f $@
	$(call say,AR)
	$(Q)$(AR) rcs $@ $^

# Plugins are linked statically, which halves their memory and spares 0.3 to
# 0.7 ms a call; STATIC= links them as everything else.
STATIC   ?= $(if $(SAN),,1)
MNL_A    := $(filter /%,$(shell $(CC) -print-file-name=libmnl.a))
MNL_OWN  := $(if $(MNL_A),,$(BUILD)/obj/lib/static/mnl.o)
PLUGIN_LDFLAGS := $(if $(STATIC),$(HEDDLE_LDFLAGS:-pie=-static-pie),$(HEDDLE_LDFLAGS))
PLUGIN_LDLIBS  := $(if $(STATIC),$(STATIC_LIBS) $(MNL_OWN) $(MNL_A),$(HEDDLE_LDLIBS))

$(BUILD)/plugins/%: $(BUILD)/obj/plugins/%.o $(LIBA) $(if $(STATIC),$(MNL_OWN))
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(PLUGIN_LDFLAGS) $(LDFLAGS) -o $@ $(filter-out $(MNL_OWN),$^) $(PLUGIN_LDLIBS)

# What few hosts need is a program of its own beside the plugins, with its libraries.
$(HELPERS): $(BUILD)/plugins/%: $(BUILD)/obj/libexec/%.o
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(HEDDLE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(shell $(PKG_CONFIG) --libs $(HELPER_PKGS) 2>/dev/null)

# The command, which a person waits for and nobody starts by the thousand, is linked as usual.
$(BUILD)/heddle: $(CLI_SRC:%.c=$(BUILD)/obj/%.o) $(LIBA)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(HEDDLE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(HEDDLE_LDLIBS) $(shell $(PKG_CONFIG) --libs $(CLI_PKGS) 2>/dev/null)

# ---- the overlay's engine: pure, its messages generated by nanopb -------------

OVERLAY_GEN  := $(OVERLAY_PROTO:%.proto=$(GEN)/%.pb.c)
OVERLAY_OBJ  := $(OVERLAY_SRC:%.c=$(BUILD)/obj/%.o) $(OVERLAY_GEN:%.c=$(BUILD)/obj/%.o)
OVERLAY_LIBS := $(shell $(PKG_CONFIG) --libs $(OVERLAY_PKGS) 2>/dev/null) -lprotobuf-nanopb -lm

$(GEN)/%.pb.c $(GEN)/%.pb.h &: %.proto $(wildcard overlay/*.options)
	@mkdir -p $(@D)
	$(call say,NANOPB)
	$(Q)nanopb_generator.py -q -I . -D $(GEN) $<

# Whoever includes a message's header waits for it to be made.
NEEDS_GEN := $(OVERLAY_SRC) $(SIM_SRC) $(NETD_SRC) $(PLANE_SRC) $(filter tests/unit/overlay_% tests/unit/netd_%,$(UNIT_SRC)) \
             $(filter tests/fuzz/overlay_% tests/fuzz/netd_%,$(FUZZ_SRC))
$(NEEDS_GEN:%.c=$(BUILD)/obj/%.o) $(NEEDS_GEN:%.c=build/fuzz/obj/%.o): | $(OVERLAY_GEN)

$(OVERLAYA): $(OVERLAY_OBJ)
	@rm -f $@
	$(call say,AR)
	$(Q)$(AR) rcs $@ $^

$(BUILD)/sim: $(SIM_SRC:%.c=$(BUILD)/obj/%.o) $(OVERLAYA) $(LIBA)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(HEDDLE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(OVERLAY_LIBS) $(HEDDLE_LDLIBS)

# The daemon that runs the engine.  Its libraries are its own.  libnl has an nl_close(), too, and
# would find ours if it were exported.
NETD_LIBS := -Wl,--exclude-libs,ALL -lev $(shell $(PKG_CONFIG) --libs $(NETD_PKGS) 2>/dev/null) $(OVERLAY_LIBS) $(HEDDLE_LDLIBS)

$(NETDA): $(filter-out %/main.o,$(NETD_SRC:%.c=$(BUILD)/obj/%.o))
	@rm -f $@
	$(call say,AR)
	$(Q)$(AR) rcs $@ $^

$(BUILD)/netd: $(BUILD)/obj/netd/main.o $(NETDA) $(OVERLAYA) $(LIBA)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(HEDDLE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(NETD_LIBS)

# netd's data plane, driven by hand: for a test of its own.
$(PLANE): $(PLANE_SRC:%.c=$(BUILD)/obj/%.o) $(NETDA) $(OVERLAYA) $(LIBA)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(HEDDLE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(NETD_LIBS)

$(filter $(BUILD)/unit/netd_%,$(UNITS)): $(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(NETDA) $(OVERLAYA) $(LIBA)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(HEDDLE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(NETD_LIBS) -lcmocka

# A model of the overlay's blocks, which has nothing but itself.
$(EXPLORE): $(EXPLORE_SRC:%.c=$(BUILD)/obj/%.o)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(HEDDLE_LDFLAGS) $(LDFLAGS) -o $@ $^

$(filter $(BUILD)/unit/overlay_%,$(UNITS)): $(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(OVERLAYA) $(LIBA)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(HEDDLE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(OVERLAY_LIBS) $(HEDDLE_LDLIBS) -lcmocka

# A unit of the command is linked with its modules, all but its main().
$(filter $(BUILD)/unit/cli_%,$(UNITS)): $(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(filter-out %/main.o,$(CLI_SRC:%.c=$(BUILD)/obj/%.o)) $(LIBA)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(HEDDLE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(HEDDLE_LDLIBS) $(shell $(PKG_CONFIG) --libs $(CLI_PKGS) 2>/dev/null) -lcmocka

$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(LIBA)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(HEDDLE_LDFLAGS) $(LDFLAGS) -o $@ $^ $(HEDDLE_LDLIBS) -lcmocka

# It makes the n-th realloc() fail; the others make time pass.
$(BUILD)/unit/nl_test: HEDDLE_LDFLAGS += -Wl,--wrap=realloc
$(BUILD)/unit/link_test $(BUILD)/unit/netd_waiting_test: HEDDLE_LDFLAGS += -Wl,--wrap=clock_gettime

$(BUILD)/man/%: man/%.scd
	@mkdir -p $(@D)
	$(call say,MAN)
	$(Q)scdoc < $< > $@

# Objects are kept, so that a second make has nothing to do.
.SECONDARY:

# ---- what it needs -----------------------------------------------------------

DEPS      := gcc libc6-dev make pkg-config libmnl-dev libnftnl-dev libjansson-dev libmd-dev scdoc \
             libdbus-1-dev libsmartcols-dev libsodium-dev nanopb libnanopb-dev \
             libev-dev liblmdb-dev libnl-route-3-dev libmicrohttpd-dev
DEPS_DEMO := $(DEPS) iproute2 iputils-ping jq nftables socat graphviz util-linux
DEPS_TEST := $(DEPS_DEMO) libcmocka-dev bats python3 \
             iptables conntrack strace netcat-openbsd tcpdump attr procps faketime \
             podman buildah runc crun lxc systemd busybox-static containernetworking-plugins mandoc containerd curl zsh
# Its package starts it where there is systemd, and nobody's firewall shall change for a test.
DEPS_TEST += $(if $(wildcard /run/systemd/system),,firewalld dbus-daemon)
# As is Docker's, for the engines that `make test-engines` runs besides.
DEPS_ENGINES := $(DEPS_TEST) slirp4netns uidmap $(if $(wildcard /run/systemd/system),,docker.io)
DEPS_LINT := clang-format clang-tidy cppcheck shellcheck
DEPS_FUZZ := clang libclang-rt-dev
# A mirror may stumble, and another apt be at work.
APT       := DEBIAN_FRONTEND=noninteractive apt-get -y -q -o Acquire::Retries=5 -o DPkg::Lock::Timeout=300

.PHONY: deps deps-demo deps-test deps-engines deps-lint deps-fuzz
# Asks apt only for what is not there, so that a second run needs no network.
deps:      ; @$(call need,$(DEPS))
deps-demo: ; @$(call need,$(DEPS_DEMO))
deps-test: ; @$(call need,$(DEPS_TEST))
deps-engines: ; @$(call need,$(DEPS_ENGINES))
deps-lint: ; @$(call need,$(DEPS_TEST) $(DEPS_LINT))
deps-fuzz: ; @$(call need,$(DEPS) $(DEPS_FUZZ))
# Packages are installed, namespaces are made: both want root.
need = [ $$(id -u) -eq 0 ] || { echo 'run make as root' >&2; exit 1; }; \
       missing=$$(for p in $(1); do dpkg -s $$p 2>/dev/null | grep -q '^Status: install ok installed' || echo $$p; done); \
       [ -z "$$missing" ] || { $(APT) update && $(APT) install --no-install-recommends $$missing; }

# ---- run it ------------------------------------------------------------------

# The recipes call make again: what pkg-config says is read when make starts,
# and the packages may have come only just now.
AGAIN = $(MAKE) --no-print-directory -j$(shell nproc)
.PHONY: demo test test-full fuzz lint
demo: deps-demo
	@$(AGAIN) plugins heddle
	@HEDDLE=$(BUILD)/heddle PLUGINS=$(BUILD)/plugins tests/demo

.PHONY: demo-overlay
demo-overlay: deps-demo
	@$(AGAIN) plugins heddle netd
	@HEDDLE=$(BUILD)/heddle PLUGINS=$(BUILD)/plugins NETD=$(BUILD)/netd tests/demo-overlay

test: deps-test
	@$(AGAIN) built SAN=$(SAN)
	@$(MAKE) --no-print-directory check SAN=$(SAN)

# Tests run make, too, which is not to share jobs with this one.
.PHONY: built check check-full
built: all $(UNITS) $(SIM) $(EXPLORE) $(PLANE)
check: built
	@HEDDLE_PLUGINS=$(CURDIR)/$(BUILD)/plugins tests/run -l $(BUILD)/logs $(SIM) $(EXPLORE) $(UNITS) $(sort $(wildcard tests/e2e/*.bats))

test-full: deps-test
	@$(AGAIN) built SAN=$(SAN)
	@$(MAKE) --no-print-directory check-full SAN=$(SAN)
check-full: built
	@HEDDLE_FULL=1 HEDDLE_PLUGINS=$(CURDIR)/$(BUILD)/plugins tests/run -l $(BUILD)/logs $(SIM) $(EXPLORE) $(UNITS) $(sort $(wildcard tests/e2e/*.bats))

# Every engine on every kind of network, many containers at once, and more of Podman and
# the CRI; some ten minutes.  WRITE=1 puts the tables into README.md and docs/engines.md.
.PHONY: test-engines check-engines
test-engines: deps-engines
	@$(MAKE) --no-print-directory check-engines SAN=$(SAN)
check-engines: export PLUGINS := $(CURDIR)/$(BUILD)/plugins
check-engines: plugins heddle netd
	@tests/engines/run $(if $(WRITE),-w)
	@bats $(sort $(wildcard tests/engines/*.bats))
	@tests/engines/crowd $(if $(WRITE),-w)
	@tests/engines/answers $(if $(WRITE),-w)

# The engine on a virtual clock: the quick set with its tables in build/, or the
# full set, which takes an hour or two and writes the tables and plots of docs/sim.
.PHONY: sim sim-full
sim: deps
	@$(MAKE) --no-print-directory $(SIM) SAN=$(SAN)
	@$(SIM) --out $(BUILD)/sim-tables
sim-full: deps
	@$(MAKE) --no-print-directory $(SIM)
	@$(SIM) --full --out docs/sim

# The protocol of the blocks as a model: what each rule is for, as a story.
.PHONY: explore
explore: deps
	@$(MAKE) --no-print-directory $(EXPLORE) SAN=$(SAN)
	@$(EXPLORE) --full

FUZZ_SECONDS ?= 60
fuzz: deps-fuzz
	@$(MAKE) --no-print-directory $(FUZZERS)
	@tests/fuzz/run $(FUZZ_SECONDS) $(FUZZERS)

# Hidden, as elsewhere: see NETD_LIBS, whose flag would hide the sanitizer's malloc() from libc.
FUZZ_CFLAGS := -std=gnu17 -g -O1 -fvisibility=hidden -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_NETD_LIBS := $(filter-out -Wl$(comma)--exclude-libs$(comma)ALL,$(NETD_LIBS))

build/fuzz/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)clang $(HEDDLE_CPPFLAGS) $(CPPFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

$(filter build/fuzz/overlay_%,$(FUZZERS)): build/fuzz/%: build/fuzz/obj/tests/fuzz/%.o \
		$(OVERLAY_SRC:%.c=build/fuzz/obj/%.o) $(OVERLAY_GEN:%.c=build/fuzz/obj/%.o) $(LIB_SRC:%.c=build/fuzz/obj/%.o)
	$(call say,LINK)
	$(Q)clang $(FUZZ_CFLAGS) -fsanitize=fuzzer -o $@ $^ $(OVERLAY_LIBS) $(HEDDLE_LDLIBS)

$(filter build/fuzz/netd_%,$(FUZZERS)): build/fuzz/%: build/fuzz/obj/tests/fuzz/%.o \
		$(filter-out %/main.o,$(NETD_SRC:%.c=build/fuzz/obj/%.o)) \
		$(OVERLAY_SRC:%.c=build/fuzz/obj/%.o) $(OVERLAY_GEN:%.c=build/fuzz/obj/%.o) $(LIB_SRC:%.c=build/fuzz/obj/%.o)
	$(call say,LINK)
	$(Q)clang $(FUZZ_CFLAGS) -fsanitize=fuzzer -o $@ $^ $(FUZZ_NETD_LIBS)

$(filter build/fuzz/cli_%,$(FUZZERS)): build/fuzz/%: build/fuzz/obj/tests/fuzz/%.o \
		$(filter-out %/main.o,$(CLI_SRC:%.c=build/fuzz/obj/%.o)) $(LIB_SRC:%.c=build/fuzz/obj/%.o)
	$(call say,LINK)
	$(Q)clang $(FUZZ_CFLAGS) -fsanitize=fuzzer -o $@ $^ $(shell $(PKG_CONFIG) --libs $(CLI_PKGS) 2>/dev/null) $(HEDDLE_LDLIBS)

build/fuzz/%_fuzz: build/fuzz/obj/tests/fuzz/%_fuzz.o $(LIB_SRC:%.c=build/fuzz/obj/%.o)
	$(call say,LINK)
	$(Q)clang $(FUZZ_CFLAGS) -fsanitize=fuzzer -o $@ $^ $(HEDDLE_LDLIBS)

C_FILES  := $(LIB_SRC) $(wildcard lib/static/*.c) $(PLUGIN_SRC) $(HELPER_SRC) $(CLI_SRC) $(OVERLAY_SRC) $(NETD_SRC) $(SIM_SRC) $(EXPLORE_SRC) $(PLANE_SRC) $(UNIT_SRC) $(FUZZ_SRC)
SH_FILES := tests/run tests/lint tests/demo tests/demo-overlay .ci/run completions/heddle.bash $(wildcard tests/*/run tests/e2e/*.bash tests/e2e/*.bats) \
            $(wildcard tests/engines/*.bash tests/engines/*.bats) $(addprefix tests/engines/,answers cell crowd hold)
lint: deps-lint $(OVERLAY_GEN)
	@tests/lint '$(HEDDLE_CPPFLAGS)' '$(C_FILES)' '$(SH_FILES)'

.PHONY: format
format:
	clang-format -i $(C_FILES) $(wildcard lib/*.h ipam/*.h cli/*.h overlay/*.h netd/*.h tests/*/*.h)

include tests/bench/bench.mk

# ---- install -----------------------------------------------------------------

.PHONY: install uninstall clean
# The unit's user is made, and the unit known, as a package's scripts would see to it.
of_this_system = $(and $(wildcard /run/systemd/system),$(filter /usr /usr/local,$(DESTDIR)$(PREFIX)))
# A plugin of another package is left alone: dpkg would find its file changed.
# With DESTDIR nothing is replaced on this system, so nobody is asked.
install: plugins heddle netd man
	@install -d '$(DESTDIR)$(CNIBINDIR)' '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(SBINDIR)' \
		'$(DESTDIR)$(MANDIR)/man5' '$(DESTDIR)$(MANDIR)/man8' '$(DESTDIR)$(UNITDIR)' \
		'$(DESTDIR)$(SYSUSERSDIR)' '$(DESTDIR)$(BASHDIR)' '$(DESTDIR)$(ZSHDIR)' '$(DESTDIR)$(DOCDIR)/conf-examples'
	@install -m 0755 $(HEDDLE) '$(DESTDIR)$(BINDIR)'
	@install -m 0755 $(NETD) '$(DESTDIR)$(SBINDIR)'
	@sed 's|@SBINDIR@|$(SBINDIR)|' init/heddle-netd.service >'$(DESTDIR)$(UNITDIR)/heddle-netd.service'
	@install -m 0644 init/heddle.sysusers '$(DESTDIR)$(SYSUSERSDIR)/heddle.conf'
	@$(if $(of_this_system),systemd-sysusers '$(SYSUSERSDIR)/heddle.conf' && systemctl daemon-reload)
	@install -m 0644 completions/heddle.bash '$(DESTDIR)$(BASHDIR)/heddle'
	@install -m 0644 completions/_heddle '$(DESTDIR)$(ZSHDIR)'
	@for p in $(notdir $(PLUGINS) $(HELPERS)); do \
		to='$(CNIBINDIR)'/$$p; \
		if [ -z '$(FORCE)$(DESTDIR)' ] && owner=$$(dpkg -S "$$to" 2>/dev/null | cut -d: -f1) && [ -n "$$owner" ]; then \
			echo "$$to belongs to the package $$owner: not replaced; choose another CNIBINDIR, or set FORCE=1" >&2; \
			refused=1; continue; \
		fi; \
		install -m 0755 $(BUILD)/plugins/$$p '$(DESTDIR)'"$$to" || exit 1; \
	done; \
	install -m 0644 $(filter %.5,$(MANS)) '$(DESTDIR)$(MANDIR)/man5' && \
	install -m 0644 $(filter %.8,$(MANS)) '$(DESTDIR)$(MANDIR)/man8' && \
	install -m 0644 README.md docs/*.md $(wildcard docs/*.svg) '$(DESTDIR)$(DOCDIR)' && \
	cp -r conf-examples/. '$(DESTDIR)$(DOCDIR)/conf-examples' && \
	[ -z "$$refused" ]

uninstall:
	@for p in $(notdir $(PLUGINS) $(HELPERS)); do \
		to='$(CNIBINDIR)'/$$p; \
		dpkg -S "$$to" >/dev/null 2>&1 || rm -f '$(DESTDIR)'"$$to"; \
	done
	rm -f $(patsubst $(BUILD)/man/%,'$(DESTDIR)$(MANDIR)/man5/%',$(filter %.5,$(MANS))) \
		$(patsubst $(BUILD)/man/%,'$(DESTDIR)$(MANDIR)/man8/%',$(filter %.8,$(MANS))) \
		'$(DESTDIR)$(SBINDIR)/netd' '$(DESTDIR)$(UNITDIR)/heddle-netd.service' \
		'$(DESTDIR)$(SYSUSERSDIR)/heddle.conf' '$(DESTDIR)$(BINDIR)/heddle' \
		'$(DESTDIR)$(BASHDIR)/heddle' '$(DESTDIR)$(ZSHDIR)/_heddle'
	rm -rf '$(DESTDIR)$(DOCDIR)'
	@$(if $(of_this_system),systemctl daemon-reload)

clean:
	rm -rf build

-include $(shell find $(BUILD)/obj build/fuzz/obj -name '*.d' 2>/dev/null)
