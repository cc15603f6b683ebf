//! `ledger man`: the manual as roff, one page for the program and one for each command.

use std::io;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::exit::{EXIT_CODES, ExitCodes, UNWRITTEN};
use crate::out;

/// Which page.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledger man | man -l -
  ledger man parked retry | man -l -
  ledger man verify > /usr/local/share/man/man1/ledger-verify.1")]
pub struct ManArgs {
    /// The command, such as verify or parked retry; without it, the page of the program.
    command: Vec<String>,
}

/// Prints the page.
///
/// # Errors
/// When there is no such command.
pub fn run(arguments: &ManArgs, program: Command) -> anyhow::Result<ExitCode> {
    let mut program = program.disable_help_subcommand(true);
    program.build();
    let mut command = &program;
    // The page of a command is its help.
    let names: Vec<&str> =
        arguments.command.iter().map(String::as_str).filter(|name| *name != "help").collect();
    for name in &names {
        let found = command.find_subcommand(name);
        command = found.with_context(|| {
            let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
            let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            format!("{} has no command {name}; there is {there}", command.get_bin_name().unwrap_or("ledger"))
        })?;
    }
    let page = page(command, names.first().copied())?;
    out::print(&String::from_utf8_lossy(&page))?;
    Ok(ExitCode::SUCCESS)
}

/// The page of a command, which belongs to the subcommand `of`; without one it is the program.
fn page(command: &Command, of: Option<&str>) -> io::Result<Vec<u8>> {
    let (man, mut page) = (Man::new(command.clone()).source("ledger"), Vec::new());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        man.render_options_section(&mut page)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let mut roff = Roff::default();
    if let Some(notes) = command.get_after_help() {
        add_notes(&mut roff, &notes.to_string());
    }
    roff.control("SH", ["EXIT STATUS"]);
    let of_all = EXIT_CODES.iter().filter(|codes| of.is_none_or(|name| codes.commands.contains(&name)));
    for codes in of_all {
        if of.is_none() {
            roff.control("SS", [codes.commands.join(", ").as_str()]);
        }
        add_codes(&mut roff, codes);
    }
    roff.control("PP", []);
    roff.text([roman(UNWRITTEN)]);
    roff.to_writer(&mut page)?;
    Ok(page)
}

/// The text behind the help of a command: its paragraphs, then its examples. Indented lines stay as they are.
fn add_notes(roff: &mut Roff, text: &str) {
    let (examples, notes): (Vec<&str>, Vec<&str>) =
        text.split("\n\n").partition(|paragraph| paragraph.starts_with("Examples:\n"));
    for (heading, paragraphs) in [("NOTES", notes), ("EXAMPLES", examples)] {
        if paragraphs.is_empty() {
            continue;
        }
        roff.control("SH", [heading]);
        for paragraph in paragraphs {
            roff.control("PP", []);
            for line in paragraph.trim_start_matches("Examples:\n").lines() {
                match line.strip_prefix("  ") {
                    Some(line) => {
                        roff.control("nf", []);
                        roff.text([roman(format!("    {line}"))]);
                        roff.control("fi", []);
                    }
                    None => {
                        roff.text([roman(line)]);
                    }
                }
            }
        }
    }
}

fn add_codes(roff: &mut Roff, codes: &ExitCodes) {
    for (code, meaning) in codes.told() {
        roff.control("TP", []);
        roff.text([bold(code.to_string())]);
        roff.text([roman(meaning)]);
    }
}
