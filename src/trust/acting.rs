//! Sessions of roles as they act: who they are, and what they tell of how they came about.

use arrow::array::{Array, AsArray, PrimitiveArray, StringArray};
use arrow::datatypes::{Int32Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;

use crate::record::HIDDEN;
use crate::store::{Snapshot, Table, read_dictionaries};
use crate::usage::{Cover, ReadError, TimeRange};

/// A session in some records that come one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Acting<'a> {
    /// ARN of the role.
    pub role_arn: &'a str,
    /// Name of the session.
    pub session_name: &'a str,
    /// Its access key; empty where records have none.
    pub key: &'a str,
    /// How an instance got its credentials: `ec2RoleDelivery`.
    pub ec2_delivery: &'a str,
    /// For whom credentials were made: `inScopeOf.issuerType`.
    pub issuer_type: &'a str,
    /// `webIdFederationData.federatedProvider`.
    pub web_provider: &'a str,
    /// `webIdFederationData.attributes`, JSON.
    pub web_attributes: &'a str,
    /// `sourceIdentity`.
    pub source_identity: &'a str,
    /// When it was made, microseconds since 1970-01-01 UTC.
    pub created_us: Option<i64>,
    /// First and last record of these.
    pub times_us: (i64, i64),
    /// How many they are.
    pub events: u64,
}

const WORDS: [&str; 9] = [
    "principal_arn",
    "session_name",
    "user_identity_access_key_id",
    "session_ec2_role_delivery",
    "in_scope_of_issuer_type",
    "web_id_federation_provider",
    "web_id_federation_attributes",
    "session_source_identity",
    "principal_type",
];

/// One column's texts and where each row's stands.
struct Words {
    keys: PrimitiveArray<Int32Type>,
    texts: StringArray,
}

impl Words {
    fn of(batch: &RecordBatch, name: &str) -> Option<Words> {
        let column = batch.column_by_name(name)?.as_dictionary_opt::<Int32Type>()?;
        Some(Words { keys: column.keys().clone(), texts: column.values().as_string_opt::<i32>()?.clone() })
    }

    /// The place of a row's text; none is -1.
    fn place(&self, row: usize) -> i32 {
        if self.keys.is_valid(row) { self.keys.value(row) } else { -1 }
    }

    fn text(&self, place: i32) -> &str {
        match usize::try_from(place) {
            Ok(at) if at < self.texts.len() && self.texts.is_valid(at) => self.texts.value(at),
            _ => "",
        }
    }
}

/// Hands out the sessions of roles that act in a window, again and again.
///
/// # Errors
/// The store.
pub(super) fn each_acting(
    snapshot: &Snapshot,
    range: &TimeRange,
    take: &mut dyn FnMut(&Acting<'_>) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let columns: Vec<&str> = WORDS.into_iter().chain(["event_time", "session_creation_date"]).collect();
    for file in snapshot.files(Table::Events).iter().filter(|file| range.cover(file.event_date) != Cover::None) {
        for batch in read_dictionaries(file, &columns)? {
            let batch = batch?;
            let words: Vec<Words> = WORDS.iter().filter_map(|name| Words::of(&batch, name)).collect();
            let Ok(words) = <[Words; 9]>::try_from(words) else { continue };
            let times = |name: &str| {
                let column = batch.column_by_name(name)?.as_primitive_opt::<TimestampMicrosecondType>()?;
                Some(column.clone())
            };
            let (Some(times), Some(created)) = (times("event_time"), times("session_creation_date")) else { continue };
            let value =
                |of: &PrimitiveArray<TimestampMicrosecondType>, row: usize| of.is_valid(row).then(|| of.value(row));
            let mut run: Option<Run> = None;
            for row in 0..batch.num_rows() {
                let Some(time) = value(&times, row).filter(|time| range.contains(*time)) else { continue };
                let places = words.each_ref().map(|words| words.place(row));
                let of = value(&created, row);
                match &mut run {
                    Some((known, made, (first, last), events)) if *known == places && *made == of => {
                        (*first, *last, *events) = ((*first).min(time), (*last).max(time), *events + 1);
                    }
                    _ => {
                        hand_out(run.take(), &words, take)?;
                        run = Some((places, of, (time, time), 1));
                    }
                }
            }
            hand_out(run, &words, take)?;
        }
    }
    Ok(())
}

type Run = ([i32; 9], Option<i64>, (i64, i64), u64);

fn hand_out(
    run: Option<Run>,
    words: &[Words; 9],
    take: &mut dyn FnMut(&Acting<'_>) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let Some((places, created_us, times_us, events)) = run else { return Ok(()) };
    let mut texts = words.iter().zip(places).map(|(words, place)| words.text(place));
    let mut next = || texts.next().unwrap_or_default();
    let acting = Acting {
        role_arn: next(),
        session_name: next(),
        key: next(),
        ec2_delivery: next(),
        issuer_type: next(),
        web_provider: next(),
        web_attributes: next(),
        source_identity: next(),
        created_us,
        times_us,
        events,
    };
    let kind = next();
    let acting = Acting { key: if acting.key == HIDDEN { "" } else { acting.key }, ..acting };
    if kind == "AssumedRole" && !acting.role_arn.is_empty() { take(&acting) } else { Ok(()) }
}
