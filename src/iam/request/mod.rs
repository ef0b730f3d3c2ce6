//! What a request and its response say, and what of it was read.

pub mod json_tape;
pub mod params;
pub mod read_set;
pub mod response;
pub mod tag_parameters;
