//! The replication link and the hosts at its ends: cut, noticed, restored; crashed, booted.

use crate::handshake;
use crate::state::Connection;
use crate::world::{HOSTS, World};
use anyhow::Result;

impl World {
    /// Cuts the replication link; both sides notice at once.
    ///
    /// # Errors
    /// When the world cannot be read or written.
    pub fn cut_link(&self) -> Result<()> {
        self.cut_link_unnoticed()?;
        self.notice()
    }

    /// Cuts the replication link; both sides go on believing that they are connected.
    ///
    /// # Errors
    /// When the world cannot be read or written.
    pub fn cut_link_unnoticed(&self) -> Result<()> {
        self.edit_state(|state| {
            state.link_up = false;
            Ok(())
        })
    }

    /// Both sides notice that the link is cut.
    ///
    /// # Errors
    /// When the world cannot be read or written.
    pub fn notice(&self) -> Result<()> {
        HOSTS.iter().try_for_each(|host| self.notice_on(host))
    }

    /// One side notices that the link is cut, or the peer gone.
    ///
    /// # Errors
    /// When there is no such host, or the world cannot be read or written.
    pub fn notice_on(&self, host: &str) -> Result<()> {
        let index = self.store.lock()?.state.host(host)?;
        self.edit_all(|resource, state| {
            if !state.reaches() {
                handshake::lose_peer(resource, index, state.generation);
            }
        })
    }

    /// The link works again; whoever looks for its peer finds it.
    ///
    /// # Errors
    /// When the world cannot be read or written.
    pub fn restore_link(&self) -> Result<()> {
        self.edit_state(|state| {
            state.link_up = true;
            Ok(())
        })?;
        self.meet()
    }

    /// The time until the next attempt to connect is over.
    ///
    /// # Errors
    /// When the world cannot be read or written.
    pub fn retry(&self) -> Result<()> {
        self.meet()
    }

    fn meet(&self) -> Result<()> {
        self.edit_all(|resource, state| {
            handshake::meet(resource, state.generation, state.reaches());
        })
    }

    /// Powers a host off without warning; the other one has not noticed yet.
    ///
    /// # Errors
    /// When there is no such host, or the world cannot be read or written.
    pub fn crash(&self, host: &str) -> Result<()> {
        self.edit_state(|state| {
            let index = state.host(host)?;
            state.hosts[index].crashed = true;
            Ok(())
        })
    }

    /// Boots a crashed host again: its resources are Secondary and look for their peer.
    ///
    /// # Errors
    /// When there is no such host, or the world cannot be read or written.
    pub fn boot(&self, host: &str) -> Result<()> {
        let mut index = 0;
        self.edit_state(|state| {
            index = state.host(host)?;
            state.hosts[index].crashed = false;
            Ok(())
        })?;
        self.edit_all(|resource, state| {
            let mut booted = state.clone();
            let side = &mut resource.sides[index];
            if let Some(number) = side.up.take() {
                side.connection = Connection::StandAlone;
                booted.next_up = number;
                // The other side has long noticed by the time this one is back.
                handshake::lose_peer(resource, 1 - index, state.generation);
                crate::administration::up(resource, &mut booted, index);
            }
        })
    }
}
