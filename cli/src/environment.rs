//! The ledger on AWS that the environment of the process names.

use std::ffi::OsStr;
use std::path::PathBuf;

use anyhow::Context;
use aws_config::SdkConfig;
use event_store::limits::OPERATOR;
use schema::settings::{Settings, Variable};
use server::environment::{aws, warn_of_unknown};
use web::AllowedOrigin;
use web::about::explorer::{CLIENT, CLIENT_SCOPES, ENDPOINTS, PEOPLE_URL, READING_SCOPES};

use crate::out;
use crate::remote::DEFAULT_URL;

/// The variables that only the program reads.
pub const VARIABLES: [Variable; 12] = [
    Variable {
        name: AllowedOrigin::VARIABLE,
        default: None,
        effect: "origins whose pages may use the API, separated by commas, as `--cors-origin`",
        read_by: "`serve`, the functions `command-api` and `query-api`",
    },
    Variable {
        name: "LEDGER_LOG",
        default: Some("on"),
        effect: "whether all commits are logged, `on` or `off`, as `--log`",
        read_by: "`serve`",
    },
    Variable {
        name: "LEDGER_LOG_PUBLIC",
        default: None,
        effect: "what of the log needs no token, `hashes` or `all`, as `--log-public`",
        read_by: "`serve`, the function `query-api`",
    },
    Variable {
        name: CLIENT,
        default: None,
        effect: "id of the issuer's public client with which people sign in on the pages at `/`, as `--auth-client`",
        read_by: "`serve`, the function `query-api`",
    },
    Variable {
        name: CLIENT_SCOPES,
        default: Some(READING_SCOPES),
        effect: "scopes that it asks for, as `--auth-scopes`",
        read_by: "`serve`, the function `query-api`",
    },
    Variable {
        name: ENDPOINTS[0],
        default: None,
        effect: "where people sign in; `serve` asks the issuer for it",
        read_by: "the function `query-api`",
    },
    Variable {
        name: ENDPOINTS[1],
        default: None,
        effect: "where the pages get tokens; `serve` asks the issuer for it",
        read_by: "the function `query-api`",
    },
    Variable {
        name: ENDPOINTS[2],
        default: None,
        effect: "where people sign out, if the issuer has that; `serve` asks the issuer for it",
        read_by: "the function `query-api`",
    },
    Variable {
        name: PEOPLE_URL,
        default: None,
        effect: "path of a JSON object with the names of people by subject, as `--people-url`",
        read_by: "`serve`, the function `query-api`",
    },
    Variable {
        name: server::logs::FORMAT,
        default: None,
        effect: "form of the log on standard error, `text` or `json`; if unset, text on a terminal and JSON elsewhere",
        read_by: "`serve`, all commands",
    },
    Variable {
        name: "LEDGER_URL",
        default: Some(DEFAULT_URL),
        effect: "URL of the server, as `--url`",
        read_by: "`import`, `list`, `find`, `show`, `history`, `prices`, `commits`, `catalogue`, `diff`, `status`, `watch`, `prove`, completions",
    },
    Variable {
        name: "LEDGER_TOKEN",
        default: None,
        effect: "bearer token that is sent to the server",
        read_by: "`import`, `list`, `find`, `show`, `history`, `prices`, `commits`, `catalogue`, `diff`, `status`, `watch`, `prove`, `verify --url`, `log verify`, completions",
    },
];

/// Warns of every variable that looks like a setting of the ledger and is none.
pub fn check_names() {
    warn_of_unknown(&VARIABLES.map(|variable| variable.name));
}

/// The error if nothing names a ledger.
const NO_LEDGER: &str = "which ledger? Give --data DIR for one on this machine, or set AWS_REGION and the LEDGER_ variables of its tables for one on AWS";

/// Variables with the paths of the AWS SDK's settings.
const FILES: [&str; 2] = ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"];

/// Variables of the AWS SDK that name no ledger.
const NOT_NAMING: [&str; 2] = ["AWS_EC2_METADATA_DISABLED", "AWS_PAGER"];

/// The AWS SDK's settings for a ledger on AWS, which is named on standard error, with the limits of a command that reads all of it.
///
/// # Errors
/// One line that names `--data`, at once where nothing names a ledger at all.
pub async fn ledger_on_aws(settings: &Settings) -> anyhow::Result<SdkConfig> {
    anyhow::ensure!(names_aws(), NO_LEDGER);
    let aws = aws(true).await?.filter(|aws| aws.region().is_some());
    let aws = aws.with_context(|| format!("{NO_LEDGER}; no region is set"))?;
    let region = aws.region().map(ToString::to_string).unwrap_or_default();
    let endpoint = aws.endpoint_url().map(|url| format!(" at {url}")).unwrap_or_default();
    out::message(format_args!("asked: AWS{endpoint}, {region}, event table {}", settings.tables.events));
    Ok(OPERATOR.on(&aws))
}

/// Whether anything names a ledger on AWS: a variable of the AWS SDK or of the ledger's tables, or a file of the SDK's settings.
fn names_aws() -> bool {
    let leads = |name: &OsStr, value: &OsStr| {
        let name = name.to_string_lossy();
        if FILES.contains(&&*name) {
            return PathBuf::from(value).exists();
        }
        // An empty variable counts as unset, as for the AWS SDK.
        if value.is_empty() {
            return false;
        }
        let is_table = name.starts_with("LEDGER_") && name.ends_with("_TABLE");
        is_table || (name.starts_with("AWS_") && !NOT_NAMING.contains(&&*name))
    };
    if std::env::vars_os().any(|(name, value)| leads(&name, &value)) {
        return true;
    }
    let of_home = |(variable, file): (&str, &str)| {
        let home = std::env::var_os("HOME").filter(|_| std::env::var_os(variable).is_none());
        home.is_some_and(|home| PathBuf::from(home).join(".aws").join(file).exists())
    };
    FILES.into_iter().zip(["config", "credentials"]).any(of_home)
}
