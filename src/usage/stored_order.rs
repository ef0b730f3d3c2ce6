//! Rows in stored order, by numbers instead of texts: each distinct text is compared a few times, however many rows
//! have it.

use hashbrown::HashMap;

use super::interner::{NONE, Texts};
use super::row::{Outcome, UsageRow};
use super::shared_str::Text;

/// All that tells a row from others of its day, in the order of the table's columns by which files are sorted, then of
/// all others. `T` stands for its texts.
pub(super) type Identity<T> = ([T; 11], Outcome, [T; 3], [bool; 2]);

/// Where the resource stands in an [`Identity`].
pub(super) const RESOURCE: usize = 5;

/// A row's identity; `of` says what stands for a text.
pub(super) fn identity<'r, T, U>(row: &'r UsageRow<U>, mut of: impl FnMut(Option<&'r U>) -> T) -> Identity<T> {
    let main = [
        Some(&row.account_id),
        Some(&row.principal_arn),
        Some(&row.event_source),
        Some(&row.event_name),
        row.action.as_ref(),
        Some(&row.resource),
        Some(&row.principal_type),
        row.permission_set.as_ref(),
        row.session_name.as_ref(),
        row.via.as_ref(),
        Some(&row.aws_region),
    ];
    let how = [Some(&row.confidence), Some(&row.rule), row.passed_to_service.as_ref()];
    (main.map(&mut of), row.outcome, how.map(of), [row.cross_account, row.overflow])
}

/// The rows in stored order, each with whether it counts the same use on the same day as the one before.
pub(super) fn ordered(rows: Vec<UsageRow>) -> impl Iterator<Item = (UsageRow, bool)> {
    let mut order: Vec<(Identity<u32>, usize)> = ranked(&rows).into_iter().zip(0..).collect();
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

/// The rows' identities, for each text its place in the order of all.
fn ranked(rows: &[UsageRow]) -> Vec<Identity<u32>> {
    let mut texts = Texts::new();
    // By where a text is, so that it is looked at but once.
    let mut numbers: HashMap<usize, u32, foldhash::fast::FixedState> = HashMap::default();
    let mut number = |text: &Text| *numbers.entry(text.place()).or_insert_with(|| texts.number_of(text));
    let mut number = |text: Option<&Text>| text.map_or(NONE, &mut number);
    let mut keys: Vec<Identity<u32>> = rows.iter().map(|row| identity(row, &mut number)).collect();
    let ranks = texts.ranks();
    let rank = |number: &mut u32| *number = ranks.get(*number as usize).copied().unwrap_or_default();
    for (main, _, how, _) in &mut keys {
        main.iter_mut().chain(how).for_each(rank);
    }
    keys
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_row() -> impl Strategy<Value = UsageRow> {
        let word = || prop_oneof![Just("a"), Just("b"), Just("")];
        let texts = [word(), word(), word(), word(), word(), word(), word(), word()];
        let options = [(); 5].map(|()| proptest::option::of(word()));
        (texts, options, any::<(bool, bool, bool)>(), 0..2, 0..3_i64).prop_map(|(texts, options, flags, date, time)| {
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
                overflow: flags.2,
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
