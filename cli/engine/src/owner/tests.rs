//! Requests run one at a time and in order, are answered once they are settled, and fail together when the thread ends.

use std::io;
use std::sync::mpsc;

use super::*;

impl Held for Vec<u8> {}
impl Held for () {}
impl Held for oneshot::Sender<()> {}

/// Counts what is written and what of it is settled.
#[derive(Default)]
struct Notebook {
    written: usize,
    settled: usize,
    times: usize,
    torn: bool,
}

impl Held for Notebook {
    fn is_unsettled(&self) -> bool {
        self.settled < self.written
    }

    fn settle(&mut self) -> io::Result<()> {
        if self.torn {
            return Err(io::Error::other("torn"));
        }
        self.times += usize::from(self.is_unsettled());
        self.settled = self.written;
        Ok(())
    }
}

fn write(notebook: &mut Notebook) -> usize {
    notebook.written += 1;
    notebook.settled
}

#[tokio::test]
async fn jobs_run_in_the_order_they_were_sent() {
    let owner = Owner::start("numbers", Vec::new()).unwrap();
    let (first, second) = tokio::join!(
        owner.run(Lane::First, |seen: &mut Vec<u8>| seen.push(1)),
        owner.run(Lane::First, |seen| seen.push(2))
    );
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(owner.run(Lane::First, |seen| seen.clone()).await.unwrap(), [1, 2]);
}

#[tokio::test]
async fn what_waits_together_is_settled_once_and_answered_after_that() {
    let owner = Owner::start("notebook", Notebook::default()).unwrap();
    let (go, gate) = mpsc::channel::<()>();
    let held_up = owner.run(Lane::First, move |_| gate.recv().unwrap());
    let writes = futures_of(&owner, TOGETHER + 1);
    let release = async move { go.send(()).unwrap() };
    let (held_up, (), writes) = tokio::join!(held_up, release, writes);
    held_up.unwrap();
    // The first ones saw nothing settled, the last one all of them.
    assert_eq!(writes, [vec![0; TOGETHER], vec![TOGETHER]].concat());
    let (settled, times) =
        owner.run(Lane::First, |notebook| (notebook.settled, notebook.times)).await.unwrap();
    assert_eq!((settled, times), (TOGETHER + 1, 2));
}

/// So many writes, sent at once.
async fn futures_of(owner: &Owner<Notebook>, writes: usize) -> Vec<usize> {
    let mut sent = Vec::new();
    for _ in 0..writes {
        let mut write = Box::pin(owner.run(Lane::First, write));
        // Sent at its first look.
        let first =
            std::future::poll_fn(|context| std::task::Poll::Ready(write.as_mut().poll(context))).await;
        assert!(first.is_pending());
        sent.push(write);
    }
    let mut answers = Vec::new();
    for write in sent {
        answers.push(write.await.unwrap());
    }
    answers
}

#[tokio::test]
async fn what_could_not_be_settled_is_never_acknowledged() {
    let owner = Owner::start("torn notebook", Notebook { torn: true, ..Notebook::default() }).unwrap();
    let Err(Ended::Failed(reason)) = owner.run(Lane::First, write).await else {
        panic!("it was acknowledged")
    };
    assert!(reason.contains("torn"), "{reason}");
    assert!(owner.run(Lane::First, |_| ()).await.is_err());
}

#[tokio::test]
async fn a_panic_fails_its_request_and_every_later_one_and_is_seen() {
    let owner = Owner::start("doomed", ()).unwrap();
    let failed = Ended::Failed("out of luck".to_owned());
    assert_eq!(owner.run(Lane::First, |()| panic!("out of luck")).await, Err::<(), _>(failed.clone()));
    assert_eq!(owner.run(Lane::First, |()| 1).await, Err(failed.clone()));
    assert_eq!(owner.ended().await, failed);
}

#[tokio::test]
async fn closing_releases_what_was_owned_and_may_be_repeated() {
    let (alive, gone) = oneshot::channel::<()>();
    let owner = Owner::start("closed", alive).unwrap();
    owner.close().await;
    assert!(gone.await.is_err());
    owner.close().await;
    assert_eq!(owner.run(Lane::First, |_| 1).await, Err(Ended::Closed));
}
