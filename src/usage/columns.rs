//! A batch of `events` seen as the resolver wants it: one [`iam::Event`](crate::iam::Event) a row.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, ListArray, StringArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType, UInt32Type};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use crate::iam::{Event, ResourceRef};
use crate::record::schema;

/// The columns of `events` that deriving usage needs; reading others would be waste.
#[rustfmt::skip]
pub const EVENT_COLUMNS: &[&str] = &[
    "event_date", "event_time", "event_id", "event_source", "event_name", "event_type", "event_category", "aws_region",
    "recipient_account_id", "principal_arn", "principal_type", "principal_account_id", "session_name", "permission_set",
    "source_ip_address", "vpc_endpoint_id", "mfa_authenticated", "error_code", "error_message", "shared_event_id",
    "user_identity_invoked_by", "request_parameters", "response_elements", "additional_event_data", "resources",
];

/// The columns of one batch, in plain `Utf8` whatever form the reader gave them.
#[derive(Debug)]
pub struct EventColumns {
    rows: usize,
    event_time: TimestampMicrosecondArray,
    event_id: StringArray,
    pub(super) event_source: Words,
    pub(super) event_name: Words,
    event_type: Words,
    event_category: Words,
    pub(super) aws_region: Words,
    pub(super) recipient_account_id: Words,
    pub(super) principal_arn: Words,
    pub(super) principal_type: Words,
    pub(super) principal_account_id: Words,
    pub(super) session_name: Words,
    pub(super) permission_set: Words,
    pub(super) source_ip_address: Words,
    pub(super) vpc_endpoint_id: Words,
    mfa_authenticated: BooleanArray,
    error_code: Words,
    error_message: StringArray,
    shared_event_id: StringArray,
    pub(super) invoked_by: Words,
    request_parameters: StringArray,
    response_elements: StringArray,
    additional_event_data: StringArray,
    resources: Resources,
}

/// The `resources` list with its members at hand.
#[derive(Debug)]
struct Resources {
    list: ListArray,
    arn: Words,
    account_id: Words,
    resource_type: Words,
    arn_prefix: Words,
}

/// A column whose values repeat, and the more so from one row to the next.
#[derive(Debug)]
pub(super) struct Words {
    texts: StringArray,
    /// Where each row's text stands among `texts`, or [`NOWHERE`]; `None` where there is one a row.
    places: Option<ScalarBuffer<u32>>,
}

/// The place of no text.
const NOWHERE: u32 = u32::MAX;

impl Words {
    fn try_new(batch: &RecordBatch, name: &str) -> Result<Self, ArrowError> {
        Words::of(named(batch, name)?)
    }

    fn of(column: &ArrayRef) -> Result<Self, ArrowError> {
        let dictionary = column.as_dictionary_opt::<UInt32Type>();
        let words = dictionary.and_then(|words| Some((words.values().as_string_opt::<i32>()?, words.keys())));
        Ok(match words {
            Some((texts, places)) => Words { texts: texts.clone(), places: Some(places_in(places)) },
            None => Words { texts: as_type(column, &DataType::Utf8)?.as_string::<i32>().clone(), places: None },
        })
    }

    pub fn value(&self, row: usize) -> Option<&str> {
        match &self.places {
            Some(places) => {
                let place = places.get(row).filter(|place| **place != NOWHERE)?;
                Some(self.texts.value(*place as usize))
            }
            None => value(&self.texts, row),
        }
    }

    /// Whether two rows are known to hold the same.
    pub fn is_same(&self, a: usize, b: usize) -> bool {
        match &self.places {
            Some(places) => places.get(a) == places.get(b),
            None => self.value(a) == self.value(b),
        }
    }
}

/// Places that say themselves where there is none, since every one is asked for, and several times.
fn places_in(places: &UInt32Array) -> ScalarBuffer<u32> {
    match places.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => places.values().clone(),
        Some(nulls) => {
            let places = places.values().iter().zip(nulls);
            places.map(|(place, is_there)| if is_there { *place } else { NOWHERE }).collect()
        }
    }
}

fn value(array: &StringArray, row: usize) -> Option<&str> {
    array.is_valid(row).then(|| array.value(row))
}

fn named<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    batch.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("the batch has no column {name}")))
}

fn as_type(column: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    if column.data_type() == data_type { Ok(column.clone()) } else { arrow::compute::cast(column, data_type) }
}

fn column(batch: &RecordBatch, name: &str, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    as_type(named(batch, name)?, data_type)
}

fn text(batch: &RecordBatch, name: &str) -> Result<StringArray, ArrowError> {
    Ok(column(batch, name, &DataType::Utf8)?.as_string::<i32>().clone())
}

/// Some rows of a batch: its [`EVENT_COLUMNS`], texts as `Utf8`, without the memory of the rest.
pub(super) fn plain_rows(batch: &RecordBatch, rows: &UInt32Array) -> Result<RecordBatch, ArrowError> {
    let schema = schema::events();
    let plain = |name: &&'static str| {
        let column = arrow::compute::take(named(batch, name)?, rows, None)?;
        Ok((*name, as_type(&column, schema.field_with_name(name)?.data_type())?, true))
    };
    let columns = EVENT_COLUMNS.iter().map(plain).collect::<Result<Vec<_>, ArrowError>>()?;
    RecordBatch::try_from_iter_with_nullable(columns)
}

impl Resources {
    fn try_new(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let column = named(batch, "resources")?;
        let [encoded, plain] = [schema::encoded(), schema::events()]
            .map(|schema| schema.field_with_name("resources").map(|field| field.data_type().clone()));
        let list = if *column.data_type() == encoded? { column.clone() } else { as_type(column, &plain?)? };
        let list = list.as_list::<i32>().clone();
        let members = list.values().as_struct();
        let member = |i: usize| Words::of(members.column(i));
        // The order of record::schema::RESOURCE_FIELDS.
        let (arn, account_id, resource_type, arn_prefix) = (member(0)?, member(1)?, member(2)?, member(3)?);
        Ok(Resources { list, arn, account_id, resource_type, arn_prefix })
    }

    #[expect(clippy::cast_sign_loss, reason = "Arrow's offsets are not negative")]
    #[expect(clippy::indexing_slicing, reason = "a row has an offset before and behind it")]
    fn of(&self, row: usize) -> impl Iterator<Item = ResourceRef<'_>> {
        let offsets = self.list.value_offsets();
        let items = if self.list.is_null(row) { 0..0 } else { offsets[row] as usize..offsets[row + 1] as usize };
        items.map(|i| ResourceRef {
            arn: self.arn.value(i),
            arn_prefix: self.arn_prefix.value(i),
            account_id: self.account_id.value(i),
            resource_type: self.resource_type.value(i),
        })
    }
}

impl EventColumns {
    /// Looks at a batch that has at least [`EVENT_COLUMNS`].
    ///
    /// # Errors
    /// When a column is missing or cannot be cast to its type in `events`.
    pub fn try_new(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        Ok(EventColumns {
            rows: batch.num_rows(),
            event_time: column(batch, "event_time", &time)?.as_primitive::<TimestampMicrosecondType>().clone(),
            event_id: text(batch, "event_id")?,
            event_source: Words::try_new(batch, "event_source")?,
            event_name: Words::try_new(batch, "event_name")?,
            event_type: Words::try_new(batch, "event_type")?,
            event_category: Words::try_new(batch, "event_category")?,
            aws_region: Words::try_new(batch, "aws_region")?,
            recipient_account_id: Words::try_new(batch, "recipient_account_id")?,
            principal_arn: Words::try_new(batch, "principal_arn")?,
            principal_type: Words::try_new(batch, "principal_type")?,
            principal_account_id: Words::try_new(batch, "principal_account_id")?,
            session_name: Words::try_new(batch, "session_name")?,
            permission_set: Words::try_new(batch, "permission_set")?,
            source_ip_address: Words::try_new(batch, "source_ip_address")?,
            vpc_endpoint_id: Words::try_new(batch, "vpc_endpoint_id")?,
            mfa_authenticated: column(batch, "mfa_authenticated", &DataType::Boolean)?.as_boolean().clone(),
            error_code: Words::try_new(batch, "error_code")?,
            error_message: text(batch, "error_message")?,
            shared_event_id: text(batch, "shared_event_id")?,
            invoked_by: Words::try_new(batch, "user_identity_invoked_by")?,
            request_parameters: text(batch, "request_parameters")?,
            response_elements: text(batch, "response_elements")?,
            additional_event_data: text(batch, "additional_event_data")?,
            resources: Resources::try_new(batch)?,
        })
    }

    /// Rows of the batch.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The entries of a row's `resources`.
    pub fn resources(&self, row: usize) -> Vec<ResourceRef<'_>> {
        self.resources.of(row).collect()
    }

    /// As [`EventColumns::resources`], into a list that is used again.
    pub(super) fn put_resources<'a>(&'a self, row: usize, resources: &mut Vec<ResourceRef<'a>>) {
        resources.clear();
        resources.extend(self.resources.of(row));
    }

    /// A row as the resolver wants it, with what [`EventColumns::resources`] gave for it.
    pub fn event<'a>(&'a self, row: usize, resources: &'a [ResourceRef<'a>]) -> Event<'a> {
        let principal_account_id = self.principal_account_id.value(row);
        Event {
            event_source: self.event_source.value(row).unwrap_or_default(),
            event_name: self.event_name.value(row).unwrap_or_default(),
            event_type: self.event_type.value(row),
            event_category: self.event_category.value(row),
            aws_region: self.aws_region.value(row),
            account_id: self.recipient_account_id.value(row).or(principal_account_id),
            principal_account_id,
            principal_arn: self.principal_arn.value(row),
            error_code: self.error_code.value(row),
            error_message: value(&self.error_message, row),
            request_parameters: value(&self.request_parameters, row),
            response_elements: value(&self.response_elements, row),
            additional_event_data: value(&self.additional_event_data, row),
            resources,
        }
    }

    /// `event_time`, microseconds since 1970-01-01 UTC.
    pub fn time_us(&self, row: usize) -> i64 {
        self.event_time.value(row)
    }

    /// `event_id`.
    pub fn event_id(&self, row: usize) -> Option<&str> {
        value(&self.event_id, row)
    }

    /// `principal_arn`.
    pub fn principal_arn(&self, row: usize) -> Option<&str> {
        self.principal_arn.value(row)
    }

    /// `principal_type`.
    pub fn principal_type(&self, row: usize) -> Option<&str> {
        self.principal_type.value(row)
    }

    /// `principal_account_id`.
    pub fn principal_account_id(&self, row: usize) -> Option<&str> {
        self.principal_account_id.value(row)
    }

    /// `recipient_account_id`.
    pub fn recipient_account_id(&self, row: usize) -> Option<&str> {
        self.recipient_account_id.value(row)
    }

    /// `session_name`.
    pub fn session_name(&self, row: usize) -> Option<&str> {
        self.session_name.value(row)
    }

    /// `permission_set`.
    pub fn permission_set(&self, row: usize) -> Option<&str> {
        self.permission_set.value(row)
    }

    /// `source_ip_address`.
    pub fn source_ip_address(&self, row: usize) -> Option<&str> {
        self.source_ip_address.value(row)
    }

    /// `vpc_endpoint_id`.
    pub fn vpc_endpoint_id(&self, row: usize) -> Option<&str> {
        self.vpc_endpoint_id.value(row)
    }

    /// `mfa_authenticated`.
    pub fn mfa_authenticated(&self, row: usize) -> Option<bool> {
        self.mfa_authenticated.is_valid(row).then(|| self.mfa_authenticated.value(row))
    }

    /// `shared_event_id`.
    pub fn shared_event_id(&self, row: usize) -> Option<&str> {
        value(&self.shared_event_id, row)
    }

    /// `user_identity_invoked_by`.
    pub fn invoked_by(&self, row: usize) -> Option<&str> {
        self.invoked_by.value(row)
    }
}
