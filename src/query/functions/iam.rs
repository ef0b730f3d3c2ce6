//! `iam_actions`, `iam_action_level`, `iam_action_exists`, `iam_match`: what the catalogue knows, asked in SQL.

use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, StringViewBuilder, StructArray, new_null_array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use datafusion::common::{internal_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use super::over_texts::{first, text_function, text_to_text};
use crate::iam::{Catalog, Confidence, Permissions, Resolver, wildcard_match};
use crate::record::schema;
use crate::record::{Dictionaries, ParsedObject, encode};
use crate::usage::{EVENT_COLUMNS, EventColumns};

/// The columns of `events` that a call with several arguments gives, in this order; those at the end may be left out.
pub(in crate::query) const EVENT_ARGUMENTS: &[&str] = &[
    "event_source",
    "event_name",
    "request_parameters",
    "resources",
    "error_code",
    "error_message",
    "aws_region",
    "recipient_account_id",
    "principal_arn",
    "principal_account_id",
    "event_type",
    "event_category",
    "response_elements",
    "additional_event_data",
];

/// The members of one of its answers.
const MEMBERS: [&str; 7] = ["action", "resource", "outcome", "confidence", "rule", "source", "passed_to_service"];

/// The functions of this file, answered by this catalogue.
pub(super) fn functions(catalog: &'static Catalog) -> Vec<ScalarUDF> {
    let level = move |action: &str| Some(catalog.action(action)?.access_level.as_str().to_owned());
    let exists = text_function("iam_action_exists", 1, DataType::Boolean, move |texts| {
        let is_action = |action: &str| catalog.action(action).is_some();
        Ok(Arc::new(first(texts)?.iter().map(|action| action.map(is_action)).collect::<BooleanArray>()))
    });
    let matches = text_function("iam_match", 2, DataType::Boolean, |texts| {
        let [patterns, actions] = texts else { return internal_err!("iam_match wants two texts") };
        let pairs = patterns.iter().zip(actions.iter());
        let answers = pairs.map(|(pattern, action)| Some(wildcard_match(pattern?, action?, true)));
        Ok(Arc::new(answers.collect::<BooleanArray>()))
    });
    vec![ScalarUDF::from(IamActions::new(catalog)), text_to_text("iam_action_level", level), exists, matches]
}

/// The actions that an event took, each with one resource; empty where it takes no permission. Actions that it may have
/// taken too have the confidence `suggested`: no policy grants them. The event is
///
/// * a record's JSON text: `iam_actions('{…}')`; nothing where the text is no record,
/// * columns of `events`, in the order of [`EVENT_ARGUMENTS`]; `iam_actions(*)` names them all,
/// * a struct whose members are named as the columns of `events`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct IamActions {
    signature: Signature,
    resolvers: Steps,
}

impl IamActions {
    fn new(catalog: &'static Catalog) -> Self {
        let resolvers = Steps { catalog, idle: Mutex::new(Vec::new()) };
        IamActions { signature: Signature::user_defined(Volatility::Immutable), resolvers }
    }
}

impl ScalarUDFImpl for IamActions {
    fn name(&self) -> &str {
        "iam_actions"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        match given {
            [DataType::Struct(_)] => Ok(given.to_vec()),
            [DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null] => {
                Ok(vec![DataType::Utf8View])
            }
            columns if (2..=EVENT_ARGUMENTS.len()).contains(&columns.len()) => {
                let schema = schema::events();
                let names = EVENT_ARGUMENTS.iter().take(columns.len());
                names.map(|name| Ok(schema.field_with_name(name)?.data_type().clone())).collect()
            }
            _ => plan_err!(
                "iam_actions takes a record's JSON text, or a struct of columns of events, or the columns: iam_actions(*)"
            ),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(element()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let columns: Vec<ArrayRef> = args.args.iter().map(|value| value.to_array(rows)).collect::<Result<_>>()?;
        let answers = match columns.as_slice() {
            [event] => match event.as_struct_opt() {
                Some(event) => of_columns(&self.resolvers, rows, |name| event.column_by_name(name))?,
                None => of_records(&self.resolvers, event)?,
            },
            _ => {
                let position = |name: &str| EVENT_ARGUMENTS.iter().position(|argument| *argument == name);
                of_columns(&self.resolvers, rows, |name| columns.get(position(name)?))?
            }
        };
        Ok(ColumnarValue::Array(Arc::new(answers)))
    }
}

fn members() -> Fields {
    MEMBERS.iter().map(|name| Field::new(*name, DataType::Utf8View, true)).collect()
}

fn element() -> FieldRef {
    Arc::new(Field::new("element", DataType::Struct(members()), true))
}

/// Steps remember what they worked out, so they are kept from one batch to the next.
#[derive(Debug)]
struct Steps {
    catalog: &'static Catalog,
    idle: Mutex<Vec<Resolver<'static>>>,
}

impl Steps {
    fn with<T>(&self, body: impl FnOnce(&mut Resolver<'static>) -> T) -> T {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = idle().pop();
        let mut resolver = taken.unwrap_or_else(|| Resolver::new(self.catalog));
        let answer = body(&mut resolver);
        idle().push(resolver);
        answer
    }
}

/// Functions are the same where they answer by the same catalogue.
impl PartialEq for Steps {
    fn eq(&self, other: &Steps) -> bool {
        std::ptr::eq(self.catalog, other.catalog)
    }
}

impl Eq for Steps {}

impl std::hash::Hash for Steps {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.catalog.version().hash(state);
    }
}

/// `given` finds a column by its name in `events`; what isn't given is unknown.
fn of_columns<'a>(
    resolvers: &Steps,
    rows: usize,
    given: impl Fn(&str) -> Option<&'a ArrayRef>,
) -> Result<ListArray, ArrowError> {
    let schema = schema::events();
    let mut fields = Vec::with_capacity(EVENT_COLUMNS.len());
    let mut arrays = Vec::with_capacity(EVENT_COLUMNS.len());
    for name in EVENT_COLUMNS {
        let field = schema.field_with_name(name)?;
        let array = given(name).map_or_else(|| new_null_array(field.data_type(), rows), Arc::clone);
        fields.push(Field::new(*name, array.data_type().clone(), true));
        arrays.push(array);
    }
    let events = EventColumns::try_new(&RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)?;
    resolvers.with(|resolver| {
        let mut answers = Answers::new();
        for row in 0..events.len() {
            let resources = events.resources(row);
            answers.push(Some(&resolver.permissions(&events.event(row, &resources))));
        }
        answers.finish()
    })
}

fn of_records(resolvers: &Steps, records: &ArrayRef) -> Result<ListArray, ArrowError> {
    let records = arrow::compute::cast(records, &DataType::Utf8View)?;
    resolvers.with(|resolver| {
        let mut answers = Answers::new();
        for record in records.as_string_view() {
            let events = match record {
                Some(record) => event_of(record)?,
                None => None,
            };
            let permissions = events.map(|events| {
                let resources = events.resources(0);
                resolver.permissions(&events.event(0, &resources))
            });
            answers.push(permissions.as_deref());
        }
        answers.finish()
    })
}

/// A record's JSON text as columns of one row; `None` where it is not a sound record.
fn event_of(record: &str) -> Result<Option<EventColumns>, ArrowError> {
    // Checked by itself first, so that no text can close the list it is put into.
    if !record.trim_start().starts_with('{') || serde_json::from_str::<&serde_json::value::RawValue>(record).is_err() {
        return Ok(None);
    }
    let mut dictionaries = Dictionaries::default();
    let text = format!("{{\"Records\":[{record}]}}").into_bytes();
    let Ok(object) = ParsedObject::parse(text, &mut dictionaries) else { return Ok(None) };
    let mut records: Vec<_> = object.records().iter().map(|record| (&object, record)).collect();
    match encode(&mut records, &mut dictionaries).next() {
        Some(batch) => EventColumns::try_new(&batch?).map(Some),
        None => Ok(None),
    }
}

/// Lists of structs, one list an event.
struct Answers {
    lengths: Vec<usize>,
    is_known: Vec<bool>,
    members: [StringViewBuilder; MEMBERS.len()],
}

impl Answers {
    fn new() -> Self {
        let members = std::array::from_fn(|_| StringViewBuilder::new().with_deduplicate_strings());
        Answers { lengths: Vec::new(), is_known: Vec::new(), members }
    }

    fn push(&mut self, permissions: Option<&Permissions>) {
        let mut length = 0;
        let taken = permissions.filter(|permissions| permissions.no_permission.is_none());
        let needed = taken.iter().flat_map(|taken| &taken.needed).map(|p| (p, p.confidence.as_str()));
        let suggested = taken.iter().flat_map(|taken| &taken.suggestions).map(|p| (p, Confidence::SUGGESTED));
        for (permission, confidence) in needed.chain(suggested) {
            let outcome = taken.map(|permissions| permissions.outcome.as_str());
            for resource in &permission.resources {
                let values = [
                    Some(&*permission.action),
                    Some(resource.as_str()),
                    outcome,
                    Some(confidence),
                    Some(permission.rule),
                    Some(&*permission.source),
                    permission.passed_to_service.as_deref(),
                ];
                self.members.iter_mut().zip(values).for_each(|(member, value)| member.append_option(value));
                length += 1;
            }
        }
        self.lengths.push(length);
        self.is_known.push(permissions.is_some());
    }

    fn finish(self) -> Result<ListArray, ArrowError> {
        let columns = self.members.map(|mut member| Arc::new(member.finish()) as ArrayRef).to_vec();
        let entries = StructArray::try_new(members(), columns, None)?;
        let offsets = OffsetBuffer::from_lengths(self.lengths);
        ListArray::try_new(element(), offsets, Arc::new(entries), Some(self.is_known.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::StringViewArray;

    #[test]
    fn records_that_are_none() {
        for text in ["", "null", "[]", "{", "{}]}", "{\"eventName\":1},{}", "x"] {
            assert!(event_of(text).unwrap().is_none(), "{text}");
        }
    }

    #[test]
    fn suggestions_are_told_apart() {
        let record = r#"{"eventSource":"sqs.amazonaws.com","eventName":"ReceiveMessage","awsRegion":"eu-west-1",
            "eventType":"AwsApiCall","eventTime":"2026-01-01T00:00:00Z","eventID":"1","recipientAccountId":"111122223333",
            "requestParameters":{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/111122223333/q"}}"#;
        let records: ArrayRef = Arc::new(StringViewArray::from(vec![Some(record)]));
        let resolvers = Steps { catalog: Catalog::embedded(), idle: Mutex::new(Vec::new()) };
        let answer = of_records(&resolvers, &records).unwrap();
        let entries = answer.value(0);
        let member = |name: &str| entries.as_struct().column_by_name(name).unwrap().as_string_view().clone();
        let (actions, confidences) = (member("action"), member("confidence"));
        let rows: Vec<_> = actions.iter().flatten().zip(confidences.iter().flatten()).collect();
        assert_eq!(rows, [("sqs:ReceiveMessage", "catalogued"), ("kms:Decrypt", "suggested")]);
    }

    #[test]
    fn null_records_have_null_answers() {
        let records: ArrayRef = Arc::new(StringViewArray::from(vec![None, Some("not a record")]));
        assert_eq!(
            of_records(&Steps { catalog: Catalog::embedded(), idle: Mutex::new(Vec::new()) }, &records)
                .unwrap()
                .null_count(),
            2
        );
    }
}
