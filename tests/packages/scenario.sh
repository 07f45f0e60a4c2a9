# shellcheck shell=bash disable=SC2154 # set by run
# What a scenario of dpkg is made of.  Each runs in a copy of its own of a Debian without drbd-utils; $root is it.

script=/etc/xen/scripts/block-drbd
ours=xen-block-drbd

# scenario NAME FUNCTION ARGUMENT…
scenario() {
    root=$work/tmp/scenario
    layered "$root" "$work/base"
    cp "$results/debs"/*.deb "$root/debs/"
    try "$@"
    discard "$root"
}

# dpkg with the .debs of these names in /debs: i NAME….  Nobody is there to answer its questions.
i() {
    local files=("${@/%/.deb}")
    run dpkg --force-confold -i "${files[@]/#//debs/}"
}
run() { inside "$root" "$@"; }

# Xen runs the program: a link, diverted, and what it leads to.
is_ours() {
    same "$(readlink "$root$script")" /usr/sbin/block-drbd
    same "$(run dpkg-divert --listpackage $script)" $ours
    same "$(run dpkg-divert --truename $script)" $script.drbd-utils
    [ -x "$root/usr/sbin/block-drbd" ]
    same "$(run dpkg --audit)" ''
}

# Xen runs drbd-utils' script as it was before, or as edited: nothing is left of the diversion.
is_theirs() {
    same "$(sha "$script")" "$1"
    [ ! -L "$root$script" ]
    same "$(run dpkg-divert --list '*block-drbd*')" ''
    same "$(run dpkg -S $script)" "drbd-utils: $script"
    nothing_beside "${@:2}"
    same "$(run dpkg --audit)" ''
}

# Nothing but the files named lies beside the script.
nothing_beside() {
    same "$(cd "$root/etc/xen/scripts" 2>/dev/null && find . -name 'block-drbd.*' | sort)" "$(printf '%s\n' "$@" | sed '/^$/d')"
}

sha() { sha256sum <"$root$1" | cut -c1-64; }
untouched() { dpkg-deb --fsys-tarfile "$root/debs/${1:-drbd-utils}.deb" | tar -xO ".$script" | sha256sum | cut -c1-64; }
edit() { echo "# edited by the administrator" >>"$root$1"; }
kept() { grep -q "^# edited by the administrator" "$root$1"; }

# Packages that do not exist: of other versions, or spoilt.
# repacked NAME FROM VERSION COMMAND: COMMAND runs in the unpacked package.
repacked() {
    local tree=$work/tmp/repacked
    rm -rf "$tree"
    dpkg-deb -R "$2" "$tree"
    [ -z "$3" ] || sed -i "s/^Version:.*/Version: $3/" "$tree/DEBIAN/control"
    (cd "$tree" && eval "$4")
    dpkg-deb --root-owner-group -Znone -b "$tree" "$results/debs/$1.deb" >/dev/null
}

# Adds lines to the beginning of a maintainer's script, after its `set -e`: into NAME LINES
into() {
    [ -e "DEBIAN/$1" ] || printf '#!/bin/sh\nset -e\n' >"DEBIAN/$1"
    printf '%s\n' "$(sed -n 1p "DEBIAN/$1")" "$2" "$(sed 1d "DEBIAN/$1")" >"DEBIAN/$1.new"
    mv "DEBIAN/$1.new" "DEBIAN/$1"
    chmod 755 "DEBIAN/$1"
}

repack() {
    local theirs=$work/base/debs/drbd-utils.deb drop
    mkdir -p "$results/debs"
    cp "$deb" "$results/debs/ours.deb"
    repacked ours-next "$deb" 99 true
    repacked ours-new-configuration "$deb" 99 'echo "# new" >>etc/xen/block-drbd.toml'
    # dpkg dies when the preinst has run; or cannot unpack what comes last.
    # shellcheck disable=SC2016
    repacked ours-killed "$deb" '' 'echo "kill -KILL \$PPID" >>DEBIAN/preinst'
    head -c $(($(stat -c %s "$results/debs/ours-next.deb") * 9 / 10)) "$results/debs/ours-next.deb" >"$results/debs/ours-cut.deb"
    drop="rm -r etc/xen; sed -i '\\|^$script\$|d' DEBIAN/conffiles; sed -i '\\| etc/xen/scripts/block-drbd\$|d' DEBIAN/md5sums"
    repacked theirs-same "$theirs" 9.99 true
    repacked theirs-changed "$theirs" 9.99 "echo '# changed upstream' >>.$script"
    repacked theirs-forgotten "$theirs" 9.99 "$drop"
    repacked theirs-removed-on-upgrade "$theirs" 9.99 "$drop; echo 'remove-on-upgrade $script' >>DEBIAN/conffiles"
    # What dh_installdeb writes for `rm_conffile` in a .maintscript.
    repacked theirs-rm-conffile "$theirs" 9.99 "$drop; for s in preinst postinst postrm; do
        into \$s 'dpkg-maintscript-helper rm_conffile $script 9.98~ -- \"\$@\"'; done"
}
