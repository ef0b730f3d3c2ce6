//! An entry that was taken out of a container as it stands there. Whoever has it inflates it, while others read on.

use std::io::Read as _;

use sha2::{Digest, Sha256};

use super::super::codec::{Codec, Inflating, WINDOW_MAX_BYTES};
use super::super::error::ReadFault;
use super::super::members::Gap;
use super::super::parquet::is_form;
use super::super::read::{Buffers, Read, inflate_owned};
use super::kind::{Told, kind_of, tell};

/// An entry's bytes.
#[derive(Debug, Default)]
pub struct Packed {
    pub(super) bytes: Vec<u8>,
    /// Where they are deflated: how many they are inflated.
    pub(super) deflated: Option<u64>,
    /// Of the inflated bytes, where the container says it.
    pub(super) crc: Option<u32>,
    /// Why they break off.
    pub(super) cut: Option<String>,
}

/// Why an entry can't be read, with the SHA-256 of its bytes where they can be had.
pub type EntryFault = (Option<[u8; 32]>, ReadFault);

impl Packed {
    /// Bytes that it takes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it takes none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether it is a container.
    pub fn is_container(&self) -> bool {
        matches!(tell(&self.bytes, true, self.deflated.map(|_| Codec::Deflate)), Told::Container(..))
    }

    /// The object in it, inflated down to its text, as [`super::super::read()`] has it of a file.
    ///
    /// # Errors
    /// Likewise.
    pub fn read(
        &self,
        buffers: &mut Buffers,
        cap_bytes: u64,
        is_known: &dyn Fn(&[u8; 32]) -> bool,
    ) -> Result<Read, EntryFault> {
        let content = self.content(buffers, cap_bytes).map_err(|fault| (None, fault))?;
        self.object(content, buffers, cap_bytes, is_known)
    }

    /// The same. The bytes are gone from here, and are not copied where nothing is compressed.
    ///
    /// # Errors
    /// Those of [`Packed::read`]. Bytes that are compressed, or a container, are still here then. They are also where
    /// there are gaps.
    pub fn take(
        &mut self,
        buffers: &mut Buffers,
        cap_bytes: u64,
        is_known: &dyn Fn(&[u8; 32]) -> bool,
    ) -> Result<Read, EntryFault> {
        let is_text = self.deflated.is_none()
            && self.bytes.len() as u64 <= cap_bytes
            && Codec::of(&self.bytes).is_none()
            && kind_of(&self.bytes).is_none()
            && !is_form(&self.bytes);
        if !is_text {
            let read = self.read(buffers, cap_bytes, is_known)?;
            if read.gaps.is_empty() {
                buffers.recycle(std::mem::take(&mut self.bytes));
            }
            return Ok(read);
        }
        let content = std::mem::take(&mut self.bytes);
        self.object(content, buffers, cap_bytes, is_known)
    }

    /// The object in its own bytes.
    fn object(
        &self,
        content: Vec<u8>,
        buffers: &mut Buffers,
        cap_bytes: u64,
        is_known: &dyn Fn(&[u8; 32]) -> bool,
    ) -> Result<Read, EntryFault> {
        let sha256 = Sha256::digest(&content).into();
        let fail = |fault| (Some(sha256), fault);
        if self.cut.is_none() && is_known(&sha256) {
            buffers.recycle(content);
            return Err(fail(ReadFault::Known));
        }
        if self.cut.is_none() && self.crc.is_some_and(|crc| crc != libdeflater::crc32(&content)) {
            let reason = "its checksum is not the one that the container gives".to_owned();
            return Err(fail(ReadFault::Corrupt { offset_bytes: 0, reason }));
        }
        let size_bytes = content.len() as u64;
        let cut_off = |offset_bytes| Gap { offset_bytes, reason: self.cut.clone().unwrap_or_default() };
        match inflate_owned(content, buffers, cap_bytes) {
            Ok((bytes, mut gaps)) => {
                if self.cut.is_some() && gaps.is_empty() {
                    gaps.push(cut_off(bytes.len() as u64));
                }
                Ok(Read { bytes, sha256, size_bytes, gaps })
            }
            Err(fault @ (ReadFault::OverCap { .. } | ReadFault::Container)) => Err(fail(fault)),
            Err(fault) => Err(fail(match &self.cut {
                Some(reason) => ReadFault::Cut { offset_bytes: 0, reason: reason.clone() },
                None => fault,
            })),
        }
    }

    /// Its own bytes, with room of the buffers.
    fn content(&self, buffers: &mut Buffers, cap_bytes: u64) -> Result<Vec<u8>, ReadFault> {
        let Some(size_bytes) = self.deflated else {
            if self.bytes.len() as u64 > cap_bytes {
                return Err(ReadFault::OverCap { cap_bytes });
            }
            let mut content = buffers.room(self.bytes.len());
            content.copy_from_slice(&self.bytes);
            return Ok(content);
        };
        if size_bytes > cap_bytes {
            return Err(ReadFault::OverCap { cap_bytes });
        }
        if self.cut.is_none()
            && let Some(content) = buffers.deflated(&self.bytes, size_bytes)
        {
            return Ok(content);
        }
        let mut content = Vec::new();
        let inflating = Inflating::new(Codec::Deflate, self.bytes.as_slice(), WINDOW_MAX_BYTES)?;
        let outcome = inflating.take(cap_bytes.saturating_add(1)).read_to_end(&mut content);
        match outcome {
            _ if content.len() as u64 > cap_bytes => Err(ReadFault::OverCap { cap_bytes }),
            Err(_) if self.cut.is_some() => Ok(content),
            Err(error) => Err(ReadFault::Corrupt { offset_bytes: content.len() as u64, reason: error.to_string() }),
            Ok(_) if self.cut.is_none() && content.len() as u64 != size_bytes => {
                let reason = "its size is not the one that the container gives".to_owned();
                Err(ReadFault::Corrupt { offset_bytes: 0, reason })
            }
            Ok(_) => Ok(content),
        }
    }
}
