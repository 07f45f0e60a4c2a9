//! A model of two hosts with the program, DRBD, a guest and the toolstack, for a model checker.

pub mod check;
pub mod event;
pub mod guard;
mod happen;
pub mod model;
pub mod models;
pub mod mutants;
mod possible;
pub mod program;
pub mod properties;
pub mod setting;
pub mod settle;
pub mod steps;
pub mod world;
