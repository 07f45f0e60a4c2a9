//! The state of each resource, where a guest would be refused or left without its disk.

use super::finding::Finding;
use crate::drbd::{ConnectionState, DiskState, Resource};

/// What is wrong with one that is up.
#[must_use]
pub fn findings(resource: &Resource) -> Vec<Finding> {
    let name = &resource.name;
    let mut found = Vec::new();
    let see = format!("drbdadm status {name}");
    if !resource.suspended.is_empty() {
        // What waits for quorum, or until the peer is fenced, must not be resumed by hand: the copies would part.
        let fix = if resource.suspended == ["user"] {
            format!("# find out who did it first\ndrbdadm resume-io {name}")
        } else {
            see.clone()
        };
        found.push(Finding::error(
            name,
            &format!("its I/O is suspended: {}", resource.suspended.join(", ")),
            "a guest that has it hangs until that is over, and none can start",
            &fix,
        ));
    }
    let lost = resource.volumes.iter().filter(|v| v.quorum == Some(false));
    if lost.count() > 0 {
        found.push(Finding::error(
            name,
            "it has no quorum here",
            "it cannot be promoted, and I/O may fail or hang",
            &see,
        ));
    }
    let missing = |v: &&crate::drbd::Volume| match v.disk {
        DiskState::Failed => true,
        DiskState::Diskless => !v.client,
        _ => false,
    };
    for volume in resource.volumes.iter().filter(missing) {
        found.push(Finding::error(
            name,
            &format!("volume {} is {} here", volume.volume, volume.disk),
            "there is no copy of it on this host",
            &format!("# see to the backing disk, then\ndrbdadm attach {name}"),
        ));
    }
    for connection in &resource.connections {
        let peer = if connection.has_name() {
            connection.peer.as_str()
        } else {
            "its peer"
        };
        match connection.state {
            ConnectionState::StandAlone => found.push(Finding::error(
                name,
                &format!("StandAlone towards {peer}"),
                "nothing is replicated, and DRBD does not try again by itself: split brain, most of the time",
                &format!(
                    "# first, on the host whose copy is to be lost, where no guest may have it:\n# drbdadm disconnect {name}; drbdadm secondary {name}; drbdadm connect --discard-my-data {name}\ndrbdadm connect {name}"
                ),
            )),
            ConnectionState::Connected => {}
            ref state => found.push(Finding::warning(
                name,
                &format!("not connected to {peer}: {state}"),
                "nothing is replicated, and live migrations are refused",
                &see,
            )),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity::{self, Error, Warning};
    use crate::drbd::{Generation, events2};

    const SOUND: &str = "exists resource name:web role:Primary suspended:no
exists connection name:web peer-node-id:1 conn-name:nodo2 connection:Connected role:Secondary
exists device name:web volume:0 minor:1 disk:UpToDate client:no quorum:yes
exists peer-device name:web peer-node-id:1 conn-name:nodo2 volume:0 replication:Established peer-disk:UpToDate
exists -
";

    fn after(from: &str, to: &str) -> Vec<(Severity, String, String)> {
        let all = events2::parse(&SOUND.replace(from, to), Generation::V9);
        let found = findings(&all[0]).into_iter();
        found.map(|f| (f.severity, f.what, f.fix)).collect()
    }

    #[test]
    fn each_finding_has_its_cause() {
        assert_eq!(after("x", "x"), []);
        assert_eq!(after("UpToDate client:no", "Diskless client:yes"), []);
        for (from, to, severity, what, fix) in [
            (
                "suspended:no",
                "suspended:user",
                Error,
                "suspended: user",
                "drbdadm resume-io web",
            ),
            (
                "suspended:no",
                "suspended:user,fencing",
                Error,
                "suspended: user, fencing",
                "drbdadm status web",
            ),
            ("quorum:yes", "quorum:no", Error, "no quorum", "status"),
            (
                "disk:UpToDate client",
                "disk:Failed client",
                Error,
                "volume 0 is Failed",
                "attach web",
            ),
            (
                "disk:UpToDate client",
                "disk:Diskless client",
                Error,
                "Diskless",
                "attach web",
            ),
            (
                "connection:Connected",
                "connection:StandAlone",
                Error,
                "StandAlone towards nodo2",
                "drbdadm connect web",
            ),
            (
                "connection:Connected",
                "connection:Connecting",
                Warning,
                "not connected to nodo2",
                "status web",
            ),
        ] {
            let found = after(from, to);
            let [(is, says, command)] = found.as_slice() else {
                panic!("{what}: {found:?}");
            };
            assert_eq!(*is, severity, "{what}");
            assert!(says.contains(what) && command.contains(fix), "{found:?}");
            // A copy is thrown away by nobody who pastes what is to be done.
            let bare = command.lines().filter(|line| !line.starts_with('#'));
            assert!(
                bare.into_iter().all(|line| !line.contains("discard")),
                "{found:?}"
            );
        }
    }
}
