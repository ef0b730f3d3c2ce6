//! The policy language: documents and their evaluation.

pub mod document;
pub mod evaluate;
