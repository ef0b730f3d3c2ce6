//! What commands say of a store and of usage: plain values with a JSON form, one file a command.
//!
//! A report is made of what the rooms before this one know. Its JSON form is its `Serialize`; printing it for people is
//! left to the command line, but for what is text by its nature.

pub mod actions;
pub mod catalog;
pub mod chains;
pub mod coverage;
mod day;
pub mod diff;
pub mod due;
pub mod everyone;
pub mod evidence;
pub mod explain;
pub(crate) mod findings;
pub mod history;
pub mod html;
pub mod oddities;
pub mod overview;
pub mod rightsize;
pub mod rows;
pub mod run;
pub mod status;
pub mod trust;
pub mod unused;
pub mod watch;

pub use day::Day;
