//! The Unix socket in the data directory through which the running server is asked; only its owner may.

use std::fs::{DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use axum::Router;
use futures::TryStreamExt;
use serde_json::Value;
use tokio::net::UnixListener;
use tokio::net::UnixStream;

use super::asked::{BROKEN_OFF, Lines};
use crate::mapping::Stop;

const SOCKET: &str = "ledger.sock";

/// Answers `routes` on the socket of `data` until `stop`. The caller holds the lock of the directory.
///
/// # Errors
/// When the socket cannot be made, for example because its path is longer than about 100 bytes.
pub(crate) fn listen(
    data: &Path,
    routes: Router,
    mut stop: Stop,
) -> io::Result<impl Future<Output = ()> + use<>> {
    let path = data.join(SOCKET);
    // Between making a socket and restricting it nobody else may get in: it is made where only the owner can look.
    let hidden = data.join(".sock");
    DirBuilder::new().recursive(true).mode(0o700).create(&hidden)?;
    let new = hidden.join("s");
    remove(&new)?;
    let listener = UnixListener::bind(&new)?;
    std::fs::set_permissions(&new, Permissions::from_mode(0o600))?;
    std::fs::rename(&new, &path)?;
    std::fs::remove_dir(&hidden)?;
    Ok(async move {
        let stopped = async move {
            // A dropped sender is the end as well.
            let _ = stop.wait_for(|stop| *stop).await;
        };
        if let Err(error) = axum::serve(listener, routes).with_graceful_shutdown(stopped).await {
            tracing::warn!(target: "ledger::operators", %error, "operators' commands cannot be answered any more");
        }
        let _ = remove(&path);
    })
}

/// Asks the server that runs on `data`, `None` if none does.
///
/// # Errors
/// When it does not answer.
pub async fn ask(data: &Path, method: &str, path: &str, question: &Value) -> anyhow::Result<Option<Lines>> {
    let socket: PathBuf = data.join(SOCKET);
    if UnixStream::connect(&socket).await.is_err() {
        return Ok(None);
    }
    let http = reqwest::Client::builder().unix_socket(socket).build()?;
    let request = http.request(method.parse()?, format!("http://ledger{path}")).json(question);
    let response = request.send().await.context(BROKEN_OFF)?;
    anyhow::ensure!(response.status().is_success(), "the server answered {}", response.status());
    // The library's own words are about chunks and bytes.
    let bytes = response.bytes_stream().map_err(|_| anyhow::anyhow!(BROKEN_OFF));
    Ok(Some(Lines::new(bytes)))
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
