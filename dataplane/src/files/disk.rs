//! Files as the file thread has them: by tokio-uring where the kernel allows io_uring, else by std,
//! which blocks that thread alone.

use std::fs::{Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

/// How files are read and written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum By {
    Ring,
    Std,
}

/// An open file.
pub(super) enum Disk {
    Ring(tokio_uring::fs::File),
    Std(std::fs::File),
}

/// A whole file.
pub(super) async fn whole(by: By, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    // Before opening: to open a pipe would wait for its writer. And tokio-uring cannot ask for a
    // length.
    let length = checked_length(&std::fs::metadata(path)?, bytes_max)?;
    let bytes = match by {
        By::Ring => whole_by_ring(path, length).await?,
        By::Std => whole_by_std(path, length, bytes_max)?,
    };
    if bytes.len() as u64 > bytes_max {
        return Err(too_long(bytes_max));
    }
    Ok(bytes)
}

impl Disk {
    /// Makes a file for us alone, without a name: it is gone when nobody has it open, however the
    /// process ends.
    pub(super) fn make(by: By, folder: &Path, name: &str) -> io::Result<Self> {
        let path = folder.join(name);
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        std::fs::remove_file(&path)?;
        Ok(match by {
            By::Ring => Self::Ring(tokio_uring::fs::File::from_std(file)),
            By::Std => Self::Std(file),
        })
    }

    /// Writes all of it from a byte on.
    pub(super) async fn write(&self, bytes: Vec<u8>, at: u64) -> io::Result<()> {
        match self {
            Self::Ring(file) => file.write_all_at(bytes, at).await.0,
            Self::Std(file) => file.write_all_at(&bytes, at),
        }
    }

    /// Reads so many bytes from a byte on, which are there.
    pub(super) async fn read(&self, at: u64, length: usize) -> io::Result<Vec<u8>> {
        match self {
            Self::Ring(file) => {
                let (result, bytes) = file.read_exact_at(Vec::with_capacity(length), at).await;
                result.map(|()| bytes)
            }
            Self::Std(file) => {
                let mut bytes = vec![0; length];
                file.read_exact_at(&mut bytes, at).map(|()| bytes)
            }
        }
    }
}

async fn whole_by_ring(path: &Path, length: usize) -> io::Result<Vec<u8>> {
    let file = tokio_uring::fs::File::open(path).await?;
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let chunk = Vec::with_capacity((length - bytes.len()).min(CHUNK_BYTES));
        let (read, chunk) = file.read_at(chunk, bytes.len() as u64).await;
        let read = read?;
        if read == 0 {
            break;
        }
        bytes.extend_from_slice(&chunk[..read]);
    }
    file.close().await?;
    Ok(bytes)
}

fn whole_by_std(path: &Path, length: usize, bytes_max: u64) -> io::Result<Vec<u8>> {
    let file = std::fs::File::open(path)?;
    let mut bytes = Vec::with_capacity(length);
    // One byte more than allowed shows a file that grows meanwhile.
    file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

const CHUNK_BYTES: usize = 1_024 * 1_024;

fn checked_length(metadata: &Metadata, bytes_max: u64) -> io::Result<usize> {
    if !metadata.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    if metadata.len() > bytes_max {
        return Err(too_long(bytes_max));
    }
    usize::try_from(metadata.len()).map_err(io::Error::other)
}

fn too_long(bytes_max: u64) -> io::Error {
    io::Error::other(format!(
        "longer than {} MiB, the most a recording may have",
        bytes_max >> 20
    ))
}
