//! Whole files into memory, for loading: by tokio-uring where the kernel allows io_uring, else by
//! std.
//!
//! Absent on purpose: writing, and any use on a worker's thread (a worker's ring is its own, see
//! `uring`).

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A way to read files.
pub trait FileIo {
    /// The whole file.
    ///
    /// # Errors
    /// Whatever the kernel says; also when it is not a file, or longer than `bytes_max`.
    fn read(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>>;
}

/// By the standard library, blocking.
#[derive(Clone, Copy, Debug, Default)]
pub struct StdFileIo;

/// By tokio-uring on one thread that lives as long as the read; by [`StdFileIo`] where the kernel
/// refuses io_uring.
#[derive(Clone, Copy, Debug, Default)]
pub struct UringFileIo;

impl FileIo for StdFileIo {
    fn read(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
        // Before opening: to open a pipe would wait for its writer.
        let length = checked_length(&std::fs::metadata(path)?, bytes_max)?;
        let file = File::open(path)?;
        let mut bytes = Vec::with_capacity(length);
        // One byte more than allowed shows a file that grows meanwhile.
        file.take(bytes_max + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > bytes_max {
            return Err(too_long(bytes_max));
        }
        Ok(bytes)
    }
}

impl FileIo for UringFileIo {
    fn read(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
        let owned = path.to_path_buf();
        let reader = std::thread::Builder::new()
            .name("orbit-load".to_owned())
            .spawn(move || match tokio_uring::Runtime::new(&tokio_uring::builder()) {
                Ok(runtime) => Some(runtime.block_on(read_by_ring(owned, bytes_max))),
                Err(error) => {
                    tracing::debug!(%error, "no io_uring for loading files, reading them by std");
                    None
                }
            })?;
        match reader.join() {
            Ok(Some(result)) => result,
            Ok(None) => StdFileIo.read(path, bytes_max),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

async fn read_by_ring(path: PathBuf, bytes_max: u64) -> io::Result<Vec<u8>> {
    // tokio-uring cannot ask for a length, std can.
    let length = checked_length(&std::fs::metadata(&path)?, bytes_max)?;
    let file = tokio_uring::fs::File::open(&path).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn both() -> [(&'static str, &'static dyn FileIo); 2] {
        [("std", &StdFileIo), ("uring", &UringFileIo)]
    }

    #[test]
    fn a_file_of_several_chunks_arrives_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let bytes: Vec<u8> = (0..3 * CHUNK_BYTES + 17)
            .map(|n| u8::try_from(n % 251).unwrap())
            .collect();
        std::fs::write(&path, &bytes).unwrap();
        for (name, files) in both() {
            assert!(files.read(&path, 1 << 24).unwrap() == bytes, "{name}");
        }
    }

    #[test]
    fn a_file_above_the_limit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, [0; 101]).unwrap();
        for (name, files) in both() {
            assert!(
                files
                    .read(&path, 100)
                    .unwrap_err()
                    .to_string()
                    .contains("longer than"),
                "{name}"
            );
            assert_eq!(files.read(&path, 101).unwrap().len(), 101, "{name}");
        }
    }

    #[test]
    fn a_folder_and_a_device_are_refused() {
        for path in ["/", "/dev/zero"] {
            for (name, files) in both() {
                assert!(files.read(Path::new(path), 100).is_err(), "{name} {path}");
            }
        }
    }
}
