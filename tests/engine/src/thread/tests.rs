//! Jobs run one at a time and in order, and all fail once the thread has ended.

use super::*;

#[tokio::test]
async fn jobs_run_in_the_order_they_were_sent() {
    let thread = EngineThread::start("numbers", Vec::new()).unwrap();
    let (first, second) =
        tokio::join!(thread.run(|seen: &mut Vec<u8>| seen.push(1)), thread.run(|seen| seen.push(2)));
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(thread.run(|seen| seen.clone()).await.unwrap(), [1, 2]);
}

#[tokio::test]
async fn a_panic_fails_its_request_and_every_later_one() {
    let thread = EngineThread::start("doomed", ()).unwrap();
    let failed = EngineFailed("out of luck".to_owned());
    assert_eq!(thread.run(|()| panic!("out of luck")).await, Err::<(), _>(failed.clone()));
    assert_eq!(thread.run(|()| 1).await, Err(failed));
}

#[tokio::test]
async fn what_was_owned_is_released_with_the_last_handle() {
    let (alive, gone) = oneshot::channel::<()>();
    drop(EngineThread::start("released", alive).unwrap());
    assert!(gone.await.is_err());
}
