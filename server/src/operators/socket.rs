//! The Unix socket in the data directory on which a running server answers operators' commands; only its owner may use it.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use axum::Router;
use tokio::net::UnixListener;

use crate::stop::{StopSignal, stopped};

/// The socket's name in the data directory.
pub(super) const SOCKET: &str = "ledger.sock";

/// Serves `routes` on the socket of `data` until `stop`. The caller holds the lock of the directory.
///
/// # Errors
/// When the socket cannot be made, for example because its path is longer than about 100 bytes.
pub(crate) fn listen(
    data: &Path,
    routes: Router,
    stop: StopSignal,
) -> io::Result<impl Future<Output = ()> + use<>> {
    let path = data.join(SOCKET);
    // Nobody else may connect between the creation of the socket and its restriction: it is created where only the owner
    // has access.
    let hidden = data.join(".sock");
    DirBuilder::new().recursive(true).mode(0o700).create(&hidden)?;
    std::fs::set_permissions(&hidden, Permissions::from_mode(0o700))?;
    let new = hidden.join("s");
    remove(&new)?;
    let listener = UnixListener::bind(&new)?;
    std::fs::set_permissions(&new, Permissions::from_mode(0o600))?;
    std::fs::rename(&new, &path)?;
    std::fs::remove_dir(&hidden)?;
    Ok(async move {
        let stopped = async move { stopped(&stop).await };
        if let Err(error) = axum::serve(listener, routes).with_graceful_shutdown(stopped).await {
            tracing::warn!(target: "ledger::operators", %error, "operators' commands can no longer be answered");
        }
        let _ = remove(&path);
    })
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
