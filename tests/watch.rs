//! `ledger watch` on a server: what happens is shown as it happens.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::scenario::{Ledger, json, program};

fn watch(ledger: &Ledger, arguments: &[&str]) -> (Child, impl Iterator<Item = String> + use<>) {
    watch_at(&ledger.url, arguments)
}

fn watch_at(url: &str, arguments: &[&str]) -> (Child, impl Iterator<Item = String> + use<>) {
    let mut command = program();
    command.arg("watch").args(["--url", url]).args(arguments);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    (child, lines)
}

/// The exit code after a signal.
fn ends(mut child: Child, signal: &str) -> Option<i32> {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    child.wait().unwrap().code()
}

#[tokio::test]
async fn events_are_shown_as_they_come_until_an_interruption() {
    let ledger = Ledger::start();
    ledger.send("PUT", "/products/p", r#"{"name":"Helmet","price":"33.6442","sku":"s"}"#).await;
    ledger.send("PUT", "/products/q", r#"{"name":"n","price":"1"}"#).await;
    ledger.bus(|entries| entries.len() == 2).await;
    let (all, mut lines) = watch(&ledger, &["--from", "start"]);
    let (one, mut of_one) = watch(&ledger, &["--from", "start", "--product", "q", "--json"]);
    assert!(
        lines.next().unwrap().ends_with("  PRODUCT_CREATED          p  created: Helmet, 33.6442 USD; sku: s")
    );
    assert!(lines.next().unwrap().ends_with("  q  created: n, 1.00 USD"));
    assert_eq!(json(&of_one.next().unwrap())["detail"]["metadata"]["product_id"], "q");
    ledger.send("PATCH", "/products/p", r#"{"price":"34.99"}"#).await;
    ledger.send("PATCH", "/products/q", r#"{"price":"2"}"#).await;
    let shown = lines.next().unwrap();
    assert!(shown.ends_with("  PRODUCT_PRICE_CHANGED    p  price: 33.6442 USD → 34.99 USD"), "{shown}");
    let entry: Value = json(&of_one.next().unwrap());
    assert_eq!(
        (&entry["resources"][0], &entry["detail-type"]),
        (&"q".into(), &"PRODUCT_PRICE_CHANGED".into())
    );
    assert_eq!((ends(all, "-INT"), ends(one, "-TERM")), (Some(0), Some(0)));
}

#[tokio::test]
async fn it_ends_when_nobody_reads_its_output_although_nothing_happens() {
    let ledger = Ledger::start();
    let (mut child, lines) = watch(&ledger, &[]);
    let begun = Instant::now();
    drop(lines);
    while child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_mins(1), "it waits for an event");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// Passes one connection after the other to the server at `to`. The first is broken as soon as the stream has begun, which is
/// told; the next one is taken only after that was answered.
fn breaking(to: &str) -> (String, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (listener, to) = (TcpListener::bind("127.0.0.1:0").unwrap(), to.replace("http://", ""));
    let url = format!("http://{}", listener.local_addr().unwrap());
    let ((tell, broken), (go_on, gone_on)) = (mpsc::channel(), mpsc::channel());
    std::thread::spawn(move || {
        let mut is_first = true;
        for client in listener.incoming() {
            let (mut client, mut server) = (client.unwrap(), TcpStream::connect(&to).unwrap());
            let (mut from, mut back) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from, &mut back));
            let (mut seen, mut part) = (String::new(), [0; 4_096]);
            loop {
                let length = server.read(&mut part).unwrap_or(0);
                if length == 0 || client.write_all(&part[..length]).is_err() {
                    break;
                }
                seen.push_str(&String::from_utf8_lossy(&part[..length]));
                if is_first && seen.contains("\nid: ") {
                    break;
                }
            }
            let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
            if std::mem::take(&mut is_first) && (tell.send(()).is_err() || gone_on.recv().is_err()) {
                return;
            }
        }
    });
    (url, broken, go_on)
}

/// Whatever was put on the bus before, nothing or an event.
#[tokio::test]
async fn what_happens_while_a_connection_is_broken_before_the_first_event_is_shown_afterwards() {
    for has_earlier in [false, true] {
        let ledger = Ledger::start();
        if has_earlier {
            ledger.send("PUT", "/products/earlier", r#"{"name":"n","price":"1"}"#).await;
            ledger.bus(|entries| entries.len() == 1).await;
        }
        let (url, broken, go_on) = breaking(&ledger.url);
        let (mut child, mut lines) = watch_at(&url, &[]);
        broken.recv().unwrap();
        ledger.send("PUT", "/products/meanwhile", r#"{"name":"n","price":"1"}"#).await;
        ledger.bus(|entries| entries.len() == 1 + usize::from(has_earlier)).await;
        go_on.send(()).unwrap();
        let shown = lines.next().unwrap();
        assert!(shown.ends_with("  meanwhile  created: n, 1.00 USD"), "{shown}");
        let said = child.stderr.take().unwrap();
        assert_eq!(ends(child, "-INT"), Some(0));
        let said = std::io::read_to_string(said).unwrap();
        assert!(said.contains("with the first event since the start, since none was shown yet"), "{said}");
    }
}
