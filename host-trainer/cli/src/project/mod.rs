//! A project: from the user's data to a commented configuration, and the state of a run.

pub mod proposal;
mod sensors;
mod sound;
pub mod state;
mod template;
