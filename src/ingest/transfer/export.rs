//! Writing days of a store into one file or folder.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::record_batch::RecordBatch;
use sha2::{Digest, Sha256};

use super::ledger::Line;
use super::manifest::{FileLine, LEDGER, LedgerLine, MANIFEST, Manifest, SCHEMA, Source, is_name, path_of};
use super::tar;
use crate::ingest::error::IngestError;
use crate::store::{
    DataFile, DataFileWriter, Part, Snapshot, Store, Table, create_or_replace_private, create_private_folder,
    in_schema, outside_stores, read_batches,
};
use crate::time::format_date;
use crate::util::hex::hex;

/// What to export, and where to.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// The days and accounts.
    pub part: Part,
    /// A file; a folder where there is one, or the name ends with `/`; `-`: standard output.
    pub out: PathBuf,
}

/// What an export came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// The store's identity.
    pub store_id: String,
    /// The snapshot that was exported.
    pub snapshot: i64,
    /// The first and the last day with events.
    pub days: Option<(i32, i32)>,
    /// How many days have events.
    pub day_count: u64,
    /// Data files.
    pub files: u64,
    /// Events in them.
    pub events: u64,
    /// Log objects that go with them.
    pub objects: u64,
    /// Conflicts that go with them.
    pub conflicts: u64,
    /// Bytes of the file, or of all files in the folder.
    pub bytes: u64,
    /// SHA-256 of the file; of a folder that of its manifest, which has those of all other files.
    pub sha256: [u8; 32],
}

/// A data file to export.
struct Outgoing {
    file: DataFile,
    sha256: [u8; 32],
    line: FileLine,
}

/// Writes days of a store into one file or folder. The same snapshot and days give the same bytes.
///
/// # Errors
/// The store, a damaged file of it, the disk: then no file is there, or the one that was there before.
pub fn export(store: &Store, options: &ExportOptions) -> Result<Exported, IngestError> {
    let snapshot = store.snapshot_with(None, &[])?;
    // Files that have the events of some accounts alone are written here first: their digests stand in front.
    let folder = tempfile::tempdir().map_err(|error| failed(&std::env::temp_dir(), "cannot make a folder", error))?;
    let files = outgoing(&snapshot, &options.part, folder.path())?;
    let (ledger, objects, conflicts) = ledger(store, &snapshot, &options.part)?;
    let mut exported = Exported {
        store_id: store.identity()?,
        snapshot: snapshot.id,
        files: files.len() as u64,
        events: files.iter().map(|file| file.line.rows).sum(),
        objects,
        conflicts,
        ..Exported::default()
    };
    let mut days: Vec<i32> = files.iter().map(|file| file.file.event_date).collect();
    days.dedup();
    exported.day_count = days.len() as u64;
    exported.days = days.first().copied().zip(days.last().copied());
    let manifest = Manifest {
        schema: SCHEMA.to_owned(),
        program: concat!("trailpare ", env!("CARGO_PKG_VERSION")).to_owned(),
        store: Source { id: exported.store_id.clone(), snapshot: snapshot.id, snapshot_time: snapshot.time.clone() },
        from: options.part.from.map(format_date),
        to: options.part.to.map(format_date),
        accounts: options.part.accounts.clone(),
        events: exported.events,
        ledger: LedgerLine {
            path: LEDGER.to_owned(),
            bytes: ledger.len() as u64,
            sha256: hex(&Sha256::digest(&ledger)),
            objects,
            conflicts,
        },
        files: files.iter().map(|file| file.line.clone()).collect(),
    };
    let manifest = serde_json::to_vec_pretty(&manifest).map_err(|error| failed(&options.out, "", error.into()))?;
    let content = Content { manifest: &manifest, ledger: &ledger, files: &files };
    (exported.bytes, exported.sha256) = content.write(&options.out)?;
    Ok(exported)
}

fn failed(path: &Path, what: &str, error: io::Error) -> IngestError {
    let separator = if what.is_empty() { "" } else { ": " };
    IngestError::Transfer { path: path.to_owned(), what: format!("{what}{separator}{error}") }
}

/// The files of the days that are meant, by day; written anew below `folder` where only some accounts are.
fn outgoing(snapshot: &Snapshot, part: &Part, folder: &Path) -> Result<Vec<Outgoing>, IngestError> {
    let mut files = Vec::new();
    for stored in snapshot.files(Table::Events).iter().filter(|file| part.has(file.event_date)) {
        let file = match part.accounts.is_empty() {
            true => Some(stored.clone()),
            false => of_accounts(stored, &part.accounts, folder)?,
        };
        let Some(file) = file else { continue };
        let sha256 = file.sha256()?;
        // What was written anew here has a name by chance.
        let name = name_of(stored, &sha256);
        let line = FileLine {
            path: path_of(file.event_date, &name),
            table: Table::Events.name().to_owned(),
            day: format_date(file.event_date),
            rows: file.rows,
            bytes: file.size_bytes,
            sha256: hex(&sha256),
        };
        files.push(Outgoing { file, sha256, line });
    }
    Ok(files)
}

/// The name under which a file goes along: its own, unless another program gave it one that is none here.
fn name_of(file: &DataFile, sha256: &[u8; 32]) -> String {
    let name = file.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if is_name(name) { name.to_owned() } else { format!("{}.parquet", hex(sha256).split_at(32).0) }
}

/// The events of a file that some accounts logged.
fn of_accounts(file: &DataFile, accounts: &[String], folder: &Path) -> Result<Option<DataFile>, IngestError> {
    let mut writer: Option<DataFileWriter> = None;
    for batch in read_batches(file, None, None)? {
        let batch = in_schema(Table::Events, &batch?)?;
        let kept = filter_record_batch(&batch, &is_of(&batch, accounts))?;
        if kept.num_rows() == 0 {
            continue;
        }
        let mut open = match writer.take() {
            Some(writer) => writer,
            None => DataFileWriter::create(folder, Table::Events, file.event_date)?,
        };
        open.write(&kept)?;
        writer = Some(open);
    }
    Ok(writer.map(DataFileWriter::finish).transpose()?.map(|staged| staged.as_data_file()))
}

fn is_of(batch: &RecordBatch, accounts: &[String]) -> BooleanArray {
    let ids = batch.column_by_name("recipient_account_id").and_then(|column| column.as_string_opt::<i32>());
    let is_meant = |row: usize| {
        ids.is_some_and(|ids| ids.is_valid(row) && accounts.iter().any(|account| account == ids.value(row)))
    };
    (0..batch.num_rows()).map(|row| Some(is_meant(row))).collect()
}

/// The lines of the ledger, and of how many objects and conflicts they are.
fn ledger(store: &Store, snapshot: &Snapshot, part: &Part) -> Result<(Vec<u8>, u64, u64), IngestError> {
    let mut out = Vec::new();
    let (mut objects, mut conflicts) = (0, 0);
    for entry in store.objects_within(snapshot, part)? {
        Line::of_object(&entry).write(&mut out).map_err(|error| failed(store.dir(), "", error))?;
        objects += 1;
    }
    // Nothing tells whose a conflict is.
    let listed = if part.accounts.is_empty() { store.conflicts()? } else { Vec::new() };
    for conflict in listed.iter().filter(|conflict| part.has(conflict.event_date)) {
        Line::of_conflict(conflict).write(&mut out).map_err(|error| failed(store.dir(), "", error))?;
        conflicts += 1;
    }
    Ok((out, objects, conflicts))
}

/// All that goes into an export.
struct Content<'a> {
    manifest: &'a [u8],
    ledger: &'a [u8],
    files: &'a [Outgoing],
}

impl Content<'_> {
    /// Writes it; its bytes and its SHA-256.
    fn write(&self, out: &Path) -> Result<(u64, [u8; 32]), IngestError> {
        if out == Path::new("-") {
            return self.write_tar(&mut io::stdout().lock(), out);
        }
        outside_stores(out).map_err(|error| failed(out, "cannot write", error))?;
        if out.is_dir() || out.to_string_lossy().ends_with('/') {
            return self.write_folder(out);
        }
        // What is no file, as /dev/stdout, can't be replaced.
        if out.exists() && !out.is_file() {
            let mut file = File::options().write(true).open(out).map_err(|error| failed(out, "cannot open", error))?;
            return self.write_tar(&mut file, out);
        }
        let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = tempfile::Builder::new().prefix(".trailpare-").tempfile_in(folder);
        let mut file = file.map_err(|error| failed(folder, "cannot write", error))?;
        let written = self.write_tar(file.as_file_mut(), out)?;
        file.as_file().sync_all().map_err(|error| failed(out, "cannot write", error))?;
        file.persist(out).map_err(|error| failed(out, "cannot write", error.error))?;
        Ok(written)
    }

    fn write_tar(&self, out: &mut dyn Write, path: &Path) -> Result<(u64, [u8; 32]), IngestError> {
        let cannot = |error| failed(path, "cannot write", error);
        let mut out = Summing { out: BufWriter::new(out), sha256: Sha256::new(), bytes: 0 };
        for (name, bytes) in [(MANIFEST, self.manifest), (LEDGER, self.ledger)] {
            tar::begin(&mut out, name, bytes.len() as u64).map_err(cannot)?;
            out.write_all(bytes).map_err(cannot)?;
            tar::end(&mut out, bytes.len() as u64).map_err(cannot)?;
        }
        for Outgoing { file, sha256, line } in self.files {
            tar::begin(&mut out, &line.path, line.bytes).map_err(cannot)?;
            file.copy_to(sha256, &mut out)?.map_err(cannot)?;
            tar::end(&mut out, line.bytes).map_err(cannot)?;
        }
        tar::finish(&mut out).and_then(|()| out.flush()).map_err(cannot)?;
        Ok((out.bytes, out.sha256.finalize().into()))
    }

    fn write_folder(&self, folder: &Path) -> Result<(u64, [u8; 32]), IngestError> {
        let is_empty = fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
        if !is_empty {
            let what = "the folder is not empty\nhint: give one that is new, or a file".to_owned();
            return Err(IngestError::Transfer { path: folder.to_owned(), what });
        }
        let create = |name: &str| -> Result<File, IngestError> {
            let path = folder.join(name);
            let created = path.parent().map_or(Ok(()), create_private_folder);
            created
                .and_then(|()| create_or_replace_private(&path))
                .map_err(|error| failed(&path, "cannot write", error))
        };
        let sync = |file: File, name: &str| file.sync_all().map_err(|error| failed(&folder.join(name), "", error));
        let mut bytes = 0;
        for Outgoing { file, sha256, line } in self.files {
            let mut out = create(&line.path)?;
            let copied = file.copy_to(sha256, &mut out)?;
            copied.map_err(|error| failed(&folder.join(&line.path), "cannot write", error))?;
            sync(out, &line.path)?;
            bytes += line.bytes;
        }
        // The manifest comes last: without it nothing is an export.
        for (name, content) in [(LEDGER, self.ledger), (MANIFEST, self.manifest)] {
            let mut out = create(name)?;
            out.write_all(content).map_err(|error| failed(&folder.join(name), "cannot write", error))?;
            sync(out, name)?;
            bytes += content.len() as u64;
        }
        Ok((bytes, Sha256::digest(self.manifest).into()))
    }
}

/// An output that sums up what is written.
struct Summing<W> {
    out: W,
    sha256: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.sha256.update(bytes.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
