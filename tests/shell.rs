//! What a shell gets of the program: completions with the ids of products, and the manual.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use clap::CommandFactory;

use crate::scenario::{LEDGER, Ledger, PATIENCE, any_program, printed, program};

/// What bash is answered for the last of these words.
fn completed(words: &[&str], url: &str) -> Output {
    let mut command = program();
    command.env("LEDGER_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string());
    command.arg("--").args(words).env("LEDGER_URL", url).output().unwrap()
}

/// The candidates, after the check that nothing else was said.
fn offered(output: &Output) -> Vec<String> {
    assert!(output.status.success() && output.stderr.is_empty(), "{}", printed(output));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

/// Asks until the answer is this one: on a busy machine a server may take longer than the limit.
fn offers(words: &[&str], url: &str, expected: &[String]) {
    let begun = Instant::now();
    loop {
        let offered = offered(&completed(words, url));
        if offered == expected {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{words:?}: {offered:?}");
    }
}

#[tokio::test]
async fn ids_of_products_are_completed_from_the_server() {
    let ledger = Ledger::start();
    let lines: Vec<String> = (0..250)
        .map(|n| format!(r#"{{"command":"create","product_id":"p-{n:03}","name":"n","price":"1"}}"#))
        .chain(
            ["helm", "helmet"]
                .map(|id| format!(r#"{{"command":"create","product_id":"{id}","name":"n","price":"1"}}"#)),
        )
        .collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines.join("\n")).unwrap();
    assert!(ledger.import(file.path()).output().unwrap().status.success());
    while ledger.list(100).await.len() < 252 {}
    for words in [
        &["ledger", "show", "hel"][..],
        &["ledger", "history", "hel"],
        &["ledger", "prices", "hel"],
        &["ledger", "verify", "hel"],
        &["ledger", "watch", "--product", "hel"],
    ] {
        offers(words, &ledger.url, &["helm".to_owned(), "helmet".to_owned()]);
    }
    // Behind two pages of others; and by the option instead of the variable.
    let given = ["ledger", "show", "--url", &ledger.url, "p-24"];
    let ten: Vec<String> = (240..250).map(|n| format!("p-{n}")).collect();
    offers(&given, "http://127.0.0.1:1", &ten);
    assert_eq!(offered(&completed(&["ledger", "show", "nosuch"], &ledger.url)), [""; 0]);
    assert_eq!(offered(&completed(&["ledger", "comp"], &ledger.url)), ["completions"]);
}

#[test]
fn where_no_server_answers_nothing_is_offered_and_nothing_said() {
    // One that takes the connection and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    let begun = Instant::now();
    for url in ["http://127.0.0.1:1", "nonsense", &silent] {
        assert_eq!(offered(&completed(&["ledger", "show", "h"], url)), [""; 0], "{url}");
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "a limit of 300 ms is another matter");
}

#[tokio::test]
async fn the_script_for_bash_completes_with_the_program_that_wrote_it() {
    if Command::new("bash").arg("--version").output().is_err() {
        println!("skipped: bash is not installed");
        return;
    }
    let ledger = Ledger::start();
    ledger.send("PUT", "/products/helmet", r#"{"name":"n","price":"1"}"#).await;
    ledger.until("/products?limit=1", |_, page| page["products"][0]["id"] == "helmet").await;
    let script = format!(
        "source <('{LEDGER}' completions bash)\nCOMP_WORDS=(ledger show he)\nCOMP_CWORD=2\n\
         _clap_complete_ledger ledger he show\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let begun = Instant::now();
    loop {
        let output =
            any_program("bash").args(["-c", &script]).env("LEDGER_URL", &ledger.url).output().unwrap();
        if output.stdout == b"helmet\n" {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{}", printed(&output));
    }
}

#[test]
fn there_is_a_script_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = program().args(["completions", shell]).output().unwrap();
        assert!(output.status.success() && printed(&output).contains("LEDGER_COMPLETE"), "{shell}");
    }
}

/// What a command prints on a terminal of 80 columns in a locale, without colours.
fn on_a_terminal(ledger: &Ledger, locale: &str, arguments: &str) -> String {
    let line = format!("stty cols 80 rows 24; '{LEDGER}' {arguments} --url {}", ledger.url);
    let mut script = any_program("script");
    script.args(["-qec", &line, "/dev/null"]).env("LC_ALL", locale).stdin(Stdio::null());
    let output = script.output().unwrap();
    console::strip_ansi_codes(&printed(&output)).replace('\r', "")
}

#[tokio::test]
async fn prices_have_a_line_of_blocks_on_a_terminal_that_shows_them_and_nowhere_else() {
    let has_script = Command::new("script").arg("--version").output();
    if !has_script.is_ok_and(|output| printed(&output).contains("util-linux")) {
        println!("skipped: script of util-linux is not installed");
        return;
    }
    let ledger = Ledger::start();
    for price in ["10", "20"] {
        ledger.send("PUT", "/products/p", &format!(r#"{{"name":"n","price":"{price}"}}"#)).await;
    }
    ledger.send("PUT", "/products/one", r#"{"name":"n","price":"1"}"#).await;
    for product in ["p", "one"] {
        ledger.until(&format!("/products/{product}"), |status, _| status == 200).await;
    }
    let shown = on_a_terminal(&ledger, "C.UTF-8", "prices p");
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[1].contains('█') && lines[1].chars().count() == 80, "{shown}");
    assert_eq!([lines[0], lines[2]], ["p: prices (times in UTC)", "▁ 10.00 USD  █ 20.00 USD"]);
    for (locale, arguments) in [("C", "prices p"), ("C.UTF-8", "prices p --json"), ("C.UTF-8", "prices one")]
    {
        let shown = on_a_terminal(&ledger, locale, arguments);
        assert!(!shown.contains('█') && shown.contains("USD"), "{locale} {arguments}: {shown}");
    }
    let mut piped = program();
    piped.args(["prices", "p", "--url", &ledger.url]).env("LC_ALL", "C.UTF-8");
    assert!(printed(&piped.output().unwrap()).starts_with("p: prices (times in UTC)\nfrom "));
}

/// Each path to a command, `["parked", "retry"]` for example.
fn paths(command: &clap::Command, before: &[String]) -> Vec<Vec<String>> {
    let under = command
        .get_subcommands()
        .flat_map(|under| paths(under, &[before, &[under.get_name().to_owned()]].concat()));
    std::iter::once(before.to_vec()).chain(under).collect()
}

#[test]
fn there_is_a_page_of_the_manual_for_every_command_and_groff_understands_it() {
    let pages = paths(&cli::Arguments::command(), &[]);
    assert!(pages.len() > 16, "{pages:?}");
    let has_groff = Command::new("groff").arg("--version").output().is_ok();
    for path in pages {
        let output = program().arg("man").args(&path).output().unwrap();
        let page = printed(&output);
        let names: Vec<_> = std::iter::once("ledger").chain(path.iter().map(String::as_str)).collect();
        let name = names.join("-").replace('-', "\\-");
        assert!(
            output.status.success() && page.contains(&format!("\n.SH NAME\n{name} \\- ")),
            "{path:?}: {page}"
        );
        assert!(page.contains(".SH \"EXIT STATUS\"\n"), "{path:?}: {page}");
        if has_groff {
            let mut groff = Command::new("groff");
            groff.args(["-man", "-Tutf8", "-ww", "-z"]).stdin(Stdio::piped()).stderr(Stdio::piped());
            let mut groff = groff.spawn().unwrap();
            std::io::Write::write_all(&mut groff.stdin.take().unwrap(), page.as_bytes()).unwrap();
            let output = groff.wait_with_output().unwrap();
            assert!(output.status.success() && output.stderr.is_empty(), "{path:?}: {}", printed(&output));
        }
    }
    if !has_groff {
        println!("skipped: groff is not installed");
    }
    for (path, name) in [
        (&["help"][..], "ledger"),
        (&["help", "parked"], "ledger\\-parked"),
        (&["parked", "help"], "ledger\\-parked"),
    ] {
        let output = program().arg("man").args(path).output().unwrap();
        let page = printed(&output);
        assert!(
            output.status.success() && page.contains(&format!(".SH NAME\n{name} \\- ")),
            "{path:?}: {page}"
        );
    }
    let output = program().args(["man", "import"]).output().unwrap();
    let page = printed(&output);
    assert!(
        page.contains(".SH EXAMPLES\n")
            && page.contains(".nf\n    ledger import products.ndjson \\-\\-dry\\-run"),
        "{page}"
    );
}
