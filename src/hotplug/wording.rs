//! Words that cost a program or a search, so they are looked for only once all is decided and done.

use xenstore_rs::{XsTransaction, XsTransactionSpan};

use super::Run;
use crate::decision::{Decision, Warning, decide};
use crate::drbd::{Connection, Name, Replication, Resource};
use crate::facts::{Arrival, Facts, Found};
use crate::holders::node;
use crate::host::Host;
use crate::message::{Code, Message};
use crate::outcome::Outcome;
use crate::plan::Step;
use crate::policy::Policy;
use crate::refusal::Refusal;
use crate::request::Action;
use crate::store::Timed;

impl<S, R, H> Run<'_, '_, S, R, H>
where
    S: XsTransaction + Timed,
    S::Span: XsTransactionSpan,
    R: Replication,
    H: Host,
{
    /// On 8.4 DRBD calls every peer `peer`: asks the configuration for its host name. Only for words,
    /// and only once everything is undone: `drbdadm` takes its time.
    pub(super) fn name_peer(&mut self) -> Option<String> {
        let Some(Facts {
            found: Found::Up(resource),
            ..
        }) = &mut self.facts
        else {
            return None;
        };
        if resource.connections.iter().all(Connection::has_name) {
            return None;
        }
        let ask = || self.world.peer_name(resource, &self.time.work);
        let name = self.peer.get_or_init(ask).clone()?;
        resource.call_peers(&name);
        Some(name)
    }

    /// The same decision, with the peer's name in its words.
    pub(super) fn again(&mut self, policy: &Policy) -> Option<Refusal> {
        self.name_peer()?;
        match decide(self.action, self.facts.as_ref()?, policy) {
            Decision::Refuse(refusal) | Decision::Wait(refusal) => Some(refusal),
            _ => None,
        }
    }

    pub(super) fn named_warnings(
        &mut self,
        warnings: Vec<Warning>,
        policy: &Policy,
    ) -> Vec<Warning> {
        if warnings.is_empty() || self.name_peer().is_none() {
            return warnings;
        }
        match self
            .facts
            .as_ref()
            .map(|facts| decide(self.action, facts, policy))
        {
            Some(Decision::Proceed { warnings, .. }) => warnings,
            _ => warnings,
        }
    }

    /// The same comparison, with the peer's name in its words.
    pub(super) fn compared_again(
        &mut self,
        step: &Step,
        after: Option<Box<Resource>>,
        policy: &Policy,
    ) -> Option<Refusal> {
        let arrival = match step {
            Step::Confirm(arrival) => *arrival,
            Step::Drain => Arrival::IncomingMigration,
            _ => return None,
        };
        let mut after = after?;
        let name = self.name_peer()?;
        after.call_peers(&name);
        self.with_subject(policy, |_, subject, _| {
            subject.compare(Some(&after), arrival).err()
        })?
    }

    /// A removal that failed to the end: says who holds the device, and what to run.
    pub(super) fn with_openers(&self, outcome: Outcome) -> Outcome {
        let (Outcome::Failed(message) | Outcome::Deadline(message)) = &outcome else {
            return outcome;
        };
        if self.action != Action::Remove {
            return outcome;
        }
        let words = &message.words;
        let said = match self.facts.as_ref().and_then(Facts::resource) {
            Some(resource) if self.stuck => {
                let (name, who) = (&resource.name, self.world.who_holds(resource));
                let words = format!(
                    "{words}; {name} stays Primary here; {who}; when it is closed, run `drbdadm secondary {name}`"
                );
                Message::new(Code::StaysPrimary, words)
            }
            seen => match self.unseen_resource(seen) {
                Some(advice) => Message::new(message.code, format!("{words}; {advice}")),
                None => return outcome,
            },
        };
        match outcome {
            Outcome::Deadline(_) => Outcome::Deadline(said),
            _ => Outcome::Failed(said),
        }
    }

    /// What to do about a resource whose role nobody could read, by whatever is known of it.
    fn unseen_resource(&self, seen: Option<&Resource>) -> Option<String> {
        let named = self.asked.as_ref().and_then(|a| a.name.as_ref().ok());
        let name = seen.map(|r| &r.name).or(self.resource.as_ref());
        match (name, named.map(|n| &n.name)) {
            (Some(name), _) => Some(format!(
                "{name} may still be Primary here: see `drbdadm status {name}`; if it is, and nothing here uses it, run `drbdadm secondary {name}`"
            )),
            (None, Some(Name::Minor(minor))) => Some(format!(
                "{} may still be Primary here: see `drbdadm status`; if it is, and nothing here uses it, run `drbdadm secondary` for its resource",
                node(*minor)
            )),
            (None, _) => None,
        }
    }
}
