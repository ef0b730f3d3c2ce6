//! Rows in stored order, by numbers instead of texts: each distinct text is compared a few times, however many rows have
//! it.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::row::{Outcome, UsageRow};
use super::text::Text;

/// All but the day and the counts, texts by their ranks among all texts, in the order of the
/// table's columns by which files are sorted, then of all others.
type Key = ([u32; 11], Outcome, [u32; 3], bool);

/// The rows in stored order, each with whether it counts the same use on the same day as the one before.
pub(super) fn ordered(rows: Vec<UsageRow>) -> impl Iterator<Item = (UsageRow, bool)> {
    let mut order: Vec<(Key, usize)> = keys(&rows).into_iter().zip(0..).collect();
    order.sort_unstable_by(|(a, row_a), (b, row_b)| {
        let rest = |row: &usize| rows.get(*row).map(|row| (row.event_date, row.first_time_us, &row.example_event_id));
        a.cmp(b).then_with(|| rest(row_a).cmp(&rest(row_b)))
    });
    let mut rows: Vec<Option<UsageRow>> = rows.into_iter().map(Some).collect();
    let mut before = None;
    order.into_iter().filter_map(move |(key, place)| {
        let row = rows.get_mut(place)?.take()?;
        let now = Some((key, row.event_date));
        let is_same = before == now;
        before = now;
        Some((row, is_same))
    })
}

fn keys(rows: &[UsageRow]) -> Vec<Key> {
    let mut numbers = Numbers::default();
    let mut keys: Vec<Key> = rows.iter().map(|row| numbers.key(row)).collect();
    let ranks = numbers.ranks();
    let rank = |number: &mut u32| *number = ranks.get(*number as usize).copied().unwrap_or_default();
    for (main, _, how, _) in &mut keys {
        main.iter_mut().chain(how).for_each(rank);
    }
    keys
}

/// Texts by number; 0 is none, which comes before all.
#[derive(Default)]
struct Numbers<'a> {
    /// By where a text is, so that it is looked at but once.
    by_place: HashMap<usize, u32, foldhash::fast::FixedState>,
    by_text: HashMap<&'a str, u32, foldhash::fast::RandomState>,
    texts: Vec<&'a str>,
}

impl<'a> Numbers<'a> {
    fn number(&mut self, text: &'a Text) -> u32 {
        match self.by_place.entry(text.place()) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let next = self.texts.len() as u32 + 1;
                let number = *self.by_text.entry(text.as_str()).or_insert(next);
                if number == next {
                    self.texts.push(text.as_str());
                }
                *entry.insert(number)
            }
        }
    }

    fn key(&mut self, row: &'a UsageRow) -> Key {
        let mut number = |text: Option<&'a Text>| text.map_or(0, |text| self.number(text));
        let main = [
            number(Some(&row.account_id)),
            number(Some(&row.principal_arn)),
            number(Some(&row.event_source)),
            number(Some(&row.event_name)),
            number(row.action.as_ref()),
            number(Some(&row.resource)),
            number(Some(&row.principal_type)),
            number(row.permission_set.as_ref()),
            number(row.session_name.as_ref()),
            number(row.via.as_ref()),
            number(Some(&row.aws_region)),
        ];
        let how = [number(Some(&row.confidence)), number(Some(&row.rule)), number(row.passed_to_service.as_ref())];
        (main, row.outcome, how, row.cross_account)
    }

    /// For each number its text's place in the order of all.
    fn ranks(&self) -> Vec<u32> {
        let mut order: Vec<(&str, u32)> = self.texts.iter().copied().zip(1..).collect();
        order.sort_unstable();
        let mut ranks = vec![0; order.len() + 1];
        for ((_, number), rank) in order.into_iter().zip(1..) {
            if let Some(place) = ranks.get_mut(number as usize) {
                *place = rank;
            }
        }
        ranks
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_row() -> impl Strategy<Value = UsageRow> {
        let word = || prop_oneof![Just("a"), Just("b"), Just("")];
        let texts = [word(), word(), word(), word(), word(), word(), word(), word()];
        let options = [(); 5].map(|()| proptest::option::of(word()));
        (texts, options, any::<(bool, bool)>(), 0..2, 0..3_i64).prop_map(|(texts, options, flags, date, time)| {
            let [account, principal, kind, resource, rule, source, name, region] = texts.map(Text::from);
            let [set, session, action, passed, via] = options.map(|text| text.map(Text::from));
            UsageRow {
                event_date: date,
                account_id: account,
                principal_arn: principal,
                principal_type: kind,
                permission_set: set,
                session_name: session,
                action,
                resource,
                outcome: if flags.0 { Outcome::Allowed } else { Outcome::Denied },
                rule,
                passed_to_service: passed,
                event_source: source,
                event_name: name,
                aws_region: region,
                via,
                confidence: "stated".into(),
                event_count: 1,
                first_time_us: time,
                last_time_us: time,
                example_event_id: "e".into(),
                cross_account: flags.1,
                origin: None,
            }
        })
    }

    proptest! {
        #[test]
        fn numbers_order_rows_as_their_texts_do(rows in proptest::collection::vec(any_row(), 0..40)) {
            let mut expected = rows.clone();
            expected.sort_by(UsageRow::stored_order);
            let (found, same): (Vec<UsageRow>, Vec<bool>) = ordered(rows).unzip();
            let pairs = expected.windows(2).map(|pair| UsageRow::same_use(&pair[0], &pair[1]));
            let expected_same: Vec<bool> = expected.first().map(|_| false).into_iter().chain(pairs).collect();
            prop_assert_eq!(same, expected_same);
            prop_assert_eq!(found, expected);
        }
    }
}
