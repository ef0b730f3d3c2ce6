//! The parameters that may hold a variable of an ARN form.

use crate::iam::request::name::{Name, Ranked};

/// The parameters that may hold a variable.
#[derive(Clone, Debug)]
pub(in crate::iam) struct VariableParameters {
    /// Those whose names say what they are, wherever they stand, the likeliest first.
    pub candidates: Ranked,
    /// Parameters at the top, or in one that is called like the type, that hold it if those don't: what the operation's
    /// own name says needs no name of its own.
    pub plain: Vec<Name>,
    /// The same for what is known to fill it, where nothing else takes it.
    pub left_over: Vec<Name>,
    /// In which parameters those may stand: `databaseInput`.
    pub wrappers: Vec<Name>,
    /// Lists at the top whose objects are of the type, and what holds its name in each: `fields` of `{"id":"…"}`.
    pub lists: Vec<Name>,
    pub members: Vec<Name>,
    /// Parameters that name additional ones, whatever the others say.
    pub additional: Vec<Name>,
    /// Where it is on two of them.
    pub copies: Option<Copies>,
}

/// The parameters that say of what a copy is made, and what it becomes.
#[derive(Clone, Debug)]
pub(in crate::iam) struct Copies {
    pub sources: Ranked,
    pub targets: Ranked,
    /// Whether there is a copy even where the request doesn't say what it becomes.
    pub is_made: bool,
}
