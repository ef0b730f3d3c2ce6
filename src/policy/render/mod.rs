//! Policies as files: each format through a library that knows it.

pub mod access_analyzer;
pub mod cloudformation;
pub mod json;
pub mod markdown;
pub mod terraform;

/// A name as identifiers have it: letters, digits and `other`, beginning with a letter.
fn identifier(name: &str, other: Option<char>) -> String {
    let kept: String = name.chars().filter_map(|c| if c.is_ascii_alphanumeric() { Some(c) } else { other }).collect();
    if kept.starts_with(|c: char| c.is_ascii_alphabetic()) { kept } else { format!("P{kept}") }
}
