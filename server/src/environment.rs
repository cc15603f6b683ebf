//! The environment of the process: the ledger's settings and the AWS SDK's.

use aws_config::{BehaviorVersion, SdkConfig};
use schema::settings::{Settings, WrongSetting};

/// The ledger's settings.
///
/// # Errors
/// [`WrongSetting`]: correct the variable it names.
pub fn settings() -> Result<Settings, WrongSetting> {
    Settings::read(|name| std::env::var(name).ok())
}

/// The AWS SDK's settings if they are `wanted`: looking for credentials takes time.
pub async fn aws(wanted: bool) -> Option<SdkConfig> {
    if !wanted {
        return None;
    }
    Some(aws_config::defaults(BehaviorVersion::v2026_01_12()).load().await)
}
