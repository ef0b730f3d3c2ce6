use serde::Deserialize;

use super::*;

const EVENT: &str = r#"{"eventVersion":"1.08","n":12345678901234567890.10,"eventName":"A"}"#;

fn records_of(text: &str) -> Vec<String> {
    texts_in(&normalise(text.as_bytes().to_vec()).unwrap().json)
}

fn texts_in(json: &[u8]) -> Vec<String> {
    #[derive(Deserialize)]
    struct Whole {
        #[serde(rename = "Records")]
        records: Vec<Box<RawValue>>,
    }
    let wholes = serde_json::Deserializer::from_slice(json).into_iter::<Whole>().map(Result::unwrap);
    wholes.flat_map(|whole| whole.records).map(|record| record.get().to_owned()).collect()
}

fn reason_of(text: &str) -> (u64, String) {
    let error = normalise(text.as_bytes().to_vec()).unwrap_err();
    (error.offset_bytes, error.reason)
}

#[test]
fn the_main_form_passes_untouched_even_when_broken() {
    for text in [r#"{"Records":[]}"#, " \n{ \"Records\" : [1,2", "{\"Records\":7}\0", r#"{"Records":["{\"Records\""]}"#]
    {
        assert_eq!(normalise(text.as_bytes().to_vec()).unwrap().json, text.as_bytes());
    }
    assert_eq!(normalise(b"\xef\xbb\xbf{\"Records\":[\xff".to_vec()).unwrap().json, b"   {\"Records\":[\xff");
}

#[test]
fn every_wrapping_gives_the_event_byte_for_byte() {
    let quoted = serde_json::to_string(EVENT).unwrap();
    for form in [
        EVENT.to_owned(),
        format!("[{EVENT}]"),
        format!("{{\"x\":1,\"Records\":[{EVENT}]}}"),
        format!("{{\"detail-type\":\"AWS API Call via CloudTrail\",\"detail\":{EVENT}}}"),
        format!("{{\"Events\":[{{\"EventName\":\"A\",\"CloudTrailEvent\":{quoted}}}]}}"),
        format!("{{\"events\":[{{\"message\":{quoted}}}]}}"),
        format!("{{\"logGroup\":\"x\",\"logEvents\":[{{\"id\":\"1\",\"message\":{quoted}}}]}}"),
        format!("[{{\"_raw\":{quoted}}}]"),
        format!("{{\"preview\":false,\"result\":{{\"_raw\":{quoted}}}}}"),
    ] {
        assert_eq!(records_of(&form), [EVENT], "{form}");
        assert_eq!(records_of(&format!("\u{feff}{form}\n{form}\n")), [EVENT, EVENT], "{form}");
    }
}

#[test]
fn objects_put_together_by_cat() {
    let one = format!("{{\"Records\":[{EVENT},{EVENT}]}}");
    assert_eq!(records_of(&format!("{one}{one}\n{one}")).len(), 6);
}

#[test]
fn nothing_in_it_is_not_an_error() {
    assert!(records_of("[]").is_empty());
    assert!(records_of("{\"Events\":[]}").is_empty());
}

#[test]
fn what_holds_no_events_is_refused_with_place_and_reason() {
    let digest = r#"{"awsAccountId":"1","digestStartTime":"t","digestS3Object":"o","logFiles":[]}"#;
    assert!(reason_of(digest).1.contains("digest"));
    assert!(reason_of(r#"{"class_uid":6003}"#).1.contains("OCSF"));
    for (foreign, reason) in [("{\"a\":1}", "foreign"), ("{\"a\":", "truncated"), ("7", "foreign")] {
        let (records, refused) = both_of(&format!("{EVENT}\n  {foreign}"));
        assert_eq!(records, [EVENT]);
        assert_eq!((refused[0].index, refused[0].offset_bytes), (1, EVENT.len() as u64 + 3), "{foreign}");
        assert!(refused.len() == 1 && refused[0].reason.contains(reason), "{refused:?}");
    }
    for text in ["  ", "hello", "{}", "7", "[7]", "\"x\"", "\u{1f}\u{8b}", "[[[[[[[[[[[[]]]]]]]]]]]]"] {
        assert!(normalise(text.as_bytes().to_vec()).is_err(), "{text}");
    }
    assert_eq!(reason_of("[{\"detail\":\"\"}]").0, 11);
}

#[test]
fn not_utf8_says_where() {
    let error = normalise(b"[{\"a\":\"\xff\"}]".to_vec()).unwrap_err();
    assert_eq!((error.offset_bytes, error.reason.as_str()), (1, "not UTF-8 (byte 7)"));
}

/// Records and what is refused, salvaged where it is no sound JSON.
fn both_of(text: &str) -> (Vec<String>, Vec<RefusedElement>) {
    let normal = normalise(text.as_bytes().to_vec()).unwrap();
    (texts_in(&normal.json), normal.refused)
}

#[test]
fn forms_that_other_programs_write() {
    let quoted = serde_json::to_string(EVENT).unwrap();
    let control = r#"{"messageType":"CONTROL_MESSAGE","logEvents":[{"id":"","message":"CWL CONTROL MESSAGE: hello"}]}"#;
    let doubled = EVENT.replace('"', "\"\"");
    for form in [
        format!("{{\"RECORDS\":[{EVENT}]}}"),
        format!("{{\"x\":[],\"records\":[{EVENT}]}}"),
        format!("{{\"@timestamp\":\"t\",\"event\":{{\"original\":{quoted}}},\"message\":\"no\"}}"),
        format!("{{\"event.original\":{quoted}}}"),
        format!("{{\"_source\":{{\"event\":{{\"original\":{quoted}}}}}}}"),
        format!("{{\"log\":{quoted}}}"),
        format!("{{\"QueryResultRows\":[[{{\"eventJson\":{quoted}}}]]}}"),
        format!("{control}{{\"messageType\":\"DATA_MESSAGE\",\"logEvents\":[{{\"message\":{quoted}}}]}}"),
        format!("2024-05-01T09:00:00.000Z {EVENT}\r\n\n"),
        format!("eventJson\n\"{doubled}\"\n"),
        format!("\"eventID\",\"EVENTJSON\"\r\n\"x\",\"{doubled}\"\r\n"),
    ] {
        let (records, refused) = both_of(&form);
        assert_eq!((records, refused), (vec![EVENT.to_owned()], vec![]), "{form}");
    }
    assert_eq!(both_of(control), (vec![], vec![]));
    for encoded in [
        EVENT.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>(),
        std::iter::once(0xfeff).chain(EVENT.encode_utf16()).flat_map(u16::to_be_bytes).collect(),
    ] {
        assert_eq!(texts_in(&normalise(encoded).unwrap().json), [EVENT]);
    }
}

fn json_of(text: &str) -> serde_json::Value {
    let (records, refused) = both_of(text);
    assert_eq!((records.len(), refused.len()), (1, 0), "{text}");
    serde_json::from_str(&records[0]).unwrap()
}

#[test]
fn rows_that_are_written_anew() {
    let parameters = r#"{\"bucketName\":\"b\",\"eventname\":\"kept\"}"#;
    let athena = format!(
        r#"{{"eventversion":"1.08","useridentity":"{{\"type\":\"Root\"}}","eventname":"A","requestparameters":"{parameters}","tlsdetails":{{"tlsversion":"1"}}}}"#
    );
    let struct_row = r#"{"eventsource":"s","eventname":"A","useridentity":{"sessioncontext":{"sessionissuer":{"username":"r"}}},"requestparameters":{"lowerkey":1}}"#;
    let event = json_of(&athena);
    assert_eq!(event["userIdentity"]["type"], "Root");
    assert_eq!(event["requestParameters"]["eventname"], "kept");
    assert_eq!(event["tlsDetails"]["tlsVersion"], "1");
    let event = json_of(struct_row);
    assert_eq!(event["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"], "r");
    assert_eq!(event["requestParameters"]["lowerkey"], 1);
    let lake = "eventTime,eventSource,eventName,userIdentity,requestParameters,readOnly,errorCode\n\
                t,s,A,\"{type=Root, arn=a:b, sessionContext={sessionIssuer={userName=r, x, y}}}\",\"{a=1, list=[1, 2]}\",true,\n";
    let event = json_of(lake);
    assert_eq!(event["userIdentity"]["arn"], "a:b");
    assert_eq!(event["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"], "r, x, y");
    assert_eq!(event["requestParameters"]["list"], "[1, 2]");
    assert_eq!((&event["readOnly"], event.get("errorCode")), (&serde_json::Value::Bool(true), None));
    let console = "User name,Event time,Event source,Event name,User agent,Resources,Read-only\r\n\
        Ann,2021-01-26T22:48:41Z,iam.amazonaws.com,X,\"a \"\"b\"\", c\",\"[{\"\"resourceType\"\":\"\"T\"\",\"\"resourceName\"\":\"\"n\"\"}]\",false\n";
    let expected = serde_json::json!({
        "userIdentity": {"userName": "Ann"}, "eventTime": "2021-01-26T22:48:41Z", "eventSource": "iam.amazonaws.com",
        "eventName": "X", "userAgent": "a \"b\", c", "resources": [{"type": "T", "resourceName": "n"}],
        "readOnly": false,
    });
    assert_eq!(json_of(console), expected);
}

#[test]
fn bad_rows_and_lines_are_refused_alone() {
    let titles = "Event time,Event source,Event name\n";
    let (records, refused) = both_of(&format!("{titles}t,s,A\na,b\nt,s,B\n\"t,s,C\nt,s,D\n"));
    let places: Vec<_> = refused.iter().map(|r| (r.index, r.offset_bytes - titles.len() as u64)).collect();
    assert_eq!((records.len(), places), (3, vec![(1, 6), (3, 16)]), "{refused:?}");
    let line = format!("2024-05-01T09:00:00.000Z {EVENT}\n");
    let mut bytes = format!("{line}2024-05-01T09:00:01.000Z {{\"a\"\n{line}").into_bytes();
    bytes.extend(b"2024 {\"\xff\"}\n");
    let normal = normalise(bytes).unwrap();
    let places: Vec<_> = normal.refused.iter().map(|r| (r.index, r.offset_bytes)).collect();
    assert_eq!(texts_in(&normal.json).len(), 2);
    let begin = line.len() as u64;
    assert_eq!(places, [(1, begin), (3, 2 * begin + 30)]);
}

/// What is taken and refused of bytes that are no sound JSON.
fn salvaged(bytes: &[u8]) -> (Vec<String>, Vec<RefusedElement>) {
    salvage(bytes).map_or_else(|_| (vec![], vec![]), |normal| (texts_in(&normal.json), normal.refused))
}

fn event(id: usize) -> String {
    format!(
        r#"{{"eventVersion":"1.08","eventTime":"2024-03-01T07:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","eventID":"e{id}","resources":[{{"type":"T","ARN":"a:{id}"}},{{"type":"U"}}],"requestParameters":{{"policy":"{{\"Version\":\"2012\",\"a\":[{{}}]}}","n":[1,2.5,true,null]}}}}"#
    )
}

#[test]
fn one_bad_element_is_refused_alone() {
    let deep = format!("{{\"eventVersion\":\"1\",\"a\":{}{}{}}}", "[".repeat(200), event(9), "]".repeat(200));
    let bad: [(&[u8], &str); 6] = [
        (deep.as_bytes(), "nested too deeply"),
        (b"{\"eventVersion\":\"\xff\"}", "not UTF-8"),
        (b"{\"eventVersion\":\"\x01\"}", "control character"),
        (b"{\"eventVersion\":\"1\",\"a\":tru}", "a value was expected"),
        (b"{\"eventVersion\":\"1\",\"a\":\"\\x\"}", "escape"),
        (b"{\"hello\":1}", "foreign"),
    ];
    for (element, reason) in bad {
        let parts =
            |separator: &[u8]| [event(0).as_bytes(), separator, element, separator, event(1).as_bytes()].concat();
        let (list, lines) = (parts(b","), parts(b"\n"));
        for bytes in [
            [b"[", &list[..], b"]"].concat(),
            lines,
            [br#"{"owner":"x","logEvents":["#, &list[..], br#"],"more":[1]}"#].concat(),
        ] {
            let shown = String::from_utf8_lossy(&bytes).into_owned();
            let (taken, refused) = salvaged(&bytes);
            assert_eq!(taken, [event(0), event(1)], "{shown}");
            assert_eq!(refused.len(), 1, "{shown}: {refused:?}");
            let offset = memchr::memmem::find(&bytes, element).unwrap() as u64;
            assert_eq!((refused[0].index, refused[0].offset_bytes), (1, offset), "{shown}");
            assert!(refused[0].reason.contains(reason), "{:?}", refused[0]);
        }
    }
}

/// Every byte of some records, each with every structural and some other value: what the byte doesn't touch is taken,
/// and what isn't taken is said.
#[test]
fn no_byte_costs_more_than_the_records_that_it_touches() {
    let events: Vec<String> = (0..3).map(event).collect();
    for (begin, separator, end) in [("{\"Records\":[", ",", "]}"), ("[\n", ",\n", "\n]"), ("", "\n", "\n")] {
        let sound = format!("{begin}{}{end}", events.join(separator)).into_bytes();
        let starts: Vec<usize> =
            events.iter().map(|event| memchr::memmem::find(&sound, event.as_bytes()).unwrap()).collect();
        for at in begin.len()..sound.len() - end.len() {
            for byte in *b"\"\\{}],: \n\x01\xff" {
                if sound[at] == byte {
                    continue;
                }
                let mut bytes = sound.clone();
                bytes[at] = byte;
                let normal = normalise(bytes.clone()).and_then(|normal| {
                    let is_sound = serde_json::from_slice::<serde_json::Value>(&normal.json).is_ok();
                    if is_sound { Ok(normal) } else { salvage(&bytes) }
                });
                let shown = || format!("byte {at} as {byte:?}: {}", String::from_utf8_lossy(&bytes));
                let (taken, refused) = normal.map(|n| (texts_in(&n.json), n.refused)).unwrap_or_default();
                let touched = |start: &usize, event: &String| (*start..start + event.len()).contains(&at);
                let mut untouched = starts.iter().zip(&events).filter(|(s, e)| !touched(s, e)).map(|(_, e)| e);
                assert!(untouched.all(|event| taken.contains(event)), "{}\n{taken:?}\n{refused:?}", shown());
                // A letter within a text is another text, which nobody can tell.
                assert!(taken.len() == 3 || !refused.is_empty(), "{}", shown());
                assert!(taken.len() <= 4, "{}", shown());
            }
        }
    }
}

#[test]
fn a_list_that_is_cut_gives_what_came_before() {
    let whole = format!("{{\"Records\":[{},{}]}}", event(0), event(1));
    for len in whole.len() - 40..whole.len() {
        let (taken, refused) = salvaged(&whole.as_bytes()[..len]);
        let expected = if len >= whole.len() - 2 { 2 } else { 1 };
        assert_eq!((taken.len(), refused.len()), (expected, 1), "{len}: {refused:?}");
        // Within a word that is no string, `nu` and the like, it is no value.
        let reason = &refused[0].reason;
        assert!(reason.starts_with("truncated") || reason.starts_with("a value was expected"), "{refused:?}");
    }
}

#[test]
fn a_text_with_examples_in_it_is_no_log() {
    let text = format!("# Notes\n\n{}\n\nand\n{}\n", event(0), event(1));
    assert!(normalise(text.into_bytes()).is_err());
}

#[test]
fn many_bad_elements_are_counted_not_kept() {
    let text = format!("[{}{}]", event(0), ",7".repeat(30_000));
    let (taken, refused) = both_of(&text);
    assert_eq!((taken.len(), refused.len()), (1, 10_001));
    assert!(refused[10_000].reason.contains("19999 more"), "{:?}", refused[10_000]);
}

proptest::proptest! {
    #[test]
    fn whatever_is_salvaged_is_sound(text in r#"([\[\]{}",:a\n\\]|\{"eventVersion":"1"\}|\{"Records":\[){0,24}"#) {
        if let Ok(normal) = salvage(text.as_bytes()) {
            proptest::prop_assert!(serde_json::from_slice::<serde_json::Value>(&normal.json).is_ok(), "{}", text);
        }
    }
}

/// Bytes of a line damaged in some way that keeps its line break; `None` where nothing tells that it is damaged.
fn damaged(line: &str, way: u8, at: usize) -> Option<Vec<u8>> {
    let bytes = line.as_bytes();
    let at = 1 + at % (bytes.len() - 2);
    let damaged = match way % 9 {
        0 => bytes[..at].to_vec(),
        1 => bytes[at..].to_vec(),
        2 => [&bytes[..at], &bytes[at + 1..]].concat(),
        3 => [&bytes[..at], b"\xff", &bytes[at + 1..]].concat(),
        4 => [&bytes[..at], b"\x01", &bytes[at..]].concat(),
        5 => [bytes, b" and more"].concat(),
        6 => [b"more and ", bytes].concat(),
        7 => [&bytes[..at], b"\"", &bytes[at..]].concat(),
        // Behind a key.
        _ => bytes[..at + memchr::memmem::find(&bytes[at..], b"\":")? + 2].to_vec(),
    };
    let is_sound = serde_json::from_slice::<serde_json::Value>(&damaged).is_ok();
    // White space that is left of it is no damage that anybody could see.
    (!is_sound && !damaged.trim_ascii().is_empty()).then_some(damaged)
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(1_000))]

    /// Of events by lines all that are sound are taken, and each of the others is refused by itself, at its place.
    #[test]
    fn of_lines_each_is_taken_or_refused(
        damages in proptest::collection::vec(proptest::option::weighted(0.4, (0_u8..9, 0_usize..900)), 2..9),
        form in 0_usize..6,
        has_return: bool,
    ) {
        let line_end: &[u8] = if has_return { b"\r\n" } else { b"\n" };
        let separator = match form { 0..=1 => b"", _ => &b","[..] };
        let lines: Vec<(Option<String>, Vec<u8>)> = damages.iter().enumerate().map(|(id, damage)| {
            let sound = event(id);
            // A list whose line lacks its beginning may be another list, and sound.
            let is_list = !separator.is_empty();
            match damage.and_then(|(way, at)| damaged(&sound, if is_list && way == 1 { 0 } else { way }, at)) {
                Some(bytes) => (None, bytes),
                None => (Some(sound.clone()), sound.into_bytes()),
            }
        }).collect();
        // Two that come together as sound JSON in a list that is sound: nothing tells that they are two.
        let joins = |pair: &[(Option<String>, Vec<u8>)]| {
            let joined = [&pair[0].1[..], separator, &pair[1].1[..]].concat();
            pair.iter().all(|(sound, _)| sound.is_none()) && serde_json::from_slice::<serde_json::Value>(&joined).is_ok()
        };
        proptest::prop_assume!(separator.is_empty() || !lines.windows(2).any(joins));
        // At least one is sound, or nothing tells what the bytes are.
        let lines = [lines, vec![(Some(event(99)), event(99).into_bytes())]].concat();
        let (begin, end): (&[u8], &[u8]) = match form {
            0 => (b"", b""),
            1 => (b"\xef\xbb\xbf", b"\n"),
            2 => (b"{\"Records\":[\n", b"\n]}\n"),
            3 => (b"[\n", b"\n]"),
            4 => (b"{\"owner\":\"x\",\"records\": [\r\n", b"]}"),
            _ => (b"{\n \"Records\": [\n", b"\n ]\n}\n"),
        };
        let mut bytes = begin.to_vec();
        let mut places = Vec::new();
        for (i, (_, line)) in lines.iter().enumerate() {
            places.push(bytes.len() as u64);
            bytes.extend_from_slice(line);
            bytes.extend_from_slice(if i + 1 < lines.len() { separator } else { b"" });
            bytes.extend_from_slice(line_end);
        }
        bytes.extend_from_slice(end);
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        let normal = normalise(bytes.clone()).and_then(|normal| {
            let is_sound = serde_json::from_slice::<serde_json::Value>(&normal.json).is_ok();
            if is_sound { Ok(normal) } else { salvage(&bytes) }
        });
        let (taken, refused) = normal.map(|n| (texts_in(&n.json), n.refused)).unwrap_or_default();
        let expected: Vec<String> = lines.iter().filter_map(|(sound, _)| sound.clone()).collect();
        // What stands before or behind a whole event is refused, the event itself may be taken.
        let is_whole = |text: &String| (0..lines.len()).any(|id| *text == event(id));
        let sound: Vec<&String> = taken.iter().filter(|text| expected.contains(text)).collect();
        proptest::prop_assert!(sound.iter().copied().eq(&expected), "{shown}\n{taken:#?}\n{refused:#?}");
        proptest::prop_assert!(taken.iter().all(|text| expected.contains(text) || is_whole(text)), "{shown}\n{taken:#?}");
        let bad: Vec<usize> = (0..lines.len()).filter(|i| lines[*i].0.is_none()).collect();
        let of_line = |i: usize| {
            let last = places.get(i + 1).copied().unwrap_or(u64::MAX);
            refused.iter().filter(|element| (places[i]..last).contains(&element.offset_bytes)).count()
        };
        for i in bad {
            proptest::prop_assert!(of_line(i) == 1, "line {i}\n{shown}\n{taken:#?}\n{refused:#?}");
        }
    }
}

#[test]
fn a_line_that_is_cut_takes_no_other_with_it() {
    let [a, b, c, d] = [0, 1, 2, 3].map(event);
    let key = |text: &str, key: &str| text[..text.find(key).unwrap() + key.len()].to_owned();
    let cuts = [
        key(&b, "\"requestParameters\":"),
        key(&b, "\"resources\":["),
        key(&b, "\"resources\":[{\"type\":\"T\","),
        key(&b, "\"eventName\":\"Get"),
        "{".to_owned(),
        "}".to_owned(),
        "]}".to_owned(),
        b[20..].to_owned(),
    ];
    for cut in &cuts {
        for end in ["\n", "\r\n", "\n\n", "\n  "] {
            for lines in
                [vec![&a, cut, &c, &d], vec![cut, &a, &c, &d], vec![&a, &c, &d, cut], vec![cut, cut, &a, cut, &c, &d]]
            {
                let count = lines.iter().filter(|line| **line == cut).count();
                let text = lines.iter().map(|line| line.as_str()).collect::<Vec<_>>().join(end);
                let (taken, refused) = both_of(&text);
                assert_eq!(taken, [&a, &c, &d].map(String::clone), "{text}");
                assert_eq!(refused.len(), count, "{text}\n{refused:#?}");
            }
        }
    }
    // Lines that only together read as JSON.
    let (front, back) = b.split_at(b.find(",\"requestParameters\"").unwrap());
    let front = format!("{front},\"x\":");
    let (taken, refused) = both_of(&[&front, c.as_str(), back, &d].join("\n"));
    assert_eq!((taken, refused.len()), (vec![c.clone(), d.clone()], 2), "{refused:#?}");
    // Two on a line, the first cut or the second.
    let bad = &cuts[3];
    assert_eq!(both_of(&format!("{a}{c}\n{d}")).0.len(), 3);
    let (taken, refused) = both_of(&format!("{a}{bad}\n{d}"));
    assert_eq!((taken, refused.len()), (vec![a.clone(), d.clone()], 1));
}

#[test]
fn objects_over_several_lines_are_told_apart_by_their_indent() {
    let pretty = |id: usize| {
        serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(&event(id)).unwrap()).unwrap()
    };
    let all = pretty(1);
    let lines: Vec<&str> = all.lines().collect();
    for cut in 1..lines.len() - 1 {
        let cut = lines[..cut].join("\n");
        for end in ["\n", "\r\n"] {
            let text = [pretty(0), cut.clone(), cut.clone(), pretty(2)].join("\n").replace('\n', end);
            let (taken, refused) = both_of(&text);
            assert_eq!((taken.len(), refused.len()), (2, 2), "{text}\n{refused:#?}");
        }
        let list = format!("[\n{}\n]", [pretty(0), cut.clone(), pretty(2)].join(",\n"));
        let (taken, refused) = both_of(&list);
        assert_eq!((taken.len(), refused.len()), (2, 1), "{list}\n{refused:#?}");
    }
}

#[test]
fn byte_order_marks_and_utf16() {
    let text = format!("{}\n\u{feff}{}\n", event(0), event(1));
    assert_eq!(both_of(&text).0, [event(0), event(1)]);
    let cut = event(1)[..60].to_owned();
    let text = format!("{}\r\n{cut}é🦀\r\n{}\r\n", event(0), event(2));
    for mark in [false, true] {
        let units: Vec<u16> = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16()).collect();
        let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let normal = normalise(bytes.clone()).unwrap();
        assert_eq!(texts_in(&normal.json), [event(0), event(2)]);
        let begin = 2 * (u64::from(mark) + event(0).len() as u64 + 2);
        assert_eq!(normal.refused.iter().map(|r| r.offset_bytes).collect::<Vec<_>>(), [begin]);
        let last = normal.places.unwrap()[1].1 as usize;
        assert_eq!(bytes[last..last + 2], [b'{', 0]);
        // A surrogate alone is no character, so that nobody takes another text for it.
        let at = units.iter().position(|unit| *unit == u16::from(b'T')).unwrap();
        let mut lone = units.clone();
        lone[at] = 0xd800;
        let normal = normalise(lone.iter().flat_map(|unit| unit.to_be_bytes()).collect()).unwrap();
        assert_eq!((texts_in(&normal.json), normal.refused.len()), (vec![event(2)], 2));
    }
}

#[test]
fn names_of_a_digest_do_not_hide_events() {
    let fields = r#""digestStartTime":"x","digestS3Object":"y""#;
    for form in [
        format!("{{{fields},\"Records\":[{EVENT}]}}"),
        format!("{{{fields},\"logFiles\":[],\"records\":[{EVENT}]}}"),
        format!("{{{fields},\"detail\":{EVENT}}}"),
    ] {
        assert_eq!(both_of(&form), (vec![EVENT.to_owned()], vec![]), "{form}");
    }
    let error = normalise(format!("{{{fields}}}").into_bytes()).unwrap_err();
    assert_eq!(error.other, None, "without logFiles it is none");
}

#[test]
fn a_product_of_ocsf_is_told_in_any_case() {
    let of = |product: &str| {
        let api = r#"{"operation":"A","service":{"name":"s3.amazonaws.com"}}"#;
        format!("{{\"class_uid\":6003,\"metadata\":{{\"product\":{{\"name\":\"{product}\"}}}},\"api\":{api}}}")
    };
    for product in ["CloudTrail", "cloudtrail", "AWS CloudTrail", "aws cloudtrail", "AWS CLOUDTRAIL"] {
        assert_eq!(json_of(&of(product))["eventName"], "A", "{product}");
    }
    for product in ["AWS", "AWS AWS CloudTrail", "CloudTrail Lake", "Cloud Trail", "Amazon VPC"] {
        let error = normalise(of(product).into_bytes()).unwrap_err();
        assert!(error.other.is_some(), "{product}: {error:?}");
    }
}

#[test]
fn a_carriage_return_alone_ends_a_line_where_it_ends_the_titles() {
    let cell = |n: u8| format!("\"{}\"", EVENT.replace("\"A\"", &format!("\"A{n}\"")).replace('"', "\"\""));
    for end in ["\r", "\n", "\r\n"] {
        let rows: Vec<String> = [1, 2].map(|n| format!("x,{}{end}", cell(n))).to_vec();
        let text = format!("\u{feff}eventID,eventJson{end}{}", rows.concat());
        let (records, refused) = both_of(&text);
        assert_eq!((records.len(), refused.len()), (2, 0), "{end:?}");
        assert!(records[0].contains("\"A1\"") && records[1].contains("\"A2\""), "{end:?}");
        let (records, refused) = both_of(&text.replace(
            "x,\"{\"\"eventVersion\"\":\"\"1.08\"\",\"\"n\"\":12345678901234567890.10,\"\"eventName\"\":\"\"A1",
            "x\",\"",
        ));
        assert_eq!((records.len(), refused.len()), (1, 1), "{end:?}");
    }
    // The last end is another one; a line feed stands in a cell.
    let spread = cell(1).replace("\"\"n\"\"", "\n\"\"n\"\"");
    let (records, refused) = both_of(&format!("eventID,eventJson\rx,{spread}\r\rx,{}\n", cell(2)));
    assert_eq!((records.len(), refused.len()), (2, 0));
    let (records, refused) = both_of(&format!("eventID,eventJson\rx,{}\rtoo,many,cells\r", cell(1)));
    let place = refused[0].offset_bytes;
    assert_eq!((records.len(), refused.len(), place), (1, 1, 18 + 3 + cell(1).len() as u64));
}

#[test]
fn a_second_payload_is_told() {
    let other = EVENT.replace("\"A\"", "\"B\"");
    let (quoted, quoted_other) = (serde_json::to_string(EVENT).unwrap(), serde_json::to_string(&other).unwrap());
    for (begin, second, end) in [
        (format!("{{\"x\":1,\"Records\":[{EVENT}],\"logEvents\":"), format!("[{{\"message\":{quoted_other}}}]"), ""),
        ("{\"detail\":".to_owned(), other.clone(), &*format!(",\"Records\":[{EVENT}]")),
        (format!("{{\"event\":{EVENT},\"record\":"), other.clone(), ""),
        (format!("{{\"MessageId\":\"m\",\"Body\":{quoted},\"body\":"), quoted_other.clone(), ""),
        // Of a key that stands twice the last is taken.
        ("{\"detail\":".to_owned(), other.clone(), &*format!(",\"detail\":{EVENT}")),
    ] {
        let (records, refused) = both_of(&format!("{begin}{second}{end}}}"));
        assert_eq!((records, refused.len()), (vec![EVENT.to_owned()], 1), "{begin}");
        assert!(refused[0].reason.contains("a second payload"), "{refused:?}");
        assert_eq!(refused[0].offset_bytes, begin.len() as u64, "{begin}");
    }
    for holding_nothing in [
        format!("{{\"messageType\":\"CONTROL_MESSAGE\",\"logEvents\":[{{\"message\":{quoted}}}]}}"),
        format!("{{\"TopicArn\":\"t\",\"Type\":\"SubscriptionConfirmation\",\"Message\":{quoted}}}"),
        format!("{{\"hashSignature\":1,\"publicKeyFingerprint\":1,\"files\":[],\"Records\":[{EVENT}]}}"),
    ] {
        let error = normalise(holding_nothing.clone().into_bytes());
        let is_told = match error {
            Ok(normal) => !normal.refused.is_empty(),
            Err(error) => error.other.is_none(),
        };
        assert!(is_told, "{holding_nothing}");
    }
}

#[test]
fn a_copy_is_no_second_payload() {
    let event = EVENT.replacen('{', "{\"eventID\":\"i\",", 1);
    let quoted = serde_json::to_string(&event).unwrap();
    let less = event.replace("\"n\":12345678901234567890.10,", "");
    for form in [
        format!("{{\"event\":{{\"original\":{quoted}}},\"message\":{quoted}}}"),
        format!("{{\"_source\":{{\"event\":{{\"original\":{quoted}}}}},\"fields\":{{\"event.original\":[{quoted}]}}}}"),
        format!("{{\"detail\":{less},\"Records\":[{event}],\"events\":[]}}"),
        format!("{{\"message\":{quoted},\"note\":\"eventName = A and eventSource\",\"events_seen\":[1]}}"),
    ] {
        assert_eq!(both_of(&form), (vec![event.clone()], vec![]), "{form}");
    }
}

#[test]
fn second_payloads_within_each_other_end() {
    let deep = (0..20_000).fold(EVENT.to_owned(), |inner, _| format!("{{\"detail\":[],\"Records\":{inner}}}"));
    assert!(normalise(deep.into_bytes()).is_ok_and(|normal| normal.refused.is_empty()));
}
