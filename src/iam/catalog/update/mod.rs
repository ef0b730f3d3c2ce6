//! A newer catalogue out of what AWS publishes, without a generator: Service Reference JSON put into a catalogue.
//!
//! The result is one whole catalogue, so that whatever asks, asks the same.

pub mod merge;
pub mod reference;
