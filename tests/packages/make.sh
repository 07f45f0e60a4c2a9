# shellcheck shell=bash disable=SC2154,SC2086 # set by run and scenario.sh; neither has blanks
# `make install` beside drbd-utils, and beside our package.

scenarios_of_make() {
    scenario "make install and make uninstall beside drbd-utils" make_install
    scenario "make install beside a link of the administrator's: it comes back" make_install_link
    scenario "make install where a unit and a rule are masked: they stay so" make_install_masked
    scenario "make install with another prefix and script directory: all of it runs" make_install_elsewhere
    scenario "make install and make uninstall beside our package: both stop" make_install_over
}

# The source, built: what `make install` puts in place is what the .deb was made of.
built_by_hand() {
    dpkg-deb -R "$deb" "$root/made"
    mkdir -p "$root/src/target/release" "$root/src/target/manual"
    cp -r "$here/../../Makefile" "$here/../../hotplug" "$here/../../udev-rules" "$root/src/"
    cp "$root/made/usr/sbin/block-drbd" "$root/made/usr/libexec/block-drbd/block-drbd-operator" "$root/src/target/release/"
    for page in block-drbd.8 block-drbd.toml.5 block-drbd.bash _block-drbd block-drbd.fish; do
        echo "$page" >"$root/src/target/manual/$page"
    done
    mount --bind "$work/build/usr/bin/make" "$root/bin/make" 2>/dev/null || cp "$work/build/usr/bin/make" "$root/usr/bin/make"
}
make_install() {
    with_theirs
    built_by_hand
    run make -C /src install
    nothing_beside ./block-drbd.drbd-utils
    same "$(readlink "$root$script")" /usr/sbin/block-drbd
    same "$(sha $script.drbd-utils)" "$original"
    edit /etc/xen/block-drbd.toml
    run make -C /src install
    kept /etc/xen/block-drbd.toml
    run /usr/sbin/block-drbd --version
    grep -q '^# /etc/systemd/system/block-drbd-reap.path:' "$root/etc/systemd/system/block-drbd-reap.path"
    i theirs-changed
    same "$(readlink "$root$script")" /usr/sbin/block-drbd
    # What `systemctl enable` does, on a host that systemd runs.
    mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
    ln -s /etc/systemd/system/block-drbd-reap.path "$root/etc/systemd/system/multi-user.target.wants/"
    mkdir -p "$root/run/systemd/system"
    printf '#!/bin/sh\necho "$@" >>/tmp/said\n' >"$root/usr/bin/systemctl"
    chmod +x "$root/usr/bin/systemctl"
    run make -C /src uninstall
    same "$(cat "$root/tmp/said")" "$(printf '%s\n' 'disable --now block-drbd-reap.service block-drbd-reap.path' daemon-reload)"
    rm -r "$root/usr/bin/systemctl" "$root/run/systemd"
    is_theirs "$(untouched theirs-changed)"
    kept /etc/xen/block-drbd.toml
    rm "$root/etc/xen/block-drbd.toml"
    same "$(cd "$root" && find etc usr -name '*block-drbd*' ! -path etc/xen/scripts/block-drbd ! -path '*/drbd-utils/*')" ''
    # Twice does no harm.
    run make -C /src uninstall
    is_theirs "$(untouched theirs-changed)"
    # What others have put there stays.
    run make -C /src install LIBEXECDIR=/usr/libexec
    touch "$root/usr/libexec/another"
    run make -C /src uninstall LIBEXECDIR=/usr/libexec
    [ -e "$root/usr/libexec/another" ]
    [ ! -e "$root/usr/libexec/block-drbd-operator" ]
    run make -C /src install DESTDIR=/elsewhere
    run make -C /src uninstall DESTDIR=/elsewhere
    same "$(cd "$root/elsewhere" && find . ! -type d)" ./etc/xen/block-drbd.toml
    is_theirs "$(untouched theirs-changed)"
}
make_install_link() {
    with_theirs
    linked
    built_by_hand
    run make -C /src install
    is_linked $script.drbd-utils
    # Again, elsewhere: it is not lost to our own link.
    run make -C /src install PREFIX=/usr/local
    same "$(readlink "$root$script")" /usr/local/sbin/block-drbd
    is_linked $script.drbd-utils
    run make -C /src uninstall PREFIX=/usr/local
    run make -C /src install
    same "$(readlink "$root$script")" /usr/sbin/block-drbd
    is_linked $script.drbd-utils
    # Once more takes nothing away that is not ours.
    for _ in 1 2; do
        run make -C /src uninstall
        is_linked $script
        nothing_beside
    done
}
# A link to /dev/null in the place of a unit or a rule is how an administrator switches it off.
make_install_masked() {
    local path=/etc/systemd/system/block-drbd-reap.path rule=/etc/udev/rules.d/59-block-drbd.rules
    with_theirs
    built_by_hand
    mkdir -p "$root/etc/systemd/system" "$root/etc/udev/rules.d"
    ln -s /dev/null "$root$path"
    ln -s /dev/null "$root$rule"
    # Not this machine's own, should it go wrong.
    umount "$root/dev/null"
    chmod 622 "$root/dev/null"
    run make -C /src install
    same "$(stat -c %a "$root/dev/null")" 622
    same "$(readlink "$root$path")" /dev/null
    same "$(readlink "$root$rule")" /dev/null
    [ -f "$root/etc/systemd/system/block-drbd-reap.service" ]
    [ -f "$root/etc/udev/rules.d/90-block-drbd.rules" ]
    same "$(cd "$root/etc" && find systemd udev -name '*.new')" ''
    run make -C /src uninstall
    same "$(readlink "$root$path")" /dev/null
    same "$(readlink "$root$rule")" /dev/null
    same "$(cd "$root/etc" && find systemd udev -name '*block-drbd*' -type f)" ''
}
make_install_elsewhere() {
    local where=(PREFIX=/opt/drbd XEN_SCRIPT_DIR=/opt/xen/scripts)
    with_theirs
    built_by_hand
    run make -C /src install "${where[@]}"
    same "$(readlink "$root/opt/xen/scripts/block-drbd")" /opt/drbd/sbin/block-drbd
    same "$(sha $script)" "$original"
    # What is handed over to the other program, by the link as well.
    run /opt/drbd/sbin/block-drbd reap --help | grep -q -e --dry-run
    run /opt/xen/scripts/block-drbd reap --help | grep -q -e --dry-run
    grep -qx 'ExecStart=/opt/drbd/sbin/block-drbd reap' "$root/etc/systemd/system/block-drbd-reap.service"
    grep -q /opt/drbd/libexec/block-drbd/block-drbd-exported "$root/etc/udev/rules.d/59-block-drbd.rules"
    same "$(cd "$root" && find usr/sbin usr/libexec usr/local -name '*block-drbd*')" ''
    run make -C /src uninstall "${where[@]}"
    same "$(cd "$root/opt" && find . ! -type d)" ''
    is_theirs "$original"
}
make_install_over() {
    with_both
    built_by_hand
    everything >"$results/before"
    for target in install uninstall; do
        if run make -C /src $target >"$root/tmp/said" 2>&1; then return 1; fi
        grep '/usr/sbin/block-drbd belongs to the package xen-block-drbd:' "$root/tmp/said"
        everything | diff "$results/before" -
    done
    is_ours
}
