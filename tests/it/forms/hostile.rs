//! Forms that are cut, and such as somebody made to break the program.

use std::time::{Duration, Instant};

use parquet::basic::Compression;
use serde_json::{Value, json};

use super::samples::{Sample, events, json_forms, samples, without_nulls};
use super::{parquet as file, take, take_with};

fn name(sample: &Sample) -> String {
    format!("{} ({})", sample.form, sample.variant)
}

fn alike(events: &[Value]) -> Vec<Value> {
    events.iter().map(without_nulls).collect()
}

#[test]
fn what_stands_before_a_cut_is_taken_and_the_rest_is_said() {
    let events = events();
    for sample in samples(&events) {
        let expected = alike(&events.iter().map(sample.kept).collect::<Vec<_>>());
        let (mut before, len) = (0, sample.bytes.len());
        for part in 1..=40 {
            let cut = &sample.bytes[..len - len * (40 - part) / 40 - usize::from(part == 40)];
            let taken = take(cut);
            let found = alike(&taken.events);
            let shown = || format!("{} cut to {} of {len}: {found:#?} {:?}", name(&sample), cut.len(), taken.refused);
            // An event at the cut may lack its end only where the form has no brackets around it.
            assert!(found.iter().zip(&expected).all(|(found, expected)| found == expected), "{}", shown());
            assert!(found.len() >= before, "{}", shown());
            before = found.len();
            let is_line_end = found.len() == expected.len();
            assert!(taken.is_said() || is_line_end || is_between(&sample, cut), "{}", shown());
        }
        let is_at_end = sample.form.contains("Parquet");
        assert!(is_at_end || before + 1 >= expected.len(), "{}: {before} of {}", name(&sample), expected.len());
        assert!(!is_at_end || before == 0);
    }
}

/// Whether a file of rows ends behind one, so that nothing tells that there were more.
fn is_between(sample: &Sample, cut: &[u8]) -> bool {
    let ends: [&[u8]; 5] = [b"\n", b"\r", b"}", b"\0\n", b"\n\0"];
    let is_titles = sample.form.starts_with("CSV") || sample.form == "event history";
    let is_between = ends.iter().any(|end| cut.ends_with(end)) && !matches!(sample.form, "Records" | "SQS");
    // A file of titles alone has no events.
    // A row without its last cell, where that is empty, is whole.
    is_between || is_titles && (!cut.contains(&b'\n') || cut.ends_with(b","))
}

/// The second event in ways that nobody expects: the others are taken, and it is taken or said.
#[test]
fn a_hostile_event_costs_itself_alone() {
    let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!([inner]));
    let digits = "9".repeat(5_000);
    let huge: Value = serde_json::from_str(&digits).expect("a number");
    let hostile: [(&str, Value); 9] = [
        ("requestParameters", nested(110)),
        ("requestParameters", huge),
        ("requestParameters", json!({"a".repeat(100_000): "b".repeat(100_000)})),
        ("eventTime", json!({"when": []})),
        ("eventName", json!([1, 2])),
        ("userIdentity", json!("nobody")),
        ("resources", json!({"ARN": 7})),
        ("eventSource", json!("aws:s3\u{0}\u{1b}[31m")),
        ("responseElements", json!("{\"a\":\"\\ud800\"}")),
    ];
    for (field, value) in hostile {
        let mut events = events();
        events[1][field] = value;
        for sample in json_forms(&events) {
            let taken = take(&sample.bytes);
            let ids: Vec<&str> = taken.events.iter().filter_map(|event| event["eventID"].as_str()).collect();
            let shown = || format!("{} with {field}: {ids:?} {:?} {:?}", name(&sample), taken.refused, taken.error);
            let has = |n: usize| ids.iter().any(|id| id.ends_with(&format!("000{n}")));
            assert!(has(1) && has(3), "{}", shown());
            assert!(has(2) || !taken.refused.is_empty(), "{}", shown());
        }
    }
}

#[test]
fn bytes_that_are_no_text_cost_the_event_that_they_are_in() {
    let events = events();
    let mark = b"iam:CreateUser";
    // Elsewhere it stands compressed, and beside that in statistics which nobody reads.
    let is_read = |sample: &Sample| !sample.form.contains("Parquet") || sample.variant == "plain";
    for sample in samples(&events)
        .into_iter()
        .filter(is_read)
        .filter(|sample| memchr::memmem::find(&sample.bytes, mark).is_some())
    {
        let mut bytes = sample.bytes.clone();
        let at = memchr::memmem::find(&bytes, mark).expect("it is there");
        bytes[at + 3] = 0xff;
        let taken = take(&bytes);
        let shown = || format!("{}: {:?} {:?} {:?}", name(&sample), taken.refused, taken.gaps, taken.error);
        assert!(taken.is_said(), "{}", shown());
        // A row group costs its rows; text that an object holds as text costs that object's event.
        let least = if sample.form.contains("Parquet") { 1 } else { 2 };
        assert!(taken.events.len() >= least, "{} {}", taken.events.len(), shown());
    }
}

fn rows(count: usize) -> Vec<Value> {
    let row = |n: usize| json!({"eventversion": "1.09", "eventname": "A", "eventid": format!("{n:08}"), "useridentity": {"type": "Root"}});
    (0..count).map(row).collect()
}

#[test]
fn a_parquet_file_with_any_byte_changed_ends_well() {
    let bytes = file::write(&rows(12), Compression::SNAPPY, 5);
    let began = Instant::now();
    let mut state = 7_u64;
    for at in 0..bytes.len() {
        for _ in 0..2 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let mut changed = bytes.clone();
            changed[at] = (state >> 56) as u8;
            let taken = take_with(&changed, 1 << 20);
            assert!(taken.events.len() <= 12, "{at}");
        }
    }
    assert!(began.elapsed() < Duration::from_secs(120), "{:?}", began.elapsed());
}

#[test]
fn a_row_group_that_is_unsound_costs_its_own_rows() {
    let bytes = file::write(&rows(48), Compression::UNCOMPRESSED, 16);
    // The ids of the second row group.
    let at = memchr::memmem::find(&bytes, b"00000020").expect("an id");
    let mut changed = bytes.clone();
    changed[at - 40..at + 40].fill(0xee);
    let taken = take(&changed);
    assert!(taken.events.len() >= 32 && taken.gaps.len() == 1, "{} {:?}", taken.events.len(), taken.gaps);
    assert!(taken.gaps[0].reason.contains("row group 1"), "{:?}", taken.gaps);
}

/// Too much for the memory there is: said so, with what helps; the other row groups are taken.
#[test]
fn a_row_group_that_is_too_large_says_so() {
    let mut rows = rows(24);
    for (at, row) in rows.iter_mut().enumerate().filter(|(at, _)| (8..16).contains(at)) {
        row["eventname"] = json!(format!("{at}").repeat(40_000));
    }
    let bytes = file::write(&rows, Compression::SNAPPY, 8);
    assert_eq!(take_with(&bytes, 8 << 20).events.len(), 24);
    let taken = take_with(&bytes, 100_000);
    assert_eq!((taken.events.len(), taken.gaps.len()), (16, 1), "{:?} {:?}", taken.gaps, taken.error);
    let reason = &taken.gaps[0].reason;
    assert!(reason.starts_with("larger than the cap of 100000 bytes") && reason.contains("row group 1"), "{reason}");
    assert!(reason.contains("--memory-limit") && !reason.contains("corrupt"), "{reason}");
    let alone = file::write(&rows[8..16], Compression::SNAPPY, 8);
    let (reason, _) = take_with(&alone, 100_000).error.expect("refused");
    assert!(reason.starts_with("larger than the cap"), "{reason}");
}

#[test]
fn parquet_that_claims_too_much_is_refused_and_nothing_is_set_aside() {
    let reason = |taken: super::Taken| taken.error.expect("refused").0;
    assert!(reason(take(&file::nested(64))).contains("nested too deeply"));
    let sound = file::write(&rows(4), Compression::UNCOMPRESSED, 16);
    assert_eq!(take(&sound).events.len(), 4);
    for len in [4, 8, 11, sound.len() - 1, sound.len() / 2] {
        assert!(reason(take(&sound[..len])).contains("was cut"), "{len}");
    }
    let len = sound.len();
    let mut long = sound.clone();
    long[len - 8..len - 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(reason(take(&long)).contains("4 MiB"));
    let mut encrypted = sound.clone();
    encrypted[len - 1] = b'E';
    assert!(reason(take(&encrypted)).contains("encrypted"));
    // A list of more elements than there are bytes, and one that says so in nine bytes.
    for claim in
        [&[0xfc_u8, 0xff, 0xff, 0xff, 0xff, 0x0f][..], &[0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]]
    {
        let footer = [&[0x15, 2, 0x19], claim, &[0; 40]].concat();
        let file = [b"PAR1", &footer[..], &(footer.len() as u32).to_le_bytes(), b"PAR1"].concat();
        assert!(reason(take(&file)).contains("no sense"));
    }
    let other = file::write(&[json!({"srcaddr": "a", "dstaddr": "b"})], Compression::SNAPPY, 16);
    assert!(reason(take(&other)).contains("VPC flow logs"));
    let foreign = file::write(&[json!({"price": 1, "line\nforged": 2})], Compression::SNAPPY, 16);
    let said = reason(take(&foreign));
    assert!(said.contains("price, line\\nforged") && !said.contains('\n'), "{said}");
}

/// One value that a million rows name: small as stored, and larger than the memory once written out.
#[test]
fn a_parquet_bomb_ends_at_the_cap() {
    let long = "x".repeat(100_000);
    let row = json!({"eventversion": "1.09", "eventsource": "s", "eventname": "A", "requestparameters": long});
    let bytes = file::write(&vec![row; 2_000], Compression::SNAPPY, 4_000);
    assert!(bytes.len() < 1 << 20, "{}", bytes.len());
    let taken = take_with(&bytes, 8 << 20);
    assert!(
        taken.error.as_ref().is_some_and(|(reason, _)| reason.starts_with(trailpare::archive::OVER_CAP)),
        "{:?}",
        taken.error
    );
}

/// Every encoding of either version of pages gives the same rows.
#[test]
fn every_encoding_gives_the_same_rows() {
    use parquet::basic::Encoding;
    use parquet::file::properties::{WriterProperties, WriterVersion};
    let mut rows = rows(300);
    for (at, row) in rows.iter_mut().enumerate().filter(|(at, _)| at % 3 > 0) {
        row["useridentity"] = json!({"username": format!("user-{}-{}", at % 7, "x".repeat(at % 11)), "n": at * at});
        row["resources"] =
            Value::Array((0..at % 4).map(|n| json!({"arn": format!("arn:{n}"), "type": null})).collect());
        row["readonly"] = json!(at % 2 == 0);
    }
    let expected = take(&rows.iter().map(|row| row.to_string() + "\n").collect::<String>().into_bytes()).events;
    let expected: Vec<Value> = alike(&expected);
    let texts =
        [None, Some(Encoding::PLAIN), Some(Encoding::DELTA_LENGTH_BYTE_ARRAY), Some(Encoding::DELTA_BYTE_ARRAY)];
    for (version, text) in
        [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0].into_iter().flat_map(|v| texts.map(|t| (v, t)))
    {
        let mut properties = WriterProperties::builder()
            .set_writer_version(version)
            .set_compression(Compression::SNAPPY)
            .set_data_page_row_count_limit(70)
            .set_write_batch_size(10)
            .set_max_row_group_row_count(Some(130));
        if let Some(encoding) = text {
            properties = properties.set_dictionary_enabled(false);
            for column in ["eventid", "eventname", "eventversion"] {
                properties = properties.set_column_encoding(column.into(), encoding);
            }
            let nested =
                parquet::schema::types::ColumnPath::from(vec!["useridentity".to_owned(), "username".to_owned()]);
            properties = properties.set_column_encoding(nested, encoding);
        }
        let taken = take(&file::write_with(&rows, properties.build()));
        assert!(!taken.is_said(), "{version:?} {text:?}: {:?} {:?}", taken.error, taken.gaps);
        for (found, expected) in alike(&taken.events).iter().zip(&expected) {
            assert_eq!(found, expected, "{version:?} {text:?}");
        }
        assert_eq!(taken.events.len(), 300);
    }
}
