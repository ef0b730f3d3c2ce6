//! What every mode writes.

use std::io::{self, Write};

use super::*;
use crate::query::fixture::{context, run};
use crate::query::{execute, parse};

fn written(sql: &str, format: Format, max_rows: usize) -> (Vec<u8>, Written) {
    laid_out(sql, format, max_rows, None)
}

fn laid_out(sql: &str, format: Format, max_rows: usize, width: Option<usize>) -> (Vec<u8>, Written) {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let context = context(dir.path()).await;
        let statement = parse(sql).unwrap().remove(0);
        let answer = execute(&context, statement, &Default::default()).await.unwrap();
        let mut out = Vec::new();
        let printable = |text: &str| text.replace('\u{1b}', "<esc>");
        let written = write(answer, format, &Layout { max_rows, width, printable }, &mut out).await.unwrap();
        (out, written)
    })
}

fn text(sql: &str, format: Format) -> String {
    String::from_utf8(written(sql, format, 100).0).unwrap()
}

const ERRORS: &str = "SELECT event_name, error_message, read_only, 1 AS n FROM events WHERE error_code IS NOT NULL";

#[test]
fn tables_have_nothing_that_a_terminal_acts_on() {
    let expected = "event_name    error_message    read_only  n\nRunInstances  <esc>[31mno way  false      1\n";
    assert_eq!(text(ERRORS, Format::Table), expected);
    let (out, counts) = written("SELECT event_id FROM events", Format::Table, 2);
    assert_eq!(counts, Written { rows: 5, left_out: 3, ..Written::default() });
    assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 3);
}

#[test]
fn texts_are_as_logged_in_data_formats() {
    let csv = text(ERRORS, Format::Csv);
    // But for what a terminal or a spreadsheet would act on.
    assert_eq!(csv, "event_name,error_message,read_only,n\nRunInstances,<esc>[31mno\\nway,false,1\n");
    let json: serde_json::Value = serde_json::from_str(&text(ERRORS, Format::Json)).unwrap();
    assert_eq!(json[0]["error_message"], "\u{1b}[31mno\nway");
    let lines = text("SELECT event_id, error_code FROM events", Format::Ndjson);
    assert_eq!(lines.lines().count(), 5);
    assert_eq!(lines.matches("\"error_code\":null").count(), 4);
}

#[test]
fn an_empty_answer_is_still_an_answer() {
    let sql = "SELECT event_id, error_code FROM events WHERE event_id = 'none'";
    assert_eq!(text(sql, Format::Csv), "event_id,error_code\n");
    assert_eq!(text(sql, Format::Json).trim(), "[]");
    assert_eq!(text(sql, Format::Ndjson), "");
    assert_eq!(text(sql, Format::Table), "event_id  error_code\n");
    assert!(written(sql, Format::Parquet, 0).0.ends_with(b"PAR1"));
}

#[test]
fn nested_values_in_every_format() {
    let sql = "SELECT resources FROM events WHERE event_name = 'GetBucketPolicy'";
    assert!(text(sql, Format::Csv).contains("arn:aws:s3:::logs"));
    assert!(text(sql, Format::Table).contains("arn:aws:s3:::logs"));
    let json: serde_json::Value = serde_json::from_str(&text(sql, Format::Json)).unwrap();
    assert_eq!(json[0]["resources"][0]["arn"], "arn:aws:s3:::logs");
}

#[test]
fn an_output_that_goes_away_is_told_as_it_is() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let context = context(dir.path()).await;
        for (_, format) in Format::all() {
            let statement = parse("SELECT * FROM events").unwrap().remove(0);
            let answer = execute(&context, statement, &Default::default()).await.unwrap();
            let error = write(answer, format, &Layout { max_rows: 9, width: None, printable: str::to_owned }, Gone)
                .await
                .unwrap_err();
            assert!(
                matches!(&error, QueryError::Output(error) if error.kind() == io::ErrorKind::BrokenPipe),
                "{format:?} {error}"
            );
        }
    });
}

#[test]
fn parquet_reads_back() {
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    let (out, counts) = written("SELECT * FROM cloudtrail_logs", Format::Parquet, 0);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), out).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.reopen().unwrap()).unwrap().build().unwrap();
    assert_eq!(reader.map(|batch| batch.unwrap().num_rows() as u64).sum::<u64>(), counts.rows);
}

#[test]
fn markup_is_text_alone() {
    let sql = "SELECT '<b>&\"' || '|`*_[x](http://e)' AS \"a|<i>\", 1 AS n, 'é' || chr(10) || chr(27) AS c";
    assert_eq!(
        text(sql, Format::Html),
        "<table>\n<thead>\n<tr><th>a|&lt;i&gt;</th><th align=\"right\">n</th><th>c</th></tr>\n</thead>\n<tbody>\n\
         <tr><td>&lt;b&gt;&amp;&quot;|`*_[x](http://e)</td><td align=\"right\">1</td><td>&#233;\\n&lt;esc&gt;</td></tr>\n\
         </tbody>\n</table>\n"
    );
    assert_eq!(
        text(sql, Format::Markdown),
        "| a\\|\\<i\\> | n | c |\n|---|---:|---|\n\
         | \\<b\\>&amp;\"\\|\\`\\*\\_\\[x\\](http\\://e) | 1 | é\\\\n\\<esc\\> |\n"
    );
}

#[test]
fn tabs_separate_and_are_in_no_cell() {
    let sql = "SELECT 'a' || chr(9) || 'b' AS x, '=1' AS y";
    assert_eq!(text(sql, Format::Tsv), "x\ty\na\\tb\t'=1\n");
}

#[test]
fn lines_have_a_value_each() {
    let sql = "SELECT event_name, error_message, error_code FROM events WHERE event_id LIKE '%3' OR event_id LIKE '%4' \
               ORDER BY event_time";
    assert_eq!(
        text(sql, Format::Line),
        "-[ 1 ]---------\nevent_name    | RunInstances\nerror_message | <esc>[31mno\\nway\n\
         error_code    | Client.UnauthorizedOperation\n\
         -[ 2 ]---------\nevent_name    | DescribeInstances\nerror_message |\nerror_code    |\n"
    );
    let (_, counts) = written("SELECT event_id FROM events", Format::Line, 2);
    assert_eq!(counts, Written { rows: 5, left_out: 3, ..Written::default() });
}

#[test]
fn arrow_reads_back() {
    let (out, counts) = written("SELECT useridentity, resources, eventid FROM cloudtrail_logs", Format::Arrow, 0);
    let reader = arrow::ipc::reader::FileReader::try_new(io::Cursor::new(out), None).unwrap();
    assert_eq!(reader.map(|batch| batch.unwrap().num_rows() as u64).sum::<u64>(), counts.rows);
}

#[test]
fn a_table_is_folded_to_the_terminal() {
    let (out, counts) = laid_out("SELECT * FROM events", Format::Table, 10, Some(80));
    let text = String::from_utf8(out).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains('…') && counts.columns_left_out > 60 && counts.is_cut, "{counts:?}\n{text}");
    let (out, counts) = laid_out("SELECT event_name, principal_arn FROM events", Format::Table, 10, Some(40));
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("arn:a") && text.contains("…") && text.contains("alice"), "{text}");
    assert_eq!((counts.columns_left_out, counts.is_cut), (0, true));
    let (out, _) = laid_out("DESCRIBE events", Format::Table, 100, Some(80));
    let text = String::from_utf8(out).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.lines().any(|line| line.starts_with("event_time ") && line.contains(" TIMESTAMPTZ ")), "{text}");
}
