//! Where a use's calls came from and how their callers had signed in: what conditions can be made of.

use std::cmp::Ordering;

use super::shared_str::Text;

/// Distinct texts kept of one kind: who calls from more places than this cannot be bound to them anyway, and the list
/// of what anybody may call from must not grow without end.
pub(crate) const KEPT_MAX: usize = 16;

/// The smallest of a set, and whether there were more: sums of sums are the sum of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smallest<T> {
    /// In ascending order, none twice.
    pub items: Vec<T>,
    /// Whether others were left out.
    pub more: bool,
}

/// The origins of all calls of a row. `T` is a text, or its number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin<T = Text> {
    /// `sourceIPAddress` of the calls that came through no VPC endpoint: an address, a service's host name,
    /// `AWS Internal`, or empty where the record has none. Calls through an endpoint have no `aws:SourceIp`.
    pub source_ips: Smallest<T>,
    /// `vpcEndpointId` of the calls that came through one.
    pub vpc_endpoint_ids: Smallest<T>,
    /// Some call came through none.
    pub without_vpc_endpoint: bool,
    /// Some call's session was made with MFA (`mfaAuthenticated` is true).
    pub with_mfa: bool,
    /// Some call's session was made without.
    pub without_mfa: bool,
    /// Some call's record doesn't say.
    pub mfa_not_recorded: bool,
}

/// The origin of one call.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallOrigin<T> {
    pub source_ip: T,
    pub vpc_endpoint_id: Option<T>,
    pub mfa: Option<bool>,
}

impl<T> Default for Smallest<T> {
    fn default() -> Self {
        Smallest { items: Vec::new(), more: false }
    }
}

impl<T> Smallest<T> {
    /// Adds one; `order` compares what is held with it.
    fn insert_by(&mut self, item: T, order: impl Fn(&T) -> Ordering) {
        match self.items.binary_search_by(order) {
            Ok(_) => {}
            Err(at) if at >= KEPT_MAX => self.more = true,
            Err(at) => {
                self.items.insert(at, item);
                if self.items.len() > KEPT_MAX {
                    self.items.pop();
                    self.more = true;
                }
            }
        }
    }

    fn map<U>(&self, of: impl Fn(&T) -> U) -> Smallest<U> {
        Smallest { items: self.items.iter().map(of).collect(), more: self.more }
    }
}

impl<T: Clone> Smallest<T> {
    fn absorb_by(&mut self, other: &Smallest<T>, order: impl Fn(&T, &T) -> Ordering) {
        self.more |= other.more;
        for item in &other.items {
            self.insert_by(item.clone(), |held| order(held, item));
        }
    }
}

impl<T: Copy + PartialEq> Origin<T> {
    /// Adds a call; `order` is that of the texts.
    pub(super) fn add(&mut self, call: &CallOrigin<T>, order: impl Fn(&T, &T) -> Ordering) {
        match call.vpc_endpoint_id {
            Some(id) if self.vpc_endpoint_ids.items.contains(&id) => {}
            Some(id) => self.vpc_endpoint_ids.insert_by(id, |held| order(held, &id)),
            None => {
                self.without_vpc_endpoint = true;
                if !self.source_ips.items.contains(&call.source_ip) {
                    self.source_ips.insert_by(call.source_ip, |held| order(held, &call.source_ip));
                }
            }
        }
        match call.mfa {
            Some(true) => self.with_mfa = true,
            Some(false) => self.without_mfa = true,
            None => self.mfa_not_recorded = true,
        }
    }
}

impl<T> Origin<T> {
    /// With the texts themselves.
    pub(super) fn map<U>(&self, of: impl Fn(&T) -> U) -> Origin<U> {
        Origin {
            source_ips: self.source_ips.map(&of),
            vpc_endpoint_ids: self.vpc_endpoint_ids.map(&of),
            without_vpc_endpoint: self.without_vpc_endpoint,
            with_mfa: self.with_mfa,
            without_mfa: self.without_mfa,
            mfa_not_recorded: self.mfa_not_recorded,
        }
    }
}

impl<T: Clone> Origin<T> {
    /// Adds the calls of another row; `order` is that of the texts.
    pub(super) fn absorb_by(&mut self, other: &Origin<T>, order: impl Fn(&T, &T) -> Ordering) {
        self.source_ips.absorb_by(&other.source_ips, &order);
        self.vpc_endpoint_ids.absorb_by(&other.vpc_endpoint_ids, &order);
        self.without_vpc_endpoint |= other.without_vpc_endpoint;
        self.with_mfa |= other.with_mfa;
        self.without_mfa |= other.without_mfa;
        self.mfa_not_recorded |= other.mfa_not_recorded;
    }
}

impl Origin<u32> {
    /// Puts other numbers in the place of its own.
    pub(super) fn renumber(&mut self, mut number: impl FnMut(u32) -> u32) {
        for item in self.source_ips.items.iter_mut().chain(&mut self.vpc_endpoint_ids.items) {
            *item = number(*item);
        }
    }
}

impl Origin {
    /// Adds the calls of another row.
    pub fn absorb(&mut self, other: &Origin) {
        self.absorb_by(other, Text::cmp);
    }

    /// The sum of two rows' origins; where one was not recorded, that of the sum is not known.
    pub(crate) fn sum(held: &mut Option<Origin>, other: Option<&Origin>) {
        match (held.as_mut(), other) {
            (Some(held), Some(other)) => held.absorb(other),
            _ => *held = None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn call() -> impl Strategy<Value = CallOrigin<u8>> {
        (0..40_u8, proptest::option::of(0..30_u8), any::<Option<bool>>())
            .prop_map(|(source_ip, vpc_endpoint_id, mfa)| CallOrigin { source_ip, vpc_endpoint_id, mfa })
    }

    fn of(calls: &[CallOrigin<u8>]) -> Origin {
        let mut origin = Origin::default();
        calls.iter().for_each(|call| origin.add(call, u8::cmp));
        origin.map(|number| Text::from(format!("{number:03}")))
    }

    proptest! {
        /// However calls are parted and in whatever order the parts are added, the sum is that of all calls.
        #[test]
        fn sums_of_sums_are_the_sum_of_all(calls in proptest::collection::vec(call(), 0..120), cuts: [u8; 2]) {
            let mut at = cuts.map(|cut| usize::from(cut) % (calls.len() + 1));
            at.sort_unstable();
            let parts = [of(&calls[..at[0]]), of(&calls[at[0]..at[1]]), of(&calls[at[1]..])];
            for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
                let mut sum = parts[order[0]].clone();
                order[1..].iter().for_each(|part| sum.absorb(&parts[*part]));
                prop_assert_eq!(&sum, &of(&calls));
            }
            let distinct: std::collections::BTreeSet<u8> =
                calls.iter().filter(|c| c.vpc_endpoint_id.is_none()).map(|c| c.source_ip).collect();
            let smallest: Vec<Text> = distinct.iter().take(KEPT_MAX).map(|n| format!("{n:03}").into()).collect();
            let ips = of(&calls).source_ips;
            prop_assert_eq!((ips.items, ips.more), (smallest, distinct.len() > KEPT_MAX));
        }
    }

    #[test]
    fn what_was_not_recorded_stays_unknown() {
        let known = of(&[CallOrigin { source_ip: 1, vpc_endpoint_id: None, mfa: None }]);
        for (mut held, other) in [(Some(known.clone()), None), (None, Some(&known)), (None, None)] {
            Origin::sum(&mut held, other);
            assert_eq!(held, None);
        }
    }
}
