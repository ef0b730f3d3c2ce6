//! One CloudTrail record → Arrow columns; the schema; who the principal is. And back.
//!
//! `object` scans the JSON of a log object (`scan`) into places of known fields (`fields`, `schema`), `dictionaries`
//! numbers the words that repeat (`string_interner`), `repeated_objects` knows objects that repeat, `redact` masks secrets, `identity`
//! tells events apart, `principal` says who it was, `encode` puts records in order and copies them into `columns`,
//! `extras` keeps what has no column, `restore` gives a record back.

mod columns;
mod dictionaries;
mod encode;
mod error;
mod extras;
mod fields;
mod identity;
mod json_string;
mod object;
mod positions;
mod principal;
mod redact;
mod repeated_objects;
mod resource_list;
mod restore;
mod scanned_value;
pub mod schema;
mod string_interner;
mod timestamp;

pub use dictionaries::Dictionaries;
pub(crate) use encode::BATCH_BYTES;
pub use encode::encode;
pub use error::{BrokenRecord, ParseError};
pub use identity::{EVENT_KEY_COLUMNS, key_of_record, stored_event_key};
pub use object::{ParsedObject, Record};
pub use principal::{Identity, Principal, permission_set, principal};
pub use redact::{HIDDEN, Redacted, SECRET_ENDS, SECRET_FIELDS, SECRET_VARIABLE_ENDS, redact};
pub use restore::to_json;
