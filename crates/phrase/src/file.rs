//! Reading what users name or drop into a folder. It may be anything: a pipe, a device, a folder, a file
//! without end.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// Opens a file to read, if it is a regular one (or a link to one).
///
/// To open a pipe waits for its writer, perhaps for ever, and a device may never end or act by being opened.
/// So the kind is asked for first, and again of what was opened, in case it was exchanged between.
///
/// # Errors
/// What the system says, or in a few words that it is no file. The caller names the file and the remedy.
pub fn open_regular(path: &Path) -> io::Result<File> {
    check(&fs::metadata(path)?)?;
    let file = File::open(path)?;
    check(&file.metadata()?)?;
    Ok(file)
}

/// All of a regular file of at most `limit` bytes; see [`open_regular`].
///
/// # Errors
/// As there; of kind [`ErrorKind::FileTooLarge`] where the file has more bytes, of which then hardly any was
/// read.
pub fn read_regular(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open_regular(path)?;
    let told = file.metadata()?.len();
    let mut bytes = Vec::new();
    if told <= limit {
        bytes.try_reserve_exact(usize::try_from(told).map_err(|_| too_large(limit))?)?;
        // The system's length is not trusted: a file may grow while it is read, and those in /proc say 0.
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    }
    if told > limit || bytes.len() as u64 > limit {
        return Err(too_large(limit));
    }
    Ok(bytes)
}

fn check(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_dir() {
        return Err(io::Error::new(ErrorKind::IsADirectory, "it is a folder, not a file"));
    }
    if !metadata.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is a pipe or a device, not a file"));
    }
    Ok(())
}

fn too_large(limit: u64) -> io::Error {
    let size = if limit >= 1 << 20 { format!("{} MiB", limit >> 20) } else { format!("{limit} bytes") };
    io::Error::new(ErrorKind::FileTooLarge, format!("it is larger than {size}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, [7; 100]).unwrap();
        assert_eq!(read_regular(&file, 100).unwrap(), [7; 100]);
        let error = read_regular(&file, 99).unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::FileTooLarge, "it is larger than 99 bytes")
        );
        fs::write(&file, []).unwrap();
        assert!(read_regular(&file, 0).unwrap().is_empty());
        assert_eq!(read_regular(&folder.path().join("none"), 1).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_folder_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = read_regular(folder.path(), 1).unwrap_err();
        assert_eq!(error.to_string(), "it is a folder, not a file");
    }

    /// Of a sparse file no byte is read that the limit would refuse.
    #[test]
    fn a_length_beyond_memory_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparse");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(read_regular(&path, 3 << 20).unwrap_err().to_string(), "it is larger than 3 MiB");
    }

    /// Without the question before, opening the pipe would wait for a writer that never comes.
    #[test]
    #[cfg(unix)]
    fn pipes_and_devices_are_refused_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        for path in [&pipe, &link, Path::new("/dev/zero")] {
            let error = read_regular(path, 1 << 20).unwrap_err();
            assert_eq!(error.to_string(), "it is a pipe or a device, not a file");
        }
    }
}
