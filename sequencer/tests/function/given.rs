//! The function with its tables, bucket and key. The event table has five commits of three products.

use std::collections::BTreeMap;
use std::convert::Infallible;

use aws_sdk_dynamodb::Client;
use event_store::{AnnouncedCommit, Announcement, Announcements, DynamoAnnouncements, parking, table};
use ledger_log::{LogCheckpoint, LogPath, LogSource, NoteSigner, TrustedKeys, verify};
use loopback::{BucketServer, FunctionCommand, FunctionProcess, FunctionResponse, KeyServer, TableServer};
use schema::ProductId;
use serde_json::{Value, json};
use ulid::Ulid;

pub const ORIGIN: &str = "ledger.example.com/log";

const SEED: [u8; 32] = [7; 32];

/// Everything around the function.
pub struct Surroundings {
    pub tables: TableServer,
    pub bucket: BucketServer,
    pub kms: KeyServer,
}

fn recorded(path: &str) -> Value {
    loopback::recorded(&format!("{}/../{path}", env!("CARGO_MANIFEST_DIR")))
}

/// The scheduled event, as the infrastructure sends it.
pub fn schedule() -> Value {
    recorded("infra/lib/retry-parked.json")
}

/// The event of the schedule of the reconcile.
pub fn reconcile() -> Value {
    recorded("infra/lib/reconcile.json")
}

impl Surroundings {
    /// Tables with the commits, an empty bucket, and a key.
    pub async fn new() -> Self {
        let tables = TableServer::serve().await;
        let client = Client::new(&tables.sdk_config());
        for (name, shape) in [
            ("events", event_store::TABLE),
            ("parking", parking::TABLE),
            ("log", sequencer::LOG_TABLE),
            ("log_feed", event_store::announced::TABLE),
        ] {
            table::create(&client, name, shape).await.unwrap();
        }
        let surroundings =
            Self { tables, bucket: BucketServer::serve().await, kms: KeyServer::serve(SEED).await };
        for record in
            recorded("projections/tests/data/stream-three-products.json")["Records"].as_array().unwrap()
        {
            surroundings.put("events", &record["dynamodb"]["NewImage"]).await;
        }
        surroundings
    }

    pub async fn put(&self, table: &str, item: &Value) {
        let put = json!({"TableName": table, "Item": item});
        assert_eq!(self.tables.request("PutItem", &put).await.0, 200);
    }

    /// The program with the settings of a deployed function.
    pub fn command(&self) -> FunctionCommand {
        let command = FunctionCommand::new(env!("CARGO_BIN_EXE_sequencer"), "ledger-test-sequencer")
            .with_tables(&self.tables)
            .with_bucket(&self.bucket)
            .with_key(&self.kms, ORIGIN);
        let names = ["events", "parking", "log", "log_feed"];
        names.into_iter().fold(command, |command, name| {
            command.with(&format!("LEDGER_{}_TABLE", name.to_uppercase()), name)
        })
    }

    pub async fn start(&self) -> FunctionProcess {
        self.command().start().await
    }

    /// Announces products without saying which commit is their newest, and answers with the records of the stream.
    pub async fn announce(&self, products: &[&str]) -> Value {
        let id = Ulid::from_parts(1_800_000_000_000, 1);
        let of =
            |id: &&str| AnnouncedCommit { product: ProductId::new((*id).to_owned()).unwrap(), newest: None };
        let item = Announcement { id, oldest: None, commits: products.iter().map(of).collect() };
        let announcements = DynamoAnnouncements::new(Client::new(&self.tables.sdk_config()), "log_feed");
        announcements.announce(&item).await.unwrap();
        let (_, found) = self.tables.request("Scan", &json!({"TableName": "log_feed"})).await;
        let records = found["Items"].as_array().unwrap().iter().map(|item| {
            json!({"eventID": "1", "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
                "awsRegion": "us-east-1",
                "dynamodb": {"ApproximateCreationDateTime": 1_795_445_144.0,
                    "Keys": {"shard": item["shard"], "id": item["id"]}, "NewImage": item,
                    "SequenceNumber": "100001795445144524654", "SizeBytes": 100, "StreamViewType": "NEW_IMAGE"}})
        });
        json!({"Records": records.collect::<Vec<_>>()})
    }

    /// The size of the log that the bucket has, which must be whole.
    pub async fn size(&self) -> Option<u64> {
        let files = self.bucket.objects();
        let note = files.get("checkpoint")?;
        let keys: TrustedKeys = NoteSigner::from_seed(ORIGIN, &SEED).unwrap().verifier_key().clone().into();
        let checkpoint: LogCheckpoint = keys.open(note).unwrap();
        let checked = verify::verify(&Files(&files), &checkpoint, None, |_| {}).await.unwrap();
        assert!(checked.faults.is_empty(), "{:?}", checked.faults);
        Some(checkpoint.size)
    }

    /// The products that are parked for the log.
    pub async fn parked(&self) -> usize {
        let (_, found) = self.tables.request("Scan", &json!({"TableName": "parking"})).await;
        let rows = found["Items"].as_array().unwrap();
        rows.iter().filter(|row| row["consumer"]["S"] == "log").count()
    }
}

struct Files<'f>(&'f BTreeMap<String, Vec<u8>>);

impl LogSource for Files<'_> {
    type Error = Infallible;

    async fn read(&self, path: LogPath) -> Result<Option<Vec<u8>>, Infallible> {
        Ok(self.0.get(&path.to_string()).cloned())
    }
}

pub async fn invoke(function: &FunctionProcess, event: &Value) -> FunctionResponse {
    function.invoke(event.to_string()).await
}

/// The batch response when nothing has to be repeated.
pub fn all_well() -> FunctionResponse {
    FunctionResponse::Response(json!({"batchItemFailures": []}))
}

/// The member of a response.
pub fn member(response: &FunctionResponse, name: &str) -> Value {
    let FunctionResponse::Response(response) = response else { panic!("{response:?}") };
    response[name].clone()
}
