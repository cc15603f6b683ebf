//! Publication receipts as NDJSON: one a line, products in order of id, those of a product by sequence.
//!
//! A line is the receipt as in the history, with `product_id` and `sequence`, in canonical form (RFC 8785).

use std::io::Write;
use std::sync::Arc;

use anyhow::Context;
use event_store::Receipts;
use event_store::heads::Head;
use event_store::receipts::readable;
use schema::{ProductId, PublicationReceipt, PublicationRecord};
use serde::{Deserialize, Serialize};

/// Events whose receipts are read at a time.
const PAGE: u64 = 1_000;

/// The receipt of an event.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReceiptLine {
    /// The event's product.
    pub product_id: ProductId,
    /// The event's number within the product.
    pub sequence: u64,
    /// The receipt.
    #[serde(flatten)]
    pub receipt: PublicationReceipt,
}

/// The receipts that were written.
#[derive(Debug, Default)]
pub struct WrittenReceipts {
    /// How many.
    pub receipts: u64,
    /// Why others could not be read; each names its row.
    pub unreadable: Vec<String>,
}

/// Writes the receipts of a product's events up to `head`, and adds them to `written`.
///
/// # Errors
/// When they cannot be read or written.
pub async fn write(
    receipts: &Arc<dyn Receipts>,
    head: &Head,
    writer: &mut impl Write,
    written: &mut WrittenReceipts,
) -> anyhow::Result<()> {
    // A key that is not a product id has no receipts; the export of the commits names it.
    let Ok(product) = ProductId::new(head.product_id.as_str()) else { return Ok(()) };
    let mut from = 1;
    while from <= head.version {
        let to = head.version.min(from + PAGE - 1);
        let found = readable(&**receipts, &product, from, to).await?;
        written.unreadable.extend(found.unreadable.values().map(ToString::to_string));
        for (sequence, record) in found.records {
            let PublicationRecord::Receipt(receipt) = record else { continue };
            let line = ReceiptLine { product_id: product.clone(), sequence, receipt };
            let mut text = serde_json_canonicalizer::to_vec(&line)?;
            text.push(b'\n');
            writer.write_all(&text).context("the receipts cannot be written")?;
            written.receipts += 1;
        }
        from = to + 1;
    }
    Ok(())
}
