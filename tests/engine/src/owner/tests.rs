//! Requests run one at a time and in order, and fail together when the thread ends.

use super::*;

#[tokio::test]
async fn jobs_run_in_the_order_they_were_sent() {
    let owner = Owner::start("numbers", Vec::new()).unwrap();
    let (first, second) =
        tokio::join!(owner.run(|seen: &mut Vec<u8>| seen.push(1)), owner.run(|seen| seen.push(2)));
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(owner.run(|seen| seen.clone()).await.unwrap(), [1, 2]);
}

#[tokio::test]
async fn a_panic_fails_its_request_and_every_later_one() {
    let owner = Owner::start("doomed", ()).unwrap();
    let failed = Ended("out of luck".to_owned());
    assert_eq!(owner.run(|()| panic!("out of luck")).await, Err::<(), _>(failed.clone()));
    assert_eq!(owner.run(|()| 1).await, Err(failed));
}

#[tokio::test]
async fn what_was_owned_is_released_with_the_last_handle() {
    let (alive, gone) = oneshot::channel::<()>();
    drop(Owner::start("released", alive).unwrap());
    assert!(gone.await.is_err());
}
