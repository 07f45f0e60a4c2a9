//! The decision, gone through exhaustively and held against the table once more.
//!
//! The product of all facts is too large to be gone through in one piece. `decision/product.rs`
//! takes those together that interact and goes through each such group in full: 887,000 decisions
//! (the exact number is printed, and asserted not to fall). Property tests mix all of them at random.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends where its setting fails"
)]

#[path = "decision/answer.rs"]
mod answer;
#[path = "decision/confirm.rs"]
mod confirm;
#[path = "decision/invariants.rs"]
mod invariants;
#[path = "decision/product.rs"]
mod product;
#[path = "decision/random.rs"]
mod random;
#[path = "decision/reaping.rs"]
mod reaping;
#[path = "decision/received.rs"]
mod received;
#[path = "decision/sentences.rs"]
mod sentences;
#[path = "decision/space.rs"]
mod space;
#[path = "decision/table.rs"]
mod table;
#[path = "decision/unknown.rs"]
mod unknown;

use invariants::Rule;
use product::report;

#[test]
fn every_group_is_gone_through() {
    let report = report();
    println!("{} decisions; by row: {:#?}", report.checked, report.rows);
    assert!(report.checked > 880_000);
    let idle = table::sayings().filter(|says| !report.rows.contains_key(says));
    assert_eq!(
        idle.collect::<Vec<_>>(),
        Vec::<&str>::new(),
        "rows that no facts met"
    );
}

#[test]
fn every_decision_is_the_tables() {
    report().check(Rule::Table);
}

#[test]
fn a_start_warns_of_what_it_cannot_know() {
    report().check(Rule::Warnings);
}

#[test]
fn nothing_is_promoted_beside_a_primary_but_a_migration_or_a_shared_resource_in_step() {
    report().check(Rule::TwoPrimaries);
}

#[test]
fn nothing_is_promoted_on_a_copy_that_is_not_good() {
    report().check(Rule::GoodData);
}

#[test]
fn no_two_guests_share_a_volume_that_one_of_them_writes() {
    report().check(Rule::Sharing);
}

#[test]
fn plans_note_promote_confirm_drain_and_publish_in_that_order() {
    report().check(Rule::Shape);
}

#[test]
fn every_plan_cut_short_anywhere_is_taken_back() {
    report().check(Rule::Undo);
}

#[test]
fn what_was_primary_before_stays_so_when_a_plan_is_taken_back() {
    report().check(Rule::Kept);
}

#[test]
fn contract_20_remove_demotes_only_what_nobody_here_uses() {
    report().check(Rule::Demotion);
}
