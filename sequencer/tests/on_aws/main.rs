//! A log in a bucket of S3, signed by a key of KMS, on loopback: with every request failing, with writers at the same time, with
//! what others put there.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation fails the test")]

mod bucket;
mod given;
mod key;
mod rotation;
mod start;
