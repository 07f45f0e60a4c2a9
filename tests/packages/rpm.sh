# shellcheck shell=bash disable=SC2154 # set by run
# The .rpm, as far as Debian's rpm goes: what Fedora's and openSUSE's macros would say is in rpm-macros.

rpms() {
    local root=$1
    try "the .rpm is built from the same archive" rpm_built "$root" fedora
    try "the .rpm holds what the .deb holds, and rpmlint takes it" rpm_is_right "$root"
    try "the .rpm's scriptlets have the units enabled by preset, and stopped" scriptlets "$root" fedora 2
    try "openSUSE's .rpm is built" rpm_built "$root" suse --define "suse_version 1600" --nocheck
    try "openSUSE's scriptlets do the same in its words" scriptlets "$root" suse 3
    try "another version of it" rpm_built "$root" suse-next --define "suse_version 1600" --define "dist .next" --nocheck
    try "openSUSE's .rpm: drbd-utils' own script gives way, and comes back" rpm_beside_theirs "$root"
}

# rpm_built ROOT NAME OPTION…
rpm_built() {
    local root=$1 name=$2
    shift 2
    mkdir -p "$root/rpm/$name"
    cp "$results"/block-drbd-*.tar.xz "$here/rpm-macros" "$root/rpm/"
    inside "$root" chown -R builder: /rpm
    by_builder "$root" HOME=/rpm LC_ALL=C.UTF-8 rpmbuild -tb --nodeps --load=/rpm/rpm-macros \
        --define "debug_package %{nil}" --define "_rpmdir /rpm/$name" "$@" "/rpm/$(basename "$results"/block-drbd-*.tar.xz)"
    mkdir -p "$results/$name"
    cp "$root/rpm/$name"/*/*.rpm "$results/$name/"
}

rpm_is_right() {
    local root=$1 rpm
    rpm=$(cd "$root" && echo rpm/fedora/*/*.rpm)
    inside "$root" rpm -qp --conflicts "/$rpm" | grep -x drbd-xen
    inside "$root" rpm -qpc "/$rpm" | grep -x /etc/xen/block-drbd.toml
    same "$(inside "$root" rpm -qpc "/$rpm" | wc -l)" 1
    same "$(plain_rpm inside "$root" rpm "/$rpm")" "$(plain_deb)"
    cp "$here"/../../rpm/* "$root/root/"
    inside "$root" rpmlint --config /root/rpmlint.toml "/$rpm" /root/block-drbd.spec | tee "$root/said"
    grep -q ' 0 errors, 0 warnings' "$root/said"
}

# Files and links; their names but for what each distribution chooses; without documentation.
plain() {
    awk '$1 !~ /^d/ { print $2 }' | sed 's|^\./|/|; s|^/lib/|/usr/lib/|; s|\.gz$||; s|vendor-completions|site-functions|' |
        grep -v -e /share/doc/ -e /share/licenses/ -e /share/lintian/ -e /.build-id/ | sort
}
# plain_rpm RPM-PROGRAM… FILE
plain_rpm() { "${@:1:$#-1}" -qp --qf '[%{FILEMODES:perms} %{FILENAMES}\n]' "${!#}" | plain; }
plain_deb() { dpkg-deb -c "$deb" | awk '{ print $1, $6 }' | plain; }

# scriptlets ROOT NAME NUMBER
scriptlets() {
    local root=$1 rpm
    rpm=$(cd "$root" && echo "rpm/$2"/*/*.rpm)
    sound_scriptlets "$3" "$(inside "$root" rpm -qp --scripts "/$rpm")"
}

# sound_scriptlets NUMBER TEXT: that many are about the units, no macro is left as it stood, and a shell takes them.
sound_scriptlets() {
    local number=$1 said=$2 word
    echo "$said"
    same "$(grep -c 'block-drbd-reap.path block-drbd-reap.service' <<<"$said")" "$number"
    for word in preset disable daemon-reload; do grep -w "$word" <<<"$said"; done
    same "$(grep -E '%[a-z{]|restart' <<<"$said")" ''
    # Each begins with a line that tells which it is and what runs it.
    grep -v 'scriptlet (using /bin/sh):$' <<<"$said" | sh -n
}

# their_rpm ROOT VERSION [with|without]: a drbd-utils as openSUSE's, with the script or without.
their_rpm() {
    local root=$1 version=$2
    {
        printf '%s\n' 'Name: drbd-utils' "Version: $version" 'Release: 1' 'Summary: s' 'License: GPL' 'BuildArch: noarch' \
            'Provides: drbd-xen' '%description' 'd' '%install' 'mkdir -p %{buildroot}/etc/xen/scripts' \
            "echo \"# $version\" >%{buildroot}/etc/xen/scripts/block-drbd" '%files' '%dir %attr(700,root,root) /etc/xen'
        if [ "$3" = with ]; then echo /etc/xen/scripts/block-drbd; fi
    } >"$root/root/theirs.spec"
    inside "$root" rpmbuild -bb --define "_unpackaged_files_terminate_build 0" --define "_rpmdir /root/theirs" /root/theirs.spec
}

rpm_beside_theirs() {
    local root=$1 ours next theirs=/root/theirs/noarch/drbd-utils
    ours=/$(cd "$root" && echo rpm/suse/*/*.rpm)
    next=/$(cd "$root" && echo rpm/suse-next/*/*.rpm)
    their_rpm "$root" 9.29 with
    their_rpm "$root" 9.30 with
    their_rpm "$root" 9.31 without
    # Debian's rpm was once not to be used on a Debian itself.
    local anyway=--force-debian
    inside "$root" rpm "$anyway" --version >/dev/null 2>&1 || anyway=
    r() { inside "$root" rpm ${anyway:+"$anyway"} --nodeps --noplugins "$@"; }
    ours_is() { same "$(readlink "$root$script")" "$1"; }
    both() { ours_is /usr/sbin/block-drbd; same "$(cat "$root$script.drbd-utils")" "# $1"; }
    theirs_alone() { [ ! -L "$root$script" ]; same "$(cat "$root$script")" "# $1"; [ ! -e "$root$script.drbd-utils" ]; }
    r -i "$theirs-9.29-1.noarch.rpm"
    r -i "$ours"
    both 9.29
    r -U "$theirs-9.30-1.noarch.rpm"
    both 9.30
    r -U "$next"
    both 9.30
    r -e block-drbd
    theirs_alone 9.30
    # Back to their script by hand lasts until the next upgrade, and nothing is lost by it.
    r -i "$ours"
    ln -sfn block-drbd.drbd-utils "$root$script"
    r -U "$next"
    both 9.30
    # drbd-utils has no script any more.
    r -U "$theirs-9.31-1.noarch.rpm"
    ours_is /usr/sbin/block-drbd
    inside "$root" "$script" --version
    r -e block-drbd
    [ ! -L "$root$script" ]
    r -e drbd-utils
    # Ours first.
    rm -rf "${root:?}${script%/*}"
    r -i "$ours"
    ours_is /usr/sbin/block-drbd
    r -i "$theirs-9.29-1.noarch.rpm"
    both 9.29
    r -e block-drbd
    theirs_alone 9.29
}
