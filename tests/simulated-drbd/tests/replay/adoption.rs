//! Recorded counters taken over into the simulation, where the kernel's timing made them.

use simulated_drbd::{Counters, World};

/// Where a counter is kept.
type Field = fn(&mut Counters) -> &mut u64;

/// Takes the counters of a block of `events2 --statistics` or `/proc/drbd` over; whether there were any.
pub fn adopt(world: &World, host: &str, text: &str) -> bool {
    let mut adopted = false;
    let index = usize::from(host == "nodo2");
    let mut minor = None;
    for line in text.lines() {
        if let Some((number, _)) = line.split_once(": cs:") {
            minor = number.trim().parse::<u32>().ok();
        }
        let value = |key: &str| {
            line.split_whitespace().find_map(|word| {
                word.strip_prefix(key)?
                    .strip_prefix(':')?
                    .parse::<u64>()
                    .ok()
            })
        };
        let text_of = |key: &str| {
            line.split_whitespace()
                .find_map(|word| word.strip_prefix(key)?.strip_prefix(':'))
        };
        let name = text_of("name").map_or_else(
            || {
                if minor == Some(1) {
                    "web-root"
                } else {
                    "multi"
                }
                .to_owned()
            },
            str::to_owned,
        );
        let volume = match (text_of("volume"), minor) {
            (Some(volume), _) => volume.parse().unwrap(),
            (None, Some(11)) => 1,
            _ => 0,
        };
        let mut set = |fields: &[(&str, Field)]| {
            if fields.iter().all(|(key, _)| value(key).is_none()) {
                return;
            }
            world
                .edit(&name, |resource, _| {
                    let counters = &mut resource.sides[index].devices[volume].counters;
                    for (key, field) in fields {
                        if let Some(value) = value(key) {
                            *field(counters) = value;
                        }
                    }
                    Ok(())
                })
                .unwrap();
            adopted = true;
        };
        if line.starts_with("exists ") {
            set(&[
                ("read", |c| &mut c.read),
                ("written", |c| &mut c.written),
                ("al-writes", |c| &mut c.al_writes),
                ("bm-writes", |c| &mut c.bm_writes),
                ("upper-pending", |c| &mut c.upper_pending),
                ("lower-pending", |c| &mut c.lower_pending),
                ("received", |c| &mut c.received),
                ("sent", |c| &mut c.sent),
                ("out-of-sync", |c| &mut c.out_of_sync),
                ("pending", |c| &mut c.pending),
                ("unacked", |c| &mut c.unacked),
                ("ap-in-flight", |c| &mut c.ap_in_flight),
                ("rs-in-flight", |c| &mut c.rs_in_flight),
            ]);
        } else if line.trim_start().starts_with("ns:") {
            set(&[
                ("dr", |c| &mut c.read),
                ("dw", |c| &mut c.written),
                ("al", |c| &mut c.al_writes),
                ("bm", |c| &mut c.bm_writes),
                ("ap", |c| &mut c.upper_pending),
                ("lo", |c| &mut c.lower_pending),
                ("nr", |c| &mut c.received),
                ("ns", |c| &mut c.sent),
                ("oos", |c| &mut c.out_of_sync),
                ("pe", |c| &mut c.pending),
                ("ua", |c| &mut c.unacked),
            ]);
        }
    }
    adopted
}
