//! Zips with the same bytes for the same files, and their checksums.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

/// Files and folders that can be listed, programs and libraries that can be run.
const PLAIN: u32 = 0o644;
const PROGRAM: u32 = 0o755;

/// A zip that is being written. All in it lies in one folder of its name.
pub struct Archive {
    writer: ZipWriter<BufWriter<NamedTempFile>>,
    name: String,
    path: PathBuf,
}

impl Archive {
    /// `NAME.zip` in a folder that is there. It appears there with [`Self::finish`].
    pub fn new(folder: &Path, name: &str) -> Result<Self> {
        let part = NamedTempFile::new_in(folder)
            .with_context(|| format!("{} cannot be written into", folder.display()))?;
        let path = folder.join(format!("{name}.zip"));
        Ok(Self { writer: ZipWriter::new(BufWriter::new(part)), name: name.to_owned(), path })
    }

    /// Adds a file, or a folder with all in it, under a name.
    pub fn add(&mut self, file: &Path, name: &str) -> Result<()> {
        let fault = || format!("{} cannot be read", file.display());
        if file.is_dir() {
            let mut inside: Vec<_> = fs::read_dir(file)
                .with_context(fault)?
                .collect::<std::io::Result<_>>()
                .with_context(fault)?;
            inside.sort_by_key(fs::DirEntry::file_name);
            for entry in inside {
                self.add(&entry.path(), &format!("{name}/{}", entry.file_name().to_string_lossy()))?;
            }
            return Ok(());
        }
        let bytes = fs::read(file).with_context(fault)?;
        let mode = if is_program(&bytes) { PROGRAM } else { PLAIN };
        self.put(name, &bytes, mode)
    }

    /// Adds a text under a name.
    pub fn text(&mut self, name: &str, text: &str) -> Result<()> {
        self.put(name, text.as_bytes(), PLAIN)
    }

    fn put(&mut self, name: &str, bytes: &[u8], mode: u32) -> Result<()> {
        // Without a time of its own each entry is of 1980, so that equal files give equal zips.
        let options = SimpleFileOptions::default().unix_permissions(mode);
        let fault = || format!("{} cannot be written", self.path.display());
        self.writer.start_file(format!("{}/{name}", self.name), options).with_context(fault)?;
        self.writer.write_all(bytes).with_context(fault)
    }

    /// Puts the zip in its place, and says where.
    pub fn finish(self) -> Result<PathBuf> {
        let fault = || format!("{} cannot be written", self.path.display());
        let part = self.writer.finish().with_context(fault)?.into_inner().with_context(fault)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(part.path(), fs::Permissions::from_mode(PLAIN)).with_context(fault)?;
        }
        part.persist(&self.path).with_context(fault)?;
        Ok(self.path)
    }
}

/// Whether bytes are a program or a library of Linux, macOS or Windows.
fn is_program(bytes: &[u8]) -> bool {
    const STARTS: [&[u8]; 4] = [b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"MZ"];
    STARTS.iter().any(|start| bytes.starts_with(start))
}

/// Unpacks a zip into a folder.
pub fn unpack(zip: &Path, folder: &Path) -> Result<()> {
    let file = File::open(zip).with_context(|| format!("{} cannot be read", zip.display()))?;
    let mut archive = ZipArchive::new(BufReader::new(file)).context("what was written is no zip")?;
    archive.extract(folder).with_context(|| format!("{} cannot be unpacked", zip.display()))
}

/// Writes `SHA256SUMS` of all zips in a folder, as `sha256sum --check` reads them.
pub fn sums(folder: &Path) -> Result<PathBuf> {
    let fault = || format!("{} cannot be read", folder.display());
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder).with_context(fault)? {
        let path = entry.with_context(fault)?.path();
        if path.extension().is_some_and(|end| end == "zip") {
            let sum = Sha256::digest(fs::read(&path).with_context(fault)?);
            let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
            lines.push(format!("{sum}  {}\n", path.file_name().unwrap_or_default().to_string_lossy()));
        }
    }
    lines.sort_by(|a, b| a[66..].cmp(&b[66..]));
    let path = folder.join("SHA256SUMS");
    fs::write(&path, lines.concat()).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(from: &Path, to: &Path) -> PathBuf {
        let mut archive = Archive::new(to, "thing-1.0").unwrap();
        archive.add(&from.join("thing.vst3"), "thing.vst3").unwrap();
        archive.text("INSTALL.txt", "put it there").unwrap();
        archive.finish().unwrap()
    }

    #[test]
    fn a_zip_holds_a_bundle_and_has_always_the_same_bytes() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let inside = from.path().join("thing.vst3/Contents/x86_64-linux");
        fs::create_dir_all(&inside).unwrap();
        fs::write(inside.join("thing.so"), b"\x7fELF and more").unwrap();
        fs::write(from.path().join("thing.vst3/Contents/moduleinfo.json"), "{}").unwrap();
        let zip = pack(from.path(), to.path());
        let bytes = fs::read(&zip).unwrap();
        assert_eq!(bytes, fs::read(pack(from.path(), to.path())).unwrap());
        unpack(&zip, &to.path().join("plugins")).unwrap();
        let root = to.path().join("plugins/thing-1.0");
        let library = root.join("thing.vst3/Contents/x86_64-linux/thing.so");
        assert_eq!(fs::read(&library).unwrap(), b"\x7fELF and more");
        assert_eq!(fs::read_to_string(root.join("INSTALL.txt")).unwrap(), "put it there");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&library).unwrap().permissions().mode() & 0o777, PROGRAM);
        }
        let sums = fs::read_to_string(sums(to.path()).unwrap()).unwrap();
        assert_eq!(sums.lines().count(), 1);
        assert!(
            sums.len() == 64 + 2 + "thing-1.0.zip\n".len() && sums.ends_with("  thing-1.0.zip\n"),
            "{sums}"
        );
    }

    #[test]
    fn what_cannot_be_read_leaves_no_zip() {
        let to = tempfile::tempdir().unwrap();
        let mut archive = Archive::new(to.path(), "thing").unwrap();
        let error = archive.add(&to.path().join("missing.clap"), "missing.clap").unwrap_err().to_string();
        assert!(error.contains("missing.clap"), "{error}");
        drop(archive);
        assert_eq!(fs::read_dir(to.path()).unwrap().count(), 0);
    }
}
