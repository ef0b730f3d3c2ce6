//! Every file in a container and in the containers in it, one after the other, for who needs no other order and no more
//! than one thread.

use super::super::at::At;
use super::super::error::ReadFault;
use super::meter::Limits;
use super::packed::Packed;
use super::walk::{Event, Held, Refusal, Walk};

/// What is come to.
pub enum Visit<'a> {
    /// A file, with its name below the container and its bytes.
    Held(&'a str, &'a Packed),
    /// A file that is larger than what is held, to be read by [`Walk::read`] or [`Walk::content`].
    Large(&'a str, &'a mut Walk),
    /// What is not taken.
    Refused(&'a Refusal),
}

/// Visits every file; those of up to `hold_bytes` with their bytes. `visit` says whether to go on.
///
/// # Errors
/// A file that can't be opened.
pub fn each_member<'a>(
    at: impl Into<At<'a>>,
    limits: &Limits,
    hold_bytes: u64,
    visit: &mut dyn FnMut(Visit<'_>) -> bool,
) -> Result<(), ReadFault> {
    let mut walks = vec![Walk::open(at, limits)?];
    while let Some(walk) = walks.last_mut() {
        let goes_on = match walk.advance() {
            None => {
                walks.pop();
                true
            }
            Some(Event::Refused(refusal)) => visit(Visit::Refused(&refusal)),
            Some(Event::Member(member)) => match walk.hold(hold_bytes) {
                Ok(Held::All(packed)) if packed.is_container() => {
                    match Walk::of_packed(packed, &member.name, &walk.within()) {
                        Ok(inner) => {
                            walks.extend(inner);
                            true
                        }
                        Err(refusal) => visit(Visit::Refused(&refusal)),
                    }
                }
                Ok(Held::All(packed)) => visit(Visit::Held(&member.name, &packed)),
                Ok(Held::Large(_)) => visit(Visit::Large(&member.name, walk)),
                Err(fault) => {
                    let reason = fault.to_string();
                    visit(Visit::Refused(&Refusal { name: member.name, reason, offset_bytes: None }))
                }
            },
        };
        if !goes_on {
            return Ok(());
        }
    }
    Ok(())
}
