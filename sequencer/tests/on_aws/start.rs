//! The start of a log on AWS: which key and which name it gets, and what is refused.

use event_store::{metering, table};
use ledger_log::TrustedKeys;
use loopback::{BucketServer, KeyServer, RequestFault, TableServer};
use schema::Clock;
use sequencer::{
    BoundKeys, CloudLog, CloudLogError, CloudLogPlace, DynamoLogKeys, KeyRotationSetting, LOG_TABLE, RunEnd,
};

use super::given::{KEY_ID, ORIGIN, clock, logged, settings, sizes};

pub struct Given {
    pub bucket: BucketServer,
    pub kms: KeyServer,
    tables: TableServer,
}

impl Given {
    pub async fn new() -> Self {
        let tables = TableServer::serve().await;
        let client = aws_sdk_dynamodb::Client::new(&tables.sdk_config());
        table::create(&client, "log", LOG_TABLE).await.unwrap();
        Self { bucket: BucketServer::serve().await, kms: KeyServer::serve([7; 32]).await, tables }
    }

    pub fn bound(&self) -> DynamoLogKeys {
        DynamoLogKeys::new(metering::client(&self.tables.sdk_config()), "log")
    }

    async fn open(&self, origin: &str) -> Result<CloudLog, CloudLogError> {
        self.open_with(KEY_ID, KeyRotationSetting::default(), origin, clock().1).await
    }

    pub async fn open_with(
        &self,
        key_id: &str,
        rotation: KeyRotationSetting,
        origin: &str,
        clock: Clock,
    ) -> Result<CloudLog, CloudLogError> {
        let (key_id, origin) = (key_id.to_owned(), origin.to_owned());
        let place = CloudLogPlace { bucket: "log".to_owned(), key_id, rotation, origin, retention: None };
        // One client asks the bucket, the other one the key: each by its own endpoint.
        let mut aws = settings("http://127.0.0.1:1").to_builder().service_config(Endpoints(self.endpoints()));
        aws.set_endpoint_url(None);
        CloudLog::open(&place, &aws.build(), &self.bound(), clock, RunEnd::default()).await
    }

    fn endpoints(&self) -> [(&'static str, String); 2] {
        [("S3", self.bucket.url().to_owned()), ("KMS", self.kms.url().to_owned())]
    }
}

#[derive(Debug)]
struct Endpoints([(&'static str, String); 2]);

impl aws_types::service_config::LoadServiceConfig for Endpoints {
    fn load_config(&self, key: aws_types::service_config::ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase();
        let of = self.0.iter().find(|(name, _)| *name == service && key.env() == "AWS_ENDPOINT_URL");
        of.map(|(_, url)| url.clone())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_begins_the_log_and_binds_its_key_and_the_next_goes_on() {
    let given = Given::new().await;
    assert_eq!(given.bound().keys().await.unwrap(), None);
    let log = given.open(ORIGIN).await.unwrap();
    let keys = given.bound().keys().await.unwrap().unwrap();
    assert_eq!(keys.to_string(), format!("{} from 0\n", log.signer.verifier_key()));
    assert_eq!(sizes(&given.bucket, &keys).await, [0]);
    logged(&log.files, &log.signer.newest, 300, &[260]).await.unwrap();
    let again = given.open(ORIGIN).await.unwrap();
    logged(&again.files, &again.signer.newest, 300, &[300]).await.unwrap();
    assert_eq!(sizes(&given.bucket, &keys).await, [0, 260, 300]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_that_failed_anywhere_is_made_good_by_the_next() {
    for of_bucket in [true, false] {
        for failing in 1..=5 {
            let given = Given::new().await;
            let fault = move |number| (number == failing).then_some(RequestFault::Failed);
            if of_bucket {
                given.bucket.fail(fault);
            } else {
                given.kms.fail(fault);
            }
            let first = given.open(ORIGIN).await;
            given.bucket.recover();
            given.kms.fail(|_| None);
            let log = given.open(ORIGIN).await.unwrap();
            let keys = TrustedKeys::from(log.signer.verifier_key().clone());
            assert_eq!(sizes(&given.bucket, &keys).await.last(), Some(&0), "{failing} {:?}", first.is_ok());
            assert_eq!(given.bound().keys().await.unwrap(), Some(keys));
        }
    }
}

/// Between the look into the empty bucket and the first checkpoint another sequencer begins the log: the second request to KMS is
/// for the signature.
#[tokio::test(flavor = "multi_thread")]
async fn two_that_begin_a_log_at_the_same_moment_begin_one() {
    let quicker = Given::new().await;
    let log = quicker.open(ORIGIN).await.unwrap();
    let begun = quicker.bucket.objects()["checkpoint"].clone();
    logged(&log.files, &log.signer.newest, 300, &[260]).await.unwrap();
    let grown = quicker.bucket.objects()["checkpoint"].clone();
    let meanwhile = async |note: Vec<u8>| {
        let given = Given::new().await;
        let bucket = given.bucket.clone();
        given.kms.fail(move |number| {
            if number == 2 {
                bucket.replace("checkpoint", Some(&note));
            }
            None
        });
        let opened = given.open(ORIGIN).await;
        (opened, given)
    };
    for note in [begun, grown] {
        let (opened, given) = meanwhile(note.clone()).await;
        opened.unwrap();
        assert_eq!(given.bucket.objects()["checkpoint"], note, "it stays");
        assert!(given.bound().keys().await.unwrap().is_some());
    }
    // That of another log is a contradiction.
    quicker.kms.replace([8; 32]);
    let other = Given { bucket: BucketServer::serve().await, kms: quicker.kms.clone(), ..Given::new().await };
    other.open(ORIGIN).await.unwrap();
    let (opened, given) = meanwhile(other.bucket.objects()["checkpoint"].clone()).await;
    let refused = opened.unwrap_err();
    assert!(matches!(refused, CloudLogError::OtherLog { .. }), "{refused}");
    assert_eq!(given.bound().keys().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_or_name_is_refused_with_what_to_do() {
    let given = Given::new().await;
    let log = given.open(ORIGIN).await.unwrap();
    let other = given.open("example.com/other").await.unwrap_err();
    assert!(matches!(&other, CloudLogError::OtherOrigin { origin, .. } if origin == ORIGIN), "{other}");
    given.kms.replace([8; 32]);
    let other = given.open(ORIGIN).await.unwrap_err().to_string();
    assert!(other.contains(&log.signer.verifier_key().to_string()) && other.contains("name that"), "{other}");
    // Also where the table has lost its record, and where somebody binds another key meanwhile.
    let unbound = Given { bucket: given.bucket.clone(), kms: given.kms.clone(), ..Given::new().await };
    let other = unbound.open(ORIGIN).await.unwrap_err();
    assert!(matches!(other, CloudLogError::OtherLog { .. }), "{other}");
    assert_eq!(unbound.bound().keys().await.unwrap(), None);
    let kept = given.bound().bind(&other_key()).await.unwrap();
    assert_eq!(&kept, log.signer.verifier_key());
}

fn other_key() -> ledger_log::VerifierKey {
    ledger_log::NoteSigner::from_seed(ORIGIN, &[9; 32]).unwrap().verifier_key().clone()
}
