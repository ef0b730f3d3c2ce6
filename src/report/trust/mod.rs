//! Who took which role, and the trust policy for that.

mod text;
mod value;

pub use text::{markdown, section, text};
pub use value::{TrustValue, trust_value};
