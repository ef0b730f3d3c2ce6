//! A batch of `events` seen as the IAM step wants it: one [`iam::Event`](crate::iam::Event) a row.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use crate::iam::{Event, ResourceRef};

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
    event_source: StringArray,
    event_name: StringArray,
    event_type: StringArray,
    event_category: StringArray,
    aws_region: StringArray,
    recipient_account_id: StringArray,
    principal_arn: StringArray,
    principal_type: StringArray,
    principal_account_id: StringArray,
    session_name: StringArray,
    permission_set: StringArray,
    source_ip_address: StringArray,
    vpc_endpoint_id: StringArray,
    mfa_authenticated: BooleanArray,
    error_code: StringArray,
    error_message: StringArray,
    shared_event_id: StringArray,
    invoked_by: StringArray,
    request_parameters: StringArray,
    response_elements: StringArray,
    additional_event_data: StringArray,
    resources: Resources,
}

/// The `resources` list with its members at hand.
#[derive(Debug)]
struct Resources {
    list: ListArray,
    arn: StringArray,
    account_id: StringArray,
    resource_type: StringArray,
    arn_prefix: StringArray,
}

fn value(array: &StringArray, row: usize) -> Option<&str> {
    array.is_valid(row).then(|| array.value(row))
}

fn column(batch: &RecordBatch, name: &str, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    let column =
        batch.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("the batch has no column {name}")))?;
    if column.data_type() == data_type { Ok(column.clone()) } else { arrow::compute::cast(column, data_type) }
}

fn text(batch: &RecordBatch, name: &str) -> Result<StringArray, ArrowError> {
    Ok(column(batch, name, &DataType::Utf8)?.as_string::<i32>().clone())
}

impl Resources {
    fn try_new(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let data_type = crate::record::schema::events().field_with_name("resources")?.data_type().clone();
        let list = column(batch, "resources", &data_type)?.as_list::<i32>().clone();
        let members = list.values().as_struct();
        let member = |i: usize| members.column(i).as_string::<i32>().clone();
        // The order of record::schema::RESOURCE_FIELDS.
        let (arn, account_id, resource_type, arn_prefix) = (member(0), member(1), member(2), member(3));
        Ok(Resources { list, arn, account_id, resource_type, arn_prefix })
    }

    fn of(&self, row: usize) -> Vec<ResourceRef<'_>> {
        if self.list.is_null(row) {
            return Vec::new();
        }
        let offsets = self.list.value_offsets();
        (offsets[row] as usize..offsets[row + 1] as usize)
            .map(|i| ResourceRef {
                arn: value(&self.arn, i),
                arn_prefix: value(&self.arn_prefix, i),
                account_id: value(&self.account_id, i),
                resource_type: value(&self.resource_type, i),
            })
            .collect()
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
            event_source: text(batch, "event_source")?,
            event_name: text(batch, "event_name")?,
            event_type: text(batch, "event_type")?,
            event_category: text(batch, "event_category")?,
            aws_region: text(batch, "aws_region")?,
            recipient_account_id: text(batch, "recipient_account_id")?,
            principal_arn: text(batch, "principal_arn")?,
            principal_type: text(batch, "principal_type")?,
            principal_account_id: text(batch, "principal_account_id")?,
            session_name: text(batch, "session_name")?,
            permission_set: text(batch, "permission_set")?,
            source_ip_address: text(batch, "source_ip_address")?,
            vpc_endpoint_id: text(batch, "vpc_endpoint_id")?,
            mfa_authenticated: column(batch, "mfa_authenticated", &DataType::Boolean)?.as_boolean().clone(),
            error_code: text(batch, "error_code")?,
            error_message: text(batch, "error_message")?,
            shared_event_id: text(batch, "shared_event_id")?,
            invoked_by: text(batch, "user_identity_invoked_by")?,
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
        self.resources.of(row)
    }

    /// A row as the IAM step wants it, with what [`EventColumns::resources`] gave for it.
    pub fn event<'a>(&'a self, row: usize, resources: &'a [ResourceRef<'a>]) -> Event<'a> {
        let principal_account_id = value(&self.principal_account_id, row);
        Event {
            event_source: value(&self.event_source, row).unwrap_or_default(),
            event_name: value(&self.event_name, row).unwrap_or_default(),
            event_type: value(&self.event_type, row),
            event_category: value(&self.event_category, row),
            aws_region: value(&self.aws_region, row),
            account_id: value(&self.recipient_account_id, row).or(principal_account_id),
            principal_account_id,
            principal_arn: value(&self.principal_arn, row),
            error_code: value(&self.error_code, row),
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
        value(&self.principal_arn, row)
    }

    /// `principal_type`.
    pub fn principal_type(&self, row: usize) -> Option<&str> {
        value(&self.principal_type, row)
    }

    /// `principal_account_id`.
    pub fn principal_account_id(&self, row: usize) -> Option<&str> {
        value(&self.principal_account_id, row)
    }

    /// `recipient_account_id`.
    pub fn recipient_account_id(&self, row: usize) -> Option<&str> {
        value(&self.recipient_account_id, row)
    }

    /// `session_name`.
    pub fn session_name(&self, row: usize) -> Option<&str> {
        value(&self.session_name, row)
    }

    /// `permission_set`.
    pub fn permission_set(&self, row: usize) -> Option<&str> {
        value(&self.permission_set, row)
    }

    /// `source_ip_address`.
    pub fn source_ip_address(&self, row: usize) -> Option<&str> {
        value(&self.source_ip_address, row)
    }

    /// `vpc_endpoint_id`.
    pub fn vpc_endpoint_id(&self, row: usize) -> Option<&str> {
        value(&self.vpc_endpoint_id, row)
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
        value(&self.invoked_by, row)
    }
}
