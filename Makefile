# Which file goes where: the one place that says so. debian/rules and rpm/block-drbd.spec use it, too.
#
#   make             the programs, the manual and the completions, in target/
#   make install     put them in place; DESTDIR= is for packages
#   make uninstall   take them away; /etc/xen/block-drbd.toml stays
#   make dist        target/dist/block-drbd-VERSION.tar.xz, with the crates: builds without a network
#   make deb         target/dist/xen-block-drbd_VERSION_ARCHITECTURE.deb, from that
#
# The defaults are for a host on which no package manager knows of these files.

# block-drbd looks for block-drbd-operator beside itself and in /usr/libexec/block-drbd.
PREFIX = /usr
SBINDIR = $(PREFIX)/sbin
LIBEXECDIR = $(PREFIX)/libexec/block-drbd
SYSCONFDIR = /etc
# Where Xen's toolstack looks for block scripts: `XEN_SCRIPT_DIR=` in Xen's hotplugpath.sh.
XEN_SCRIPT_DIR = $(SYSCONFDIR)/xen/scripts
UNITDIR = $(SYSCONFDIR)/systemd/system
RULESDIR = $(SYSCONFDIR)/udev/rules.d
DATADIR = $(PREFIX)/share
MANDIR = /usr/local/share/man
BASH_COMPLETIONS = $(DATADIR)/bash-completion/completions
ZSH_COMPLETIONS = /usr/local/share/zsh/site-functions
FISH_COMPLETIONS = $(DATADIR)/fish/vendor_completions.d

CARGO = cargo
CARGO_FLAGS = --locked
# The pages bear a date; packages have to come out the same whenever they are built.
MANUAL_DATE = $(if $(SOURCE_DATE_EPOCH),$(shell date -u -d @$(SOURCE_DATE_EPOCH) +%F))

target := $(or $(CARGO_TARGET_DIR),target)
built := $(target)/release
manual := $(target)/manual
script = $(XEN_SCRIPT_DIR)/block-drbd
units := hotplug/block-drbd-reap.service hotplug/block-drbd-reap.path
rules := udev-rules/59-block-drbd.rules udev-rules/90-block-drbd.rules

all:
	$(CARGO) build --release $(CARGO_FLAGS)
	$(CARGO) run --release $(CARGO_FLAGS) --features manual --bin block-drbd-manual -- $(manual) $(MANUAL_DATE)

# Files that name another are adapted to where that one goes; a configuration that is there stays.
install:
	install -D -m 755 $(built)/block-drbd $(DESTDIR)$(SBINDIR)/block-drbd
	install -D -m 755 $(built)/block-drbd-operator $(DESTDIR)$(LIBEXECDIR)/block-drbd-operator
	install -D -m 755 udev-rules/block-drbd-exported $(DESTDIR)$(LIBEXECDIR)/block-drbd-exported
	install -d $(DESTDIR)$(UNITDIR) $(DESTDIR)$(RULESDIR) $(DESTDIR)$(XEN_SCRIPT_DIR)
	set -e; for file in $(units) $(rules); do \
		case $$file in *.rules) to=$(RULESDIR) ;; *) to=$(UNITDIR) ;; esac; \
		sed -e '1s|^# [^ ]*/|# '$$to/'|' -e 's|/usr/sbin/block-drbd|$(SBINDIR)/block-drbd|' \
			-e 's|/usr/libexec/block-drbd/|$(LIBEXECDIR)/|' $$file >$(DESTDIR)$$to/$${file##*/}; \
		chmod 644 $(DESTDIR)$$to/$${file##*/}; \
	done
	test -e $(DESTDIR)$(SYSCONFDIR)/xen/block-drbd.toml || \
		install -D -m 644 hotplug/block-drbd.toml $(DESTDIR)$(SYSCONFDIR)/xen/block-drbd.toml
	install -D -m 644 $(manual)/block-drbd.8 $(DESTDIR)$(MANDIR)/man8/block-drbd.8
	install -D -m 644 $(manual)/block-drbd.toml.5 $(DESTDIR)$(MANDIR)/man5/block-drbd.toml.5
	install -D -m 644 $(manual)/block-drbd.bash $(DESTDIR)$(BASH_COMPLETIONS)/block-drbd
	install -D -m 644 $(manual)/_block-drbd $(DESTDIR)$(ZSH_COMPLETIONS)/_block-drbd
	install -D -m 644 $(manual)/block-drbd.fish $(DESTDIR)$(FISH_COMPLETIONS)/block-drbd.fish
# drbd-utils up to 9.30 has a file of that name. Debian's dpkg must not put it back; elsewhere it is kept.
ifeq ($(DESTDIR),)
	if command -v dpkg-divert >/dev/null; then \
		dpkg-divert --divert $(script).drbd-utils --rename --add $(script); \
	elif test -f $(script) && ! test -L $(script); then mv $(script) $(script).drbd-utils; fi
endif
	ln -sfn $(SBINDIR)/block-drbd $(DESTDIR)$(script)

uninstall:
	rm -f $(script) $(SBINDIR)/block-drbd $(MANDIR)/man8/block-drbd.8 $(MANDIR)/man5/block-drbd.toml.5
	rm -rf $(LIBEXECDIR)
	rm -f $(addprefix $(UNITDIR)/,$(notdir $(units))) $(addprefix $(RULESDIR)/,$(notdir $(rules)))
	rm -f $(BASH_COMPLETIONS)/block-drbd $(ZSH_COMPLETIONS)/_block-drbd $(FISH_COMPLETIONS)/block-drbd.fish
	if command -v dpkg-divert >/dev/null; then \
		dpkg-divert --divert $(script).drbd-utils --rename --remove $(script); \
	elif test -e $(script).drbd-utils; then mv $(script).drbd-utils $(script); fi

dist:
	debian/vendor $(target)/dist

# Rust may come from elsewhere than Debian, which is why nobody looks at Build-Depends.
deb: dist
	rm -f $(target)/dist/*.deb
	cd $(target)/dist/block-drbd-*/ && DEB_BUILD_OPTIONS="nocheck noautodbgsym" dpkg-buildpackage --build=binary --no-sign --no-check-builddeps

.PHONY: all install uninstall dist deb
