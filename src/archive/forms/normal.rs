//! What bringing an object to its main form gives.

/// The events of an object.
#[derive(Debug)]
pub struct Normal {
    /// `{"Records":[…]}`.
    pub json: Vec<u8>,
    /// Of each record its position among the object's elements and its place there; `None` where `json` is the
    /// object's own.
    pub places: Option<Vec<(u64, u64)>>,
    /// Elements that hold no event.
    pub refused: Vec<RefusedElement>,
}

/// An element of an object that holds no event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedElement {
    /// Its position among the elements, from 0.
    pub index: u64,
    /// Where it begins in the inflated bytes.
    pub offset_bytes: u64,
    /// Why.
    pub reason: String,
}
