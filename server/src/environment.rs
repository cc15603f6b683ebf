//! The environment of the process: the ledger's settings and the AWS SDK's.

use aws_config::{BehaviorVersion, SdkConfig};
use schema::settings::{Settings, WrongSetting, unknown};

/// The ledger's settings.
///
/// # Errors
/// [`WrongSetting`]: correct the variable it names.
pub fn settings() -> Result<Settings, WrongSetting> {
    Settings::read(|name| std::env::var(name).ok())
}

/// Warns of every variable that looks like a setting of the ledger and is none. The caller reads `others` itself.
pub fn warn_of_unknown(others: &[&'static str]) {
    let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    for unknown in unknown(names, others) {
        let similar = unknown.similar.map(|similar| format!("; did you mean {similar}?")).unwrap_or_default();
        tracing::warn!(target: "ledger::settings", "{} is no setting and is ignored{similar}", unknown.name);
    }
}

/// The AWS SDK's settings if they are `wanted`: looking for credentials takes time.
pub async fn aws(wanted: bool) -> Option<SdkConfig> {
    if !wanted {
        return None;
    }
    Some(aws_config::defaults(BehaviorVersion::v2026_01_12()).load().await)
}
