//! Rows of usage in a file that only this process has: a sorted run of an aggregation that doesn't fit in memory.
//!
//! The file has no name and no reader but this process, so that it ends with it, however that ends. A text that a row has in
//! common with the row before is not written again.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use super::origin::{Origin, Smallest};
use super::row::{Outcome, UsageRow};
use super::shared_str::Text;
use super::stored_order::identity;

/// Texts of a row that tell it from others.
const TEXTS: usize = 14;

/// The length that stands for "no text".
const NO_TEXT: u32 = u32::MAX;

/// What a run that is open holds in memory.
const BUFFER_BYTES: usize = 32 << 10;

/// A run on its way out.
pub(super) struct RunWriter {
    out: BufWriter<File>,
    rows: u64,
    before: [Option<String>; TEXTS],
    scratch: Vec<u8>,
}

impl RunWriter {
    /// A new run on the file system of `folder`.
    pub fn create(folder: &Path) -> io::Result<RunWriter> {
        let file = tempfile::tempfile_in(folder)?;
        Ok(RunWriter {
            out: BufWriter::with_capacity(BUFFER_BYTES, file),
            rows: 0,
            before: Default::default(),
            scratch: Vec::new(),
        })
    }

    pub fn write<T: AsRef<str>>(&mut self, row: &UsageRow<T>) -> io::Result<()> {
        let RunWriter { before, scratch, .. } = self;
        scratch.clear();
        let (main, outcome, how, [cross_account, overflow]) = identity(row, |text| text.map(AsRef::as_ref));
        let texts = || main.iter().chain(&how).copied();
        let first = self.rows == 0;
        let is_same = |(text, before): (Option<&str>, &Option<String>)| !first && text == before.as_deref();
        let same = texts().zip(before.iter()).map(is_same).enumerate();
        let mask = same.fold(0_u16, |mask, (at, is_same)| mask | u16::from(is_same) << at);
        scratch.extend(mask.to_le_bytes());
        for ((text, before), at) in texts().zip(before.iter_mut()).zip(0..) {
            if mask >> at & 1 == 0 {
                put_text(scratch, text);
                match (text, &mut *before) {
                    (Some(text), Some(held)) => text.clone_into(held),
                    (text, held) => *held = text.map(str::to_owned),
                }
            }
        }
        scratch.extend([outcome as u8, flags([cross_account, overflow])]);
        scratch.extend(row.event_date.to_le_bytes());
        scratch.extend(row.event_count.to_le_bytes());
        scratch.extend(row.first_time_us.to_le_bytes());
        scratch.extend(row.last_time_us.to_le_bytes());
        put_text(scratch, Some(row.example_event_id.as_ref()));
        put_origin(scratch, row.origin.as_ref());
        self.rows += 1;
        self.out.write_all(scratch)
    }

    /// Ends it; it can be read from its beginning.
    pub fn finish(self) -> io::Result<RunReader> {
        let mut file = self.out.into_inner().map_err(|error| error.into_error())?;
        file.rewind()?;
        let input = BufReader::with_capacity(BUFFER_BYTES, file);
        Ok(RunReader { input, left: self.rows, before: Default::default() })
    }
}

fn flags<const N: usize>(flags: [bool; N]) -> u8 {
    flags.into_iter().enumerate().fold(0, |all, (at, is_set)| all | u8::from(is_set) << at)
}

#[expect(clippy::cast_possible_truncation, reason = "texts come out of batches of less than 2 GiB")]
fn put_text(out: &mut Vec<u8>, text: Option<&str>) {
    let length = text.map_or(NO_TEXT, |text| text.len() as u32);
    out.extend(length.to_le_bytes());
    out.extend(text.unwrap_or_default().as_bytes());
}

#[expect(clippy::cast_possible_truncation, reason = "of the smallest few are kept")]
fn put_origin<T: AsRef<str>>(out: &mut Vec<u8>, origin: Option<&Origin<T>>) {
    let Some(origin) = origin else { return out.push(0) };
    out.push(flags([
        true,
        origin.without_vpc_endpoint,
        origin.with_mfa,
        origin.without_mfa,
        origin.mfa_not_recorded,
        origin.source_ips.more,
        origin.vpc_endpoint_ids.more,
    ]));
    for smallest in [&origin.source_ips, &origin.vpc_endpoint_ids] {
        out.push(smallest.items.len() as u8);
        smallest.items.iter().for_each(|item| put_text(out, Some(item.as_ref())));
    }
}

/// A run on its way in: its rows in the order in which they were written.
pub(super) struct RunReader {
    input: BufReader<File>,
    left: u64,
    before: [Option<Text>; TEXTS],
}

impl Iterator for RunReader {
    type Item = io::Result<UsageRow>;

    fn next(&mut self) -> Option<io::Result<UsageRow>> {
        self.left = self.left.checked_sub(1)?;
        let row = self.row();
        if row.is_err() {
            self.left = 0;
        }
        Some(row)
    }
}

impl RunReader {
    fn row(&mut self) -> io::Result<UsageRow> {
        let mask = u16::from_le_bytes(self.bytes()?);
        for at in (0..TEXTS).filter(|at| mask >> at & 1 == 0) {
            let text = self.optional()?;
            if let Some(before) = self.before.get_mut(at) {
                *before = text;
            }
        }
        let [outcome, flags] = self.bytes()?;
        let event_date = i32::from_le_bytes(self.bytes()?);
        let event_count = u64::from_le_bytes(self.bytes()?);
        let first_time_us = i64::from_le_bytes(self.bytes()?);
        let last_time_us = i64::from_le_bytes(self.bytes()?);
        let example_event_id = self.text()?;
        let origin = self.origin()?;
        // As `identity` has them.
        let [
            account,
            principal,
            source,
            name,
            action,
            resource,
            kind,
            set,
            session,
            via,
            region,
            confidence,
            rule,
            passed,
        ] = self.before.clone();
        let [
            account_id,
            principal_arn,
            principal_type,
            resource,
            confidence,
            rule,
            event_source,
            event_name,
            aws_region,
        ] = [account, principal, kind, resource, confidence, rule, source, name, region].map(Option::unwrap_or_default);
        let outcomes = [Outcome::Allowed, Outcome::Denied, Outcome::Undecided];
        let outcome = outcomes.into_iter().find(|known| *known as u8 == outcome);
        Ok(UsageRow {
            event_date,
            account_id,
            principal_arn,
            principal_type,
            permission_set: set,
            session_name: session,
            action,
            resource,
            outcome: outcome.ok_or(io::ErrorKind::InvalidData)?,
            confidence,
            rule,
            passed_to_service: passed,
            event_source,
            event_name,
            aws_region,
            via,
            event_count,
            first_time_us,
            last_time_us,
            example_event_id,
            cross_account: flags & 1 != 0,
            overflow: flags & 2 != 0,
            origin,
        })
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn optional(&mut self) -> io::Result<Option<Text>> {
        let length = u32::from_le_bytes(self.bytes()?);
        if length == NO_TEXT {
            return Ok(None);
        }
        let mut bytes = vec![0; length as usize];
        self.input.read_exact(&mut bytes)?;
        let text = String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData)?;
        Ok(Some(text.into()))
    }

    fn text(&mut self) -> io::Result<Text> {
        self.optional()?.ok_or(io::ErrorKind::InvalidData.into())
    }

    fn origin(&mut self) -> io::Result<Option<Origin>> {
        let [flags] = self.bytes()?;
        let is_set = |at: u8| flags >> at & 1 != 0;
        if !is_set(0) {
            return Ok(None);
        }
        let source_ips = Smallest { items: self.items()?, more: is_set(5) };
        let vpc_endpoint_ids = Smallest { items: self.items()?, more: is_set(6) };
        Ok(Some(Origin {
            source_ips,
            vpc_endpoint_ids,
            without_vpc_endpoint: is_set(1),
            with_mfa: is_set(2),
            without_mfa: is_set(3),
            mfa_not_recorded: is_set(4),
        }))
    }

    fn items(&mut self) -> io::Result<Vec<Text>> {
        let [count] = self.bytes()?;
        (0..count).map(|_| self.text()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(rows: &[UsageRow]) -> RunReader {
        let folder = tempfile::tempdir().expect("a folder");
        let mut writer = RunWriter::create(folder.path()).expect("a run");
        rows.iter().for_each(|row| writer.write(row).expect("room"));
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nobody else can open it");
        writer.finish().expect("a run")
    }

    #[test]
    fn rows_come_back_as_they_were() {
        let some = |texts: &[&str]| texts.iter().map(|text| Text::from(*text)).collect::<Vec<_>>();
        let plain = UsageRow::example("arn:aws:s3:::b/k");
        let rows = [
            // What the first row has by default is no repetition.
            UsageRow { account_id: "".into(), ..plain.clone() },
            plain.clone(),
            plain.clone(),
            UsageRow {
                action: None,
                session_name: Some("".into()),
                permission_set: Some("p".into()),
                passed_to_service: Some("lambda.amazonaws.com".into()),
                via: Some("v".into()),
                outcome: Outcome::Undecided,
                cross_account: true,
                event_date: -3,
                event_count: u64::MAX,
                first_time_us: i64::MIN,
                ..plain.clone()
            },
            UsageRow {
                outcome: Outcome::Denied,
                overflow: true,
                origin: Some(Origin {
                    source_ips: Smallest { items: some(&["", "192.0.2.1"]), more: true },
                    vpc_endpoint_ids: Smallest { items: some(&["vpce-1"]), more: false },
                    with_mfa: true,
                    ..Origin::default()
                }),
                ..plain
            },
        ];
        let read: io::Result<Vec<UsageRow>> = written(&rows).collect();
        assert_eq!(read.expect("rows"), rows);
    }
}
