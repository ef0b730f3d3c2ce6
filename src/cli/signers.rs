//! Whose keys digests name.

use std::collections::BTreeSet;

use super::Context;
use crate::util::shown;
use crate::verify::Signers;

/// Says whose keys are not among those that were given.
pub(super) fn say_signers(signers: &Signers, context: &Context) {
    let Signers { known, unknown, fingerprints, regions } = signers;
    if *unknown == 0 {
        return;
    }
    let list = |names: &BTreeSet<String>| names.iter().map(|name| shown::name(name)).collect::<Vec<_>>().join(", ");
    let what = match known {
        0 => "no signature can be checked: no digest names a key that is".to_owned(),
        _ => format!("the signatures of {unknown} of {} digests can't be checked: their keys are not", known + unknown),
    };
    context.warn(&format!(
        "{what} in the file of public keys (they name {})\n\
         hint: `aws cloudtrail list-public-keys --start-time … --end-time … --region …`, over the time of the digests, \
         for each of {}",
        list(fingerprints),
        list(regions)
    ));
}
