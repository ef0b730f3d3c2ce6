//! Statements into as many policies as it takes, none larger than allowed.

use std::collections::BTreeSet;

use super::layout::Layout;
use super::sid;
use super::statement::Draft;
use crate::iam::document::Policy;

/// A statement that does not fit a policy of its own, however it is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge {
    pub(crate) service: String,
    pub(crate) size: usize,
}

/// Policies of at most `size_max` characters that together allow what `drafts` allow. A statement goes into the first
/// policy that has room; one that is too large for any is cut by its actions, then by its resources.
pub(crate) fn split(drafts: &[Draft], size_max: usize, layout: Layout) -> Result<Vec<Vec<Draft>>, TooLarge> {
    if size(drafts, layout) <= size_max {
        return Ok(vec![drafts.to_vec()]);
    }
    let mut parts = Vec::new();
    for draft in drafts {
        cut(draft, size_max, layout, &mut parts)?;
    }
    let mut bins: Vec<(usize, Vec<Draft>)> = Vec::new();
    for draft in parts {
        let size = size_with_sid(&draft, layout);
        match bins.iter_mut().find(|(used, _)| used + size <= size_max) {
            Some((used, bin)) => {
                *used += size;
                bin.push(draft);
            }
            None => bins.push((EMPTY + size, vec![draft])),
        }
    }
    Ok(bins.into_iter().map(|(_, bin)| bin).collect())
}

/// Of one policy with all of them, exactly.
fn size(drafts: &[Draft], layout: Layout) -> usize {
    let statements = sid::names(drafts, layout).into_iter().zip(drafts).map(|(name, draft)| draft.to_statement(name));
    Policy::new(statements.collect()).size()
}

/// `{"Version":"2012-10-17","Statement":[]}`.
const EMPTY: usize = 39;

/// More than a name is made longer by its number, and the comma between statements.
const NUMBERING: usize = 6;

fn size_with_sid(draft: &Draft, layout: Layout) -> usize {
    size(std::slice::from_ref(draft), layout).saturating_sub(EMPTY) + NUMBERING
}

fn cut(draft: &Draft, size_max: usize, layout: Layout, parts: &mut Vec<Draft>) -> Result<(), TooLarge> {
    let size = size_with_sid(draft, layout) + EMPTY;
    if size <= size_max {
        parts.push(draft.clone());
        return Ok(());
    }
    // The longer list is halved, so that the other is repeated least.
    let length = |texts: &BTreeSet<String>| texts.iter().map(String::len).sum::<usize>();
    let by_actions =
        draft.actions.len() > 1 && (length(&draft.actions) >= length(&draft.resources) || draft.resources.len() == 1);
    let list = if by_actions { &draft.actions } else { &draft.resources };
    if list.len() < 2 {
        return Err(TooLarge { service: draft.service.clone(), size });
    }
    let half = list.len() / 2;
    let halves: [BTreeSet<String>; 2] =
        [list.iter().take(half).cloned().collect(), list.iter().skip(half).cloned().collect()];
    for half in halves {
        let mut part = Draft { is_part: true, ..draft.clone() };
        if by_actions {
            part.actions = half;
        } else {
            part.resources = half;
        }
        cut(&part, size_max, layout, parts)?;
    }
    Ok(())
}
