//! `drbdsetup net-options`: the settings of the connection at run time.

use crate::options::Options;
use crate::output::Output;
use crate::resource::Resource;
use crate::state::{Connection, Role};

/// Sets options of the connection; while connected, two-primaries, protocol go to the peer as well.
pub fn set(
    resource: &mut Resource,
    host: usize,
    subject: &str,
    wanted: &Options,
    reaches: bool,
) -> Output {
    let side = &resource.sides[host];
    let connected = side.connection == Connection::Connected;
    let mut net = side.net.clone();
    net.extend(wanted.clone());
    let two = |net: &Options| {
        net.get("allow-two-primaries")
            .is_some_and(|value| value == "yes")
    };
    let protocol = net.get("protocol").map_or("C", String::as_str);
    if two(&net) && protocol != "C" {
        return Output::failure(subject, 139, "");
    }
    let both = side.role() == Role::Primary && side.peer_role() == Role::Primary;
    if two(&side.net) && !two(&net) && both {
        return Output::failure(subject, 164, "");
    }
    resource.sides[host].net = net;
    if connected && reaches {
        for name in ["allow-two-primaries", "protocol"] {
            if let Some(value) = wanted.get(name) {
                resource.sides[1 - host]
                    .net
                    .insert(name.to_owned(), value.clone());
            }
        }
    }
    Output::done()
}
