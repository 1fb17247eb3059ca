# SPDX-License-Identifier: GPL-2.0-or-later
#
# make bench: our plugins against the reference's, see tests/bench/README.md.
# BENCH_ARGS are further options of the runner, e.g. BENCH_ARGS='-n 50 -s bridge'.

BENCH_SRC := $(filter-out tests/bench/least.c,$(wildcard tests/bench/*.c))
BENCH_ARGS ?=

.PHONY: deps-bench bench bench-run
deps-bench: ; @$(call need,$(DEPS) iptables containernetworking-plugins)

bench: deps-bench
	@$(MAKE) --no-print-directory bench-run SAN=

bench-run: plugins build/bench/bench build/bench/least/bridge
	@mkdir -p docs/bench
	build/bench/bench -o docs/bench $(BENCH_ARGS)

# What a cluster costs and how fast it is, on hosts of namespaces: 12 minutes on an idle
# machine.  BENCH_OVERLAY are the parts, as tests/bench/overlay tells them.
BENCH_OVERLAY ?= first wire idle many

.PHONY: bench-overlay
bench-overlay: deps-bench-overlay netd plugins
	@HEDDLE_PLUGINS=$(CURDIR)/$(BUILD)/plugins tests/bench/overlay table $(BENCH_OVERLAY) >$(BUILD)/overlay.md
	@cp $(BUILD)/overlay.md docs/bench/overlay.md
	@cat docs/bench/overlay.md

.PHONY: deps-bench-overlay
deps-bench-overlay: ; @$(call need,$(DEPS_DEMO) python3 curl)

# Linked statically to be small: the peak memory that the kernel reports of a
# plugin is never below that of the process which started it.
build/bench/bench: $(BENCH_SRC:%.c=build/obj/%.o)
	@mkdir -p $(@D)
	$(CC) -static $(LDFLAGS) -o $@ $^ -ljansson -lm

# Named and placed as a plugin, so that the runner treats it as one, and linked
# as one: it is the least that a plugin can take, not an excuse.
build/bench/least/bridge: build/obj/tests/bench/least.o $(if $(STATIC),$(MNL_OWN))
	@mkdir -p $(@D)
	$(CC) $(PLUGIN_LDFLAGS) $(LDFLAGS) -o $@ $< $(if $(STATIC),$(MNL_OWN) $(MNL_A),-lmnl)
