# Which file goes where: the one place that says so. debian/rules and rpm/block-drbd.spec use it, too.
#
#   make             the programs, the manual and the completions, in target/
#   make install     put them in place; DESTDIR= is for packages
#   make uninstall   take them away; /etc/xen/block-drbd.toml stays
#   make dist        target/dist/block-drbd-VERSION.tar.xz, with the crates: builds without a network
#   make deb         target/dist/xen-block-drbd_VERSION_ARCHITECTURE.deb, from that
#
# The defaults are for a host on which no package manager knows of these files.

# block-drbd looks for block-drbd-operator beside itself, in ../libexec/block-drbd and in /usr/libexec/block-drbd.
PREFIX = /usr
SBINDIR = $(PREFIX)/sbin
LIBEXECDIR = $(PREFIX)/libexec/block-drbd
SYSCONFDIR = /etc
# Where Xen's toolstack looks for block scripts: `XEN_SCRIPT_DIR=` in Xen's hotplugpath.sh.
XEN_SCRIPT_DIR = $(SYSCONFDIR)/xen/scripts
UNITDIR = $(SYSCONFDIR)/systemd/system
RULESDIR = $(SYSCONFDIR)/udev/rules.d
DATADIR = $(PREFIX)/share
# In /usr these two are the packages' alone.
local := $(if $(filter /usr,$(PREFIX)),/usr/local,$(PREFIX))
MANDIR = $(local)/share/man
BASH_COMPLETIONS = $(DATADIR)/bash-completion/completions
ZSH_COMPLETIONS = $(local)/share/zsh/site-functions
FISH_COMPLETIONS = $(DATADIR)/fish/vendor_completions.d

CARGO = cargo
CARGO_FLAGS = --locked
# The pages bear a date; packages have to come out the same whenever they are built.
MANUAL_DATE = $(if $(SOURCE_DATE_EPOCH),$(shell date -u -d @$(SOURCE_DATE_EPOCH) +%F))

target := $(or $(CARGO_TARGET_DIR),target)
built := $(target)/release
manual := $(target)/manual
script = $(XEN_SCRIPT_DIR)/block-drbd
# A link of ours, wherever an earlier `make install` led it. An administrator's own script may be called so, too.
is_ours = case $$(readlink $(1)) in $(SBINDIR)/block-drbd | *block-drbd.drbd-utils) ;; \
	*/sbin/block-drbd | */bin/block-drbd) test "$$(head -c 2 $(1) 2>/dev/null)" != '\#!' ;; *) false ;; esac
is_masked = test "$$(readlink $(1))" = /dev/null
units := hotplug/block-drbd-reap.service hotplug/block-drbd-reap.path
rules := udev-rules/59-block-drbd.rules udev-rules/90-block-drbd.rules

all:
	$(CARGO) build --release $(CARGO_FLAGS)
	$(CARGO) run --release $(CARGO_FLAGS) --features manual --bin block-drbd-manual -- $(manual) $(MANUAL_DATE)

# Files that name another are adapted to where that one goes; a configuration that is there stays. A guest may
# start meanwhile: the program and the script are there at every moment.
install: $(if $(DESTDIR),,unpackaged)
	install -D -m 755 $(built)/block-drbd $(DESTDIR)$(SBINDIR)/block-drbd.new
	mv -fT $(DESTDIR)$(SBINDIR)/block-drbd.new $(DESTDIR)$(SBINDIR)/block-drbd
	install -D -m 755 $(built)/block-drbd-operator $(DESTDIR)$(LIBEXECDIR)/block-drbd-operator
	install -D -m 755 udev-rules/block-drbd-exported $(DESTDIR)$(LIBEXECDIR)/block-drbd-exported
	install -D -m 755 hotplug/libvirt-libxl-hook $(DESTDIR)$(LIBEXECDIR)/libvirt-libxl-hook
	install -d $(DESTDIR)$(UNITDIR) $(DESTDIR)$(RULESDIR) $(DESTDIR)$(XEN_SCRIPT_DIR)
	set -e; for file in $(units) $(rules); do \
		case $$file in *.rules) folder=$(RULESDIR) ;; *) folder=$(UNITDIR) ;; esac; \
		to=$(DESTDIR)$$folder/$${file##*/}; \
		if $(call is_masked,$$to); then echo "$$to is masked, and stays so"; continue; fi; \
		sed -e '1s|^# [^ ]*/|# '$$folder/'|' -e 's|/usr/sbin/block-drbd|$(SBINDIR)/block-drbd|' \
			-e 's|/usr/libexec/block-drbd/|$(LIBEXECDIR)/|' $$file >$$to.new; \
		chmod 644 $$to.new; \
		mv -fT $$to.new $$to; \
	done
	test -e $(DESTDIR)$(SYSCONFDIR)/xen/block-drbd.toml || \
		install -D -m 644 hotplug/block-drbd.toml $(DESTDIR)$(SYSCONFDIR)/xen/block-drbd.toml
	install -D -m 644 $(manual)/block-drbd.8 $(DESTDIR)$(MANDIR)/man8/block-drbd.8
	install -D -m 644 $(manual)/block-drbd.toml.5 $(DESTDIR)$(MANDIR)/man5/block-drbd.toml.5
	install -D -m 644 $(manual)/block-drbd.bash $(DESTDIR)$(BASH_COMPLETIONS)/block-drbd
	install -D -m 644 $(manual)/_block-drbd $(DESTDIR)$(ZSH_COMPLETIONS)/_block-drbd
	install -D -m 644 $(manual)/block-drbd.fish $(DESTDIR)$(FISH_COMPLETIONS)/block-drbd.fish
# drbd-utils up to 9.30 has a file of that name. Debian's dpkg must not put it back; elsewhere it is kept. As in
# debian/xen-block-drbd.preinst it has two names until the link takes its place.
ifeq ($(DESTDIR),)
	if test "$$(dpkg-divert --truename $(script) 2>/dev/null)" = $(script).drbd-utils || { $(call is_ours,$(script)); }; then :; \
	elif test -f $(script) || test -L $(script); then ln -fP $(script) $(script).drbd-utils; fi
	if command -v dpkg-divert >/dev/null; then \
		dpkg-divert --divert $(script).drbd-utils --no-rename --add $(script); \
	fi
endif
	ln -sfn $(SBINDIR)/block-drbd $(DESTDIR)$(script).new
	mv -fT $(DESTDIR)$(script).new $(DESTDIR)$(script)

# drbd-utils' script comes back, if there is one; what is neither ours nor missing is left as it is, and what is masked
# stays so.
uninstall: $(if $(DESTDIR),,unpackaged)
ifeq ($(DESTDIR),)
	-test ! -d /run/systemd/system || systemctl disable --now $(notdir $(units))
endif
	set -e; for file in $(addprefix $(DESTDIR)$(UNITDIR)/,$(notdir $(units))) $(addprefix $(DESTDIR)$(RULESDIR)/,$(notdir $(rules))); do \
		$(call is_masked,$$file) || rm -f $$file; \
	done
	rm -f $(addprefix $(DESTDIR)$(SYSCONFDIR)/systemd/system/multi-user.target.wants/,$(notdir $(units)))
	set -e; script=$(DESTDIR)$(script); \
	if ! test -e $$script && ! test -L $$script || { $(call is_ours,$$script); }; then \
		if test -e $$script.drbd-utils || test -L $$script.drbd-utils; then mv -fT $$script.drbd-utils $$script; else rm -f $$script; fi; \
	fi
ifeq ($(DESTDIR),)
	if command -v dpkg-divert >/dev/null; then \
		dpkg-divert --divert $(script).drbd-utils --no-rename --remove $(script); \
	fi
endif
	rm -f $(DESTDIR)$(SBINDIR)/block-drbd
	rm -f $(addprefix $(DESTDIR)$(LIBEXECDIR)/,block-drbd-operator block-drbd-exported libvirt-libxl-hook)
	test ! -d $(DESTDIR)$(LIBEXECDIR) || rmdir --ignore-fail-on-non-empty $(DESTDIR)$(LIBEXECDIR)
	rm -f $(DESTDIR)$(MANDIR)/man8/block-drbd.8 $(DESTDIR)$(MANDIR)/man5/block-drbd.toml.5
	rm -f $(DESTDIR)$(BASH_COMPLETIONS)/block-drbd $(DESTDIR)$(ZSH_COMPLETIONS)/_block-drbd \
		$(DESTDIR)$(FISH_COMPLETIONS)/block-drbd.fish
ifeq ($(DESTDIR),)
	-test ! -d /run/systemd/system || systemctl daemon-reload
endif

# Two hands at the same files go wrong: what a package has put in place, or diverted, is left to that.
unpackaged:
	@if owner=$$(dpkg-query -S $(SBINDIR)/block-drbd 2>/dev/null || rpm -qf $(SBINDIR)/block-drbd 2>/dev/null || rpm -q block-drbd 2>/dev/null); then \
		echo "$(SBINDIR)/block-drbd belongs to the package $${owner%%:*}: remove that package instead" >&2; exit 1; \
	fi
	@command -v dpkg-divert >/dev/null || exit 0; owner=$$(dpkg-divert --listpackage $(script)); \
	case $$owner:$$(dpkg-divert --truename $(script)) in \
	:* | LOCAL:$(script).drbd-utils) ;; \
	*) echo "$(script) is diverted already ($$owner): see dpkg-divert --list $(script)" >&2; exit 1 ;; \
	esac

# Nothing of other versions stays beside it.
dist:
	rm -rf $(target)/dist
	debian/vendor $(target)/dist

# Rust may come from elsewhere than Debian, which is why nobody looks at Build-Depends.
deb: dist
	cd $(target)/dist/block-drbd-*/ && DEB_BUILD_OPTIONS="nocheck noautodbgsym" dpkg-buildpackage --build=binary --no-sign --no-check-builddeps

.PHONY: all install uninstall unpackaged dist deb
