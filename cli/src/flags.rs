//! The flags of a command with their values and where these are from, as `GET /status` shows them.

use std::ffi::OsStr;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use projections::http::status::{SettingInfo, SettingOrigin};
use reqwest::Url;

/// The arguments of a command, with what was given for each.
#[derive(Debug)]
pub struct Flagged<A> {
    /// The arguments.
    pub arguments: A,
    /// Each flag, in the order of the help.
    pub flags: Vec<SettingInfo>,
}

impl<A: Args + FromArgMatches> FromArgMatches for Flagged<A> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self { arguments: A::from_arg_matches(matches)?, flags: flags::<A>(matches) })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<A: Args> Args for Flagged<A> {
    fn augment_args(command: Command) -> Command {
        A::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        A::augment_args_for_update(command)
    }
}

fn flags<A: Args>(matches: &ArgMatches) -> Vec<SettingInfo> {
    let command = A::augment_args(Command::new("flags"));
    let flag = |argument: &clap::Arg| {
        let (name, id) = (format!("--{}", argument.get_long()?), argument.get_id().as_str());
        let from = match matches.value_source(id) {
            Some(ValueSource::CommandLine) => SettingOrigin::Flag,
            Some(ValueSource::EnvVariable) => SettingOrigin::Variable,
            _ => SettingOrigin::Default,
        };
        let values = matches.get_raw(id).into_iter().flatten().map(without_secrets);
        let value = Some(values.collect::<Vec<_>>().join(",")).filter(|value| !value.is_empty());
        Some(SettingInfo { name, value, from })
    };
    command.get_arguments().filter_map(flag).collect()
}

/// A value; of a URL without the name, the password and the query that it may carry.
fn without_secrets(value: &OsStr) -> String {
    let value = value.to_string_lossy();
    match Url::parse(&value) {
        Ok(mut url) if url.has_host() => {
            let is_cleaned = url.set_username("").is_ok() && url.set_password(None).is_ok();
            url.set_query(None);
            if is_cleaned { url.to_string() } else { String::new() }
        }
        _ => value.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Args)]
    struct Given {
        #[arg(long, default_value_t = 5)]
        most: u32,
        #[arg(long = "key-set")]
        keys: Option<String>,
        #[arg(long)]
        audience: Vec<String>,
        #[arg(long)]
        on: bool,
    }

    #[derive(Debug, Parser)]
    struct Whole {
        #[command(flatten)]
        given: Flagged<Given>,
    }

    #[test]
    fn each_flag_is_told_with_its_value_and_without_secrets() {
        let told = |arguments: &[&str]| -> Vec<String> {
            let whole = Whole::parse_from([&["program"], arguments].concat());
            let told = |flag: &SettingInfo| {
                format!("{} {} {:?}", flag.name, flag.value.as_deref().unwrap_or("-"), flag.from)
            };
            whole.given.flags.iter().map(told).collect()
        };
        assert_eq!(told(&[])[..3], ["--most 5 Default", "--key-set - Default", "--audience - Default"]);
        let url = format!("https://{}@issuer.test/keys?token=secret", "user:secret");
        let given = ["--most", "6", "--key-set", &url, "--audience", "a", "--audience", "b", "--on"];
        assert_eq!(
            told(&given),
            [
                "--most 6 Flag",
                "--key-set https://issuer.test/keys Flag",
                "--audience a,b Flag",
                "--on true Flag"
            ]
        );
    }
}
