# shellcheck shell=bash disable=SC2154,SC2086 # set by run and scenario.sh; neither has blanks
# dpkg with our package and drbd-utils', in every order.

scenarios() {
    repack
    scenario "drbd-utils' script untouched: ours takes its place, theirs is kept" taken
    scenario "edited by the administrator: the edit is kept" taken_edited
    scenario "a link of the administrator's in its place: kept, and back in the end" taken_link
    scenario "the same, and it is called as ours would be" taken_namesake
    scenario "deleted by the administrator: ours is there, and nothing comes back" taken_deleted
    scenario "ours unpacked before drbd-utils" ours_first
    scenario "both in one run" in_one_run
    scenario "drbd-utils unpacked before ours, both configured after that" theirs_unpacked
    scenario "the same, and ours cannot be unpacked" theirs_unpacked_alone
    scenario "removed: theirs is back, our configuration stays" removed
    scenario "removed: an edited script comes back edited" removed_edited
    scenario "purged: nothing of ours is left" purged
    scenario "removed and installed again" reinstalled
    scenario "upgrade of ours" upgraded
    scenario "upgrade of ours: an edited configuration is kept" upgraded_configuration
    scenario "upgrade of ours: an edited configuration beside a new one" upgraded_new_configuration
    scenario "upgrade of ours: units that were disabled stay so" upgraded_units
    scenario "upgrade of drbd-utils with the same script" theirs_same
    scenario "upgrade of drbd-utils with a changed script" theirs_changed
    scenario "upgrade of drbd-utils with a changed script, edited here" theirs_changed_edited
    scenario "drbd-utils no longer has the script (9.31)" theirs_forgotten
    scenario "drbd-utils takes its script away: remove-on-upgrade" theirs_removed_on_upgrade
    scenario "drbd-utils takes its script away: rm_conffile" theirs_rm_conffile
    scenario "both purged at once" both_purged
    scenario "dpkg killed after the preinst: there is a script all the time" killed
    scenario "dpkg cannot unpack: theirs stays" not_unpacked
    scenario "an upgrade that dpkg cannot unpack: ours stays" not_unpacked_upgrade
    scenario "installed by hand before: taken over, given back" by_hand
    scenario "installed by hand elsewhere, the diversion is gone: drbd-utils' script is not lost" by_hand_elsewhere
    scenario "installed by hand before, and dpkg cannot unpack: as it was" by_hand_not_unpacked
    scenario "back to the old script by hand: lasts until the next upgrade" rolled_back
    scenario "diverted elsewhere by the administrator: refused, nothing is touched" diverted_elsewhere LOCAL --local
    scenario "diverted elsewhere by another package: the same" diverted_elsewhere other "--package other"
    scenario "diverted elsewhere by now: removed, and that diversion stays" diverted_elsewhere_since
}

with_theirs() { i drbd-utils; original=$(untouched); }
with_both() { with_theirs; i ours; }

taken() {
    with_both
    is_ours
    same "$(sha $script.drbd-utils)" "$original"
    nothing_beside ./block-drbd.drbd-utils
    [ ! -e "$root/etc/libvirt/hooks" ]
    same "$(run dpkg -V $ours)" ''
    for unit in block-drbd-reap.path block-drbd-reap.service; do
        [ -L "$root/etc/systemd/system/multi-user.target.wants/$unit" ]
    done
}
taken_edited() { with_theirs; edit $script; i ours; is_ours; kept $script.drbd-utils; }
# Their own script, by a link in place of drbd-utils'.
linked() { ln -sfn /root/block-own "$root$script"; }
is_linked() { same "$(readlink "$root$1")" /root/block-own; }
taken_link() {
    with_theirs
    linked
    if i ours-cut; then return 1; fi
    is_linked $script
    nothing_beside
    i ours
    is_ours
    is_linked $script.drbd-utils
    i ours-next
    is_linked $script.drbd-utils
    run dpkg --purge $ours
    is_linked $script
    nothing_beside
}
# One that is called as `make install` calls our program.
taken_namesake() {
    local own=/usr/local/sbin/block-drbd
    with_theirs
    mkdir -p "$root/usr/local/sbin"
    printf '#!/bin/sh\nexit 0\n' >"$root$own"
    ln -sfn $own "$root$script"
    i ours
    is_ours
    same "$(readlink "$root$script.drbd-utils")" $own
    run dpkg --purge $ours
    same "$(readlink "$root$script")" $own
    nothing_beside
    built_by_hand
    run make -C /src install
    same "$(readlink "$root$script.drbd-utils")" $own
    for _ in 1 2; do
        run make -C /src uninstall
        same "$(readlink "$root$script")" $own
    done
}
taken_deleted() {
    with_theirs
    rm "$root$script"
    i ours
    is_ours
    nothing_beside
    run dpkg --purge $ours
    [ ! -e "$root$script" ] && [ ! -L "$root$script" ]
}
ours_first() {
    run dpkg --unpack /debs/ours.deb
    i drbd-utils
    run dpkg --configure -a
    is_ours
    same "$(sha $script.drbd-utils)" "$(untouched)"
    run dpkg --purge $ours
    is_theirs "$(untouched)"
}
in_one_run() { i ours drbd-utils; is_ours; same "$(sha $script.drbd-utils)" "$(untouched)"; }
# What apt does where drbd-utils comes as our dependency.
theirs_unpacked() {
    i drbd-utils ours
    is_ours
    same "$(sha $script.drbd-utils)" "$(untouched)"
    nothing_beside ./block-drbd.drbd-utils
    run dpkg --purge $ours
    is_theirs "$(untouched)"
}
theirs_unpacked_alone() {
    run dpkg --unpack /debs/drbd-utils.deb
    if i ours-cut; then return 1; fi
    run dpkg --configure drbd-utils
    is_theirs "$(untouched)"
}
removed() {
    with_both
    run dpkg --remove $ours
    is_theirs "$original"
    [ -e "$root/etc/xen/block-drbd.toml" ] && [ ! -e "$root/usr/sbin/block-drbd" ]
}
removed_edited() { with_theirs; edit $script; i ours; run dpkg --remove $ours; kept $script; is_theirs "$(sha $script)"; }
purged() {
    with_theirs
    everything >"$results/before"
    i ours
    run dpkg --purge $ours
    is_theirs "$original"
    # The folders of systemd's helper stay; nothing that is called after us does.
    everything | diff "$results/before" - | grep '^[<>]' | grep -v -e ' /etc/systemd/' -e ' /var/lib/systemd/' >"$results/left" || true
    same "$(cat "$results/left")" ''
    same "$(cd "$root" && find etc/systemd var/lib/systemd -name '*block-drbd*')" ''
}
everything() { run find / -xdev '(' -path /var/lib/dpkg -o -path /var/log -o -path /var/cache -o -path /tmp ')' -prune -o -print | sort; }
reinstalled() {
    with_both
    edit /etc/xen/block-drbd.toml
    run dpkg --remove $ours
    i ours
    is_ours
    same "$(sha $script.drbd-utils)" "$original"
    kept /etc/xen/block-drbd.toml
}
upgraded() { with_both; i ours-next; is_ours; same "$(sha $script.drbd-utils)" "$original"; nothing_beside ./block-drbd.drbd-utils; }
upgraded_configuration() { with_both; edit /etc/xen/block-drbd.toml; i ours-next; kept /etc/xen/block-drbd.toml; is_ours; }
upgraded_new_configuration() {
    with_both
    edit /etc/xen/block-drbd.toml
    i ours-new-configuration
    kept /etc/xen/block-drbd.toml
    grep -qx '# new' "$root/etc/xen/block-drbd.toml.dpkg-dist"
    run dpkg --purge $ours
    [ ! -e "$root/etc/xen/block-drbd.toml" ] && [ ! -e "$root/etc/xen/block-drbd.toml.dpkg-dist" ]
}
upgraded_units() {
    with_both
    # What `systemctl disable` does.
    rm "$root/etc/systemd/system/multi-user.target.wants/block-drbd-reap.path"
    i ours-next
    [ ! -L "$root/etc/systemd/system/multi-user.target.wants/block-drbd-reap.path" ]
    [ -L "$root/etc/systemd/system/multi-user.target.wants/block-drbd-reap.service" ]
}
theirs_same() { with_both; i theirs-same; is_ours; same "$(sha $script.drbd-utils)" "$original"; }
theirs_changed() {
    with_both
    i theirs-changed
    is_ours
    same "$(sha $script.drbd-utils)" "$(untouched theirs-changed)"
    run dpkg --purge $ours
    is_theirs "$(untouched theirs-changed)"
}
theirs_changed_edited() {
    with_theirs
    edit $script
    i ours
    i theirs-changed
    is_ours
    kept $script.drbd-utils
    run dpkg --purge $ours
    kept $script
}
gone() {
    with_both
    i "$1"
    is_ours
    run $script --version
    nothing_beside ./block-drbd.drbd-utils
    i ours-next
    is_ours
    run dpkg --purge $ours
    same "$(run dpkg-divert --list '*block-drbd*')" ''
    [ ! -L "$root$script" ]
}
theirs_forgotten() { gone theirs-forgotten; }
theirs_removed_on_upgrade() { gone theirs-removed-on-upgrade; }
theirs_rm_conffile() { gone theirs-rm-conffile; }
both_purged() {
    with_both
    run dpkg --purge $ours drbd-utils
    same "$(run dpkg-divert --list '*block-drbd*')" ''
    [ ! -L "$root$script" ] && [ ! -e "$root/etc/xen/block-drbd.toml" ]
}
killed() {
    with_theirs
    if i ours-killed; then return 1; fi
    same "$(sha $script)" "$original"
    # Half installed: the next try does it.
    i ours
    is_ours
    run dpkg --purge $ours
    is_theirs "$original"
}
not_unpacked() {
    with_theirs
    edit $script
    if i ours-cut; then return 1; fi
    kept $script
    is_theirs "$(sha $script)"
}
not_unpacked_upgrade() { with_both; if i ours-cut; then return 1; fi; is_ours; same "$(sha $script.drbd-utils)" "$original"; i ours-next; is_ours; }
by_hand() {
    with_by_hand
    i ours
    is_ours
    same "$(sha $script.drbd-utils)" "$original"
    run dpkg --purge $ours
    is_theirs "$original"
}
with_by_hand() {
    with_theirs
    run dpkg-divert --divert $script.drbd-utils --rename --add $script
    ln -s /usr/sbin/block-drbd "$root$script"
}
by_hand_not_unpacked() {
    with_by_hand
    if i ours-cut; then return 1; fi
    same "$(run dpkg-divert --listpackage $script)" LOCAL
    same "$(run dpkg-divert --truename $script)" $script.drbd-utils
    same "$(readlink "$root$script")" /usr/sbin/block-drbd
    same "$(sha $script.drbd-utils)" "$original"
    same "$(run dpkg --audit)" ''
    i ours
    is_ours
    run dpkg --purge $ours
    is_theirs "$original"
}
rolled_back() {
    with_both
    ln -sfn block-drbd.drbd-utils "$root$script"
    i theirs-same
    same "$(readlink "$root$script")" block-drbd.drbd-utils
    i ours-next
    is_ours
}
diverted_elsewhere() {
    local owner=$1 by=$2
    with_theirs
    run dpkg-divert $by --divert $script.elsewhere --rename --add $script
    everything >"$results/before"
    if i ours >"$root/said" 2>&1; then return 1; fi
    grep "^xen-block-drbd: $script is diverted to $script.elsewhere by" "$root/said"
    rm "$root/said"
    everything | diff "$results/before" -
    same "$(run dpkg-divert --listpackage $script)" "$owner"
    same "$(run dpkg --audit)" ''
    run dpkg-divert $by --rename --remove $script
    i ours
    is_ours
    same "$(sha $script.drbd-utils)" "$original"
}
diverted_elsewhere_since() {
    with_both
    run dpkg-divert --package $ours --no-rename --remove $script
    run dpkg-divert --divert $script.elsewhere --no-rename --add $script
    run dpkg --purge $ours
    same "$(run dpkg-divert --truename $script)" $script.elsewhere
}
# By `make install PREFIX=`, whose diversion somebody has taken away: our own link is nothing to keep.
by_hand_elsewhere() {
    with_theirs
    edit $script
    mv "$root$script" "$root$script.drbd-utils"
    ln -s /usr/local/sbin/block-drbd "$root$script"
    i ours
    is_ours
    kept $script.drbd-utils
    run dpkg --purge $ours
    kept $script
}
