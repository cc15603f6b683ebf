//! The reports of a verification: of one product, as `GET /products/{id}/verification` returns it, and of a whole ledger.

use schema::Hash;
use serde::{Serialize, Serializer, ser::SerializeMap};
use sha2::{Digest, Sha256};

use super::fault::{ChainFault, FaultKind, WitnessSource};
use super::witness::{Sighting, Witness};

/// Faults of one product that are kept; further ones are only counted.
pub const MOST_FAULTS: usize = 1_000;

/// The report of one product's chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductReport {
    /// The product.
    pub product_id: String,
    /// How many commits it has.
    pub commits: u64,
    /// How many events it has.
    pub events: u64,
    /// Sequence of the newest event, 0 without any.
    pub version: u64,
    /// The hash that the newest commit carries.
    pub head: Option<Hash>,
    /// The faults in the order they were found, at most [`MOST_FAULTS`].
    pub faults: Vec<ChainFault>,
    /// How many more faults there are.
    pub more_faults: u64,
    /// Whether any fault is damage, and not only too new to be understood.
    pub damaged: bool,
}

impl ProductReport {
    pub(super) fn of(product_id: String) -> Self {
        Self {
            product_id,
            commits: 0,
            events: 0,
            version: 0,
            head: None,
            faults: Vec::new(),
            more_faults: 0,
            damaged: false,
        }
    }

    pub(super) fn fault(&mut self, fault: ChainFault) {
        self.damaged |= fault.is_damage();
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(fault);
        } else {
            self.more_faults += 1;
        }
    }

    /// Whether everything was checked and nothing is wrong.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.faults.is_empty()
    }

    /// Whether nothing was found of the product, not even what cannot be read; witnesses may know of it.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.commits == 0 && self.faults.iter().all(|fault| matches!(fault.kind, FaultKind::CutOff { .. }))
    }

    /// The head as a witness, to compare a later state of the ledger with.
    #[must_use]
    pub fn witness(&self) -> Witness {
        let seen = self.head.clone().map_or(Sighting::Event, Sighting::Hash);
        Witness { sequence: self.version, seen, seen_by: WitnessSource::EarlierExport }
    }
}

/// `{"valid":true,"commits":…,"events":…,"head":"<hash>"}`, or `valid:false` and `faults` (`more_faults` counts those
/// that are left out); `head` is left out when no commit carries a hash.
impl Serialize for ProductReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = serializer.serialize_map(None)?;
        report.serialize_entry("valid", &self.is_valid())?;
        report.serialize_entry("commits", &self.commits)?;
        report.serialize_entry("events", &self.events)?;
        if let Some(head) = &self.head {
            report.serialize_entry("head", head)?;
        }
        if !self.is_valid() {
            report.serialize_entry("faults", &self.faults)?;
        }
        if self.more_faults > 0 {
            report.serialize_entry("more_faults", &self.more_faults)?;
        }
        report.end()
    }
}

/// The result of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Everything was checked and nothing is wrong.
    Whole,
    /// Something is wrong.
    Faulty,
    /// No fault was found, but something is too new to be checked by this build.
    NotUnderstood,
}

/// The totals over products.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// How many products.
    pub products: u64,
    /// How many commits.
    pub commits: u64,
    /// How many events.
    pub events: u64,
    /// How many faults, those too new to be understood included.
    pub faults: u64,
    damaged: bool,
    heads: Sha256,
}

impl Summary {
    /// Adds a product's report; products must come in order of id.
    pub fn add(&mut self, report: &ProductReport) {
        self.products += u64::from(report.commits > 0);
        self.commits += report.commits;
        self.events += report.events;
        self.faults += report.faults.len() as u64 + report.more_faults;
        self.damaged |= report.damaged;
        if report.commits > 0 {
            self.heads.update(head_line(report));
        }
    }

    /// The result for all of them.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match (self.damaged, self.faults) {
            (true, _) => Verdict::Faulty,
            (false, 0) => Verdict::Whole,
            (false, _) => Verdict::NotUnderstood,
        }
    }

    /// One hash for the whole ledger: SHA-256 over the [`head_line`]s of all products in order of id. Two ledgers with the
    /// same hash hold the same commits; noted down, it shows later whether anything was cut off or rewritten.
    #[must_use]
    pub fn heads(&self) -> Hash {
        Hash::of_digest(&self.heads.clone().finalize().into())
    }
}

/// `<product id> <version> <hash>` and a newline. Others rely on this form: never change it.
#[must_use]
pub fn head_line(report: &ProductReport) -> String {
    let head = report.head.as_ref().map_or("-", Hash::as_str);
    format!("{} {} {head}\n", report.product_id, report.version)
}
