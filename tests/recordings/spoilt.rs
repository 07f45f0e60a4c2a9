//! What was recorded, spoilt at random: nothing panics, and nothing counts for healthier than it was.

use std::sync::OnceLock;

use block_drbd::decision::health;
use block_drbd::drbd::proc_drbd::ProcDrbd;
use block_drbd::drbd::{CommandError, Connection, Resource, Settings, events2};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::blocks::{Block, all, count};

/// Single readings of the state.
fn events() -> &'static [Block] {
    static EVENTS: OnceLock<Vec<Block>> = OnceLock::new();
    EVENTS.get_or_init(|| {
        let mut blocks = all();
        blocks.retain(|b| b.is_events() && count(&b.stdout, "exists -") == 1);
        blocks.retain(|b| count(&b.stdout, "exists resource ") > 0);
        blocks
    })
}

fn texts() -> &'static [String] {
    static TEXTS: OnceLock<Vec<String>> = OnceLock::new();
    TEXTS.get_or_init(|| {
        all()
            .into_iter()
            .flat_map(|b| [b.stdout, b.stderr])
            .filter(|text| !text.is_empty())
            .collect()
    })
}

/// Every sign of health in `spoilt` has to be in `whole`, too.
fn healthier(spoilt: &Resource, whole: &Resource) -> Option<String> {
    // StandAlone and Failed may be lost: what is then not known is neither connected nor usable.
    let stopped = |r: &Resource| !r.suspended.is_empty() || r.force_io_failures;
    if stopped(whole) && !stopped(spoilt) {
        return Some("no longer suspended".into());
    }
    if spoilt.is_primary() && !whole.is_primary() {
        return Some("Primary".into());
    }
    for volume in &spoilt.volumes {
        let usable = |r: &Resource| {
            r.volume(volume.volume)
                .is_some_and(|v| health::is_usable(r, v))
        };
        if usable(spoilt) && !usable(whole) {
            return Some(format!("volume {} usable", volume.volume));
        }
    }
    for connection in &spoilt.connections {
        let was = whole
            .connections
            .iter()
            .find(|c| c.peer_node_id == connection.peer_node_id);
        if connection.is_connected() && !was.is_some_and(Connection::is_connected) {
            return Some(format!("peer {} connected", connection.peer_node_id));
        }
        let as_before = was.is_some_and(|c| health::in_step(whole, c).is_ok());
        let whole_volumes = spoilt.volumes.len() == whole.volumes.len();
        if whole_volumes && health::in_step(spoilt, connection).is_ok() && !as_before {
            return Some(format!("peer {} in step", connection.peer_node_id));
        }
    }
    None
}

/// Compares each resource of a spoilt reading with the whole one.
fn compare(block: &Block, spoilt: &str) -> Result<(), TestCaseError> {
    let whole = events2::parse(&block.stdout, block.generation);
    for resource in events2::parse(spoilt, block.generation) {
        let was = whole.iter().find(|r| r.name == resource.name);
        let Some(was) = was else { continue };
        let better = healthier(&resource, was);
        prop_assert!(
            better.is_none(),
            "{better:?}\n{}\nwas\n{}",
            spoilt,
            block.stdout
        );
    }
    Ok(())
}

fn without_key(text: &str, line: Index, key: Index) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let line = line.index(lines.len());
    let words: Vec<&str> = lines[line].split(' ').collect();
    let keys: Vec<usize> = (0..words.len())
        .filter(|i| words[*i].contains(':'))
        .collect();
    if let Some(gone) = keys.get(key.index(keys.len().max(1))) {
        let mut words = words.clone();
        words.remove(*gone);
        lines[line] = words.join(" ");
    }
    lines.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lines_in_another_order_mean_the_same(which in any::<Index>(), seed in prop::collection::vec(any::<Index>(), 20)) {
        let block = which.get(events());
        let mut lines: Vec<&str> = block.stdout.lines().collect();
        for (from, to) in seed.iter().enumerate() {
            let (from, to) = (from % lines.len(), to.index(lines.len()));
            lines.swap(from, to);
        }
        let sort = |text: &str| {
            let mut all = events2::parse(text, block.generation);
            all.sort_by(|a, b| a.name.cmp(&b.name));
            for connection in all.iter_mut().flat_map(|r| &mut r.connections) {
                connection.peer_devices.sort_by_key(|d| d.volume);
            }
            all
        };
        prop_assert_eq!(sort(&lines.join("\n")), sort(&block.stdout));
    }

    #[test]
    fn a_missing_key_makes_nothing_healthier(which in any::<Index>(), line in any::<Index>(), key in any::<Index>()) {
        let block = which.get(events());
        compare(block, &without_key(&block.stdout, line, key))?;
    }

    #[test]
    fn several_missing_keys_make_nothing_healthier(which in any::<Index>(), gone in prop::collection::vec(any::<(Index, Index)>(), 2..6)) {
        let block = which.get(events());
        let mut text = block.stdout.clone();
        for (line, key) in gone {
            text = without_key(&text, line, key);
        }
        compare(block, &text)?;
    }

    #[test]
    fn a_word_that_nobody_knows_makes_nothing_healthier(which in any::<Index>(), line in any::<Index>(), key in any::<Index>()) {
        let block = which.get(events());
        let mut lines: Vec<String> = block.stdout.lines().map(str::to_owned).collect();
        let line = line.index(lines.len());
        let mut words: Vec<String> = lines[line].split(' ').map(str::to_owned).collect();
        let states: Vec<usize> = (0..words.len())
            .filter(|i| words[*i].split_once(':').is_some_and(|(key, _)| {
                ["role", "suspended", "disk", "connection", "replication", "peer-disk", "quorum", "force-io-failures"].contains(&key)
            }))
            .collect();
        if !states.is_empty() {
            let at = *key.get(&states);
            let name = words[at].split(':').next().unwrap().to_owned();
            words[at] = format!("{name}:Fresh");
            lines[line] = words.join(" ");
        }
        compare(block, &lines.join("\n"))?;
    }

    #[test]
    fn unknown_keys_and_objects_change_nothing(which in any::<Index>(), line in any::<Index>(), word in "[a-z-]{1,12}", value in "[A-Za-z0-9:,]{0,12}") {
        let block = which.get(events());
        let mut lines: Vec<String> = block.stdout.lines().map(str::to_owned).collect();
        let at = line.index(lines.len());
        let name = events2::parse(&block.stdout, block.generation).swap_remove(0).name;
        lines[at] += &[" x-", &word, ":", &value].concat();
        lines.insert(at, format!("exists x-{word} name:{name} peer-node-id:0 volume:0 {value}"));
        lines.insert(at, format!("change resource name:web-root role:Primary x:{value}"));
        lines.insert(at, String::new());
        prop_assert_eq!(
            events2::parse(&lines.join("\n"), block.generation),
            events2::parse(&block.stdout, block.generation)
        );
    }

    #[test]
    fn a_text_cut_off_anywhere_makes_nothing_healthier(which in any::<Index>(), at in any::<Index>()) {
        let block = which.get(events());
        let end = at.index(block.stdout.len());
        prop_assume!(block.stdout.is_char_boundary(end));
        let cut = &block.stdout[..end];
        // The program takes no text without this line for an answer.
        prop_assert!(!cut.contains("exists -\n"));
        // A name or a number cut short is another's; only the whole ones are compared.
        let whole = cut.rsplit_once('\n').map_or("", |(lines, _)| lines);
        compare(block, whole)?;
    }

    #[test]
    fn no_parser_fails_on_any_piece_of_any_output(which in any::<Index>(), from in any::<Index>(), to in any::<Index>()) {
        let text = which.get(texts());
        let (from, to) = (from.index(text.len()), to.index(text.len() + 1));
        let piece = text.get(from.min(to)..to.max(from)).unwrap_or_default();
        for generation in [block_drbd::drbd::Generation::V84, block_drbd::drbd::Generation::V9] {
            for mut resource in events2::parse(piece, generation) {
                if let Some(file) = ProcDrbd::parse(piece) {
                    file.complete(&mut resource);
                }
            }
        }
        let _ = (ProcDrbd::parse(piece), Settings::parse(piece));
        let _ = CommandError::new("x".into(), Some(1), piece).to_string();
    }

    #[test]
    fn settings_cut_off_anywhere_allow_nothing_more(which in any::<Index>(), at in any::<Index>()) {
        let shows: Vec<&String> = texts().iter().filter(|t| t.starts_with("resource ") && t.contains("_this_host")).collect();
        let text = which.get(&shows);
        let whole = Settings::parse(text).unwrap();
        let Some(cut) = Settings::parse(&text[..at.index(text.len())]) else { return Ok(()) };
        for connection in &cut.connections {
            if connection.two_primaries == Some(true) {
                let was = whole.connection(connection.peer_node_id);
                prop_assert_eq!(was.and_then(|c| c.two_primaries), Some(true), "{}", text);
            }
            if connection.fencing {
                prop_assert!(whole.connections.iter().any(|c| c.fencing));
            }
        }
        prop_assert!(!cut.quorum || whole.quorum);
    }
}
