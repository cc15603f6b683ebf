//! Files for their owner alone: created with mode 0600 whatever the umask is, and never opened through a symbolic link, nor if they
//! have another name too.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::error::OpenError;

/// The mode of a new file.
const MODE: u32 = 0o600;

/// Opens a file for reading and writing; if `create`, a missing one is created.
///
/// # Errors
/// As [`check_file`]; the target of a symbolic link is left alone. [`OpenError::NotWritable`].
pub fn open_private(path: &Path, create: bool) -> Result<File, OpenError> {
    let not_writable = |source| OpenError::NotWritable { path: path.to_owned(), source };
    let no_link = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(MODE).custom_flags(no_link);
    if create {
        match options.clone().create_new(true).open(path) {
            Ok(file) => {
                // The umask may have taken rights of the owner.
                file.set_permissions(Permissions::from_mode(MODE)).map_err(not_writable)?;
                return Ok(file);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(not_writable(error)),
        }
    }
    match options.open(path) {
        Ok(file) => {
            check_file(path, &file.metadata().map_err(not_writable)?)?;
            Ok(file)
        }
        Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            Err(OpenError::NotAFile { path: path.to_owned() })
        }
        Err(error) => Err(not_writable(error)),
    }
}

/// Refuses what is not the one name of a regular file: it may be dear to somebody elsewhere.
///
/// # Errors
/// [`OpenError::NotAFile`] for a symbolic link and anything else that is no regular file; [`OpenError::HardLink`].
pub fn check_file(path: &Path, metadata: &Metadata) -> Result<(), OpenError> {
    if !metadata.is_file() {
        return Err(OpenError::NotAFile { path: path.to_owned() });
    }
    if metadata.nlink() > 1 {
        return Err(OpenError::HardLink { path: path.to_owned() });
    }
    Ok(())
}
