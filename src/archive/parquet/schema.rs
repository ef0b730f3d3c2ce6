//! The columns of a file as a tree: what becomes of each in JSON.
//!
//! Source: apache/parquet-format, `LogicalTypes.md`, "Nested Types": lists of three levels and, of older writers, of two.

use ::parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use ::parquet::schema::types::Type;

/// A column, or a group of columns.
pub(super) struct Node {
    /// As a JSON text, with its quotes.
    pub key: String,
    pub repeats: Repeats,
    /// The levels from which on it is there, and at which it is repeated.
    pub definition: u64,
    pub repetition: u64,
    /// The first column below it, whose levels tell whether it is there.
    pub first: usize,
    /// The one behind the last.
    pub end: usize,
    pub content: Content,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeats {
    Required,
    Optional,
    /// A list.
    Repeated,
}

pub(super) enum Content {
    Leaf(Kind),
    /// An object.
    Struct(Vec<Node>),
    /// An array of what is repeated in it.
    List(Box<Node>),
    /// An object of the repeated pairs in it.
    Map(Box<Node>),
    /// Of what is repeated: nothing but its one part.
    Only(Box<Node>),
}

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Bool,
    Int,
    UInt,
    Float,
    /// So many of them a second, since 1970.
    Time(i64),
    Date,
    /// Nanoseconds of a day and the day.
    Int96,
    /// What CloudTrail has none of.
    Other,
}

/// The root's parts, without those that are not wanted.
pub(super) fn tree(root: &Type, without: &[&str]) -> Vec<Node> {
    let mut next = 0;
    let nodes: Vec<Node> = root.get_fields().iter().map(|field| node(field, 0, 0, &mut next)).collect();
    let name = |node: &Node| node.key.trim_matches('"').to_owned();
    nodes.into_iter().filter(|node| !without.contains(&name(node).as_str())).collect()
}

fn node(field: &Type, definition: u64, repetition: u64, next: &mut usize) -> Node {
    let info = field.get_basic_info();
    let repeats = match info.has_repetition().then(|| info.repetition()) {
        Some(Repetition::REPEATED) => Repeats::Repeated,
        Some(Repetition::OPTIONAL) => Repeats::Optional,
        _ => Repeats::Required,
    };
    let definition = definition + u64::from(repeats != Repeats::Required);
    let repetition = repetition + u64::from(repeats == Repeats::Repeated);
    let first = *next;
    let content = if field.is_group() {
        let parts: Vec<Node> = field.get_fields().iter().map(|part| node(part, definition, repetition, next)).collect();
        group(field, parts)
    } else {
        *next += 1;
        Content::Leaf(kind(field))
    };
    let key = serde_json::Value::from(field.name()).to_string();
    Node { key, repeats, definition, repetition, first, end: *next, content }
}

/// What a group becomes.
fn group(field: &Type, parts: Vec<Node>) -> Content {
    let info = field.get_basic_info();
    let converted = info.converted_type();
    let logical = info.logical_type_ref();
    let is_list = converted == ConvertedType::LIST || matches!(logical, Some(LogicalType::List));
    let is_map = matches!(converted, ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE)
        || matches!(logical, Some(LogicalType::Map));
    let is_one = parts.len() == 1 && parts.iter().all(|part| part.repeats == Repeats::Repeated);
    let mut parts = parts;
    match parts.pop() {
        Some(inner) if is_one && is_list => Content::List(Box::new(element(field, inner))),
        Some(inner) if is_one && is_map && matches!(&inner.content, Content::Struct(pair) if pair.len() == 2) => {
            Content::Map(Box::new(inner))
        }
        Some(last) => {
            parts.push(last);
            Content::Struct(parts)
        }
        None => Content::Struct(parts),
    }
}

/// What is repeated in a list is a group of its own around the element; older writers repeat the element itself.
fn element(list: &Type, repeated: Node) -> Node {
    let name = repeated.key.trim_matches('"').to_owned();
    let is_element = name == "array" || name == format!("{}_tuple", list.name());
    match repeated.content {
        Content::Struct(mut parts) if parts.len() == 1 && !is_element => match parts.pop() {
            Some(only) => Node { content: Content::Only(Box::new(only)), ..repeated },
            None => Node { content: Content::Struct(parts), ..repeated },
        },
        content => Node { content, ..repeated },
    }
}

fn kind(field: &Type) -> Kind {
    let info = field.get_basic_info();
    let of_unit = |unit: &TimeUnit| match unit {
        TimeUnit::MILLIS => 1_000,
        TimeUnit::MICROS => 1_000_000,
        TimeUnit::NANOS => 1_000_000_000,
    };
    match (field.get_physical_type(), info.logical_type_ref(), info.converted_type()) {
        (_, Some(LogicalType::Decimal(_) | LogicalType::Time(_) | LogicalType::Float16), _)
        | (
            _,
            _,
            ConvertedType::DECIMAL | ConvertedType::INTERVAL | ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS,
        ) => Kind::Other,
        (Physical::BOOLEAN, ..) => Kind::Bool,
        (Physical::INT96, ..) => Kind::Int96,
        (Physical::INT64, Some(LogicalType::Timestamp(time)), _) => Kind::Time(of_unit(&time.unit)),
        (Physical::INT64, _, ConvertedType::TIMESTAMP_MILLIS) => Kind::Time(1_000),
        (Physical::INT64, _, ConvertedType::TIMESTAMP_MICROS) => Kind::Time(1_000_000),
        (Physical::INT32, Some(LogicalType::Date), _) | (Physical::INT32, _, ConvertedType::DATE) => Kind::Date,
        (_, Some(LogicalType::Integer(int)), _) if !int.is_signed => Kind::UInt,
        (_, _, ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64) => {
            Kind::UInt
        }
        (Physical::INT32 | Physical::INT64, ..) => Kind::Int,
        (Physical::FLOAT | Physical::DOUBLE, ..) => Kind::Float,
        // Writers that don't say so write texts as bytes.
        (Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY, ..) => Kind::Text,
    }
}
