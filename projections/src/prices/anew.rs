//! A version that was recorded anew, by another commit: what was folded of the commits that are gone is taken back, newest
//! first, until the history is one of the ledger again, whatever interrupts it in between. What a build folded that kept no
//! hash is taken for the ledger's: `ledger rebuild prices` puts it right.

use event_store::handled::{Fit, Link, recorded_anew};
use schema::ProductId;

use super::Prices;
use super::log::Newest;
use crate::projection::{News, Stuck};
use crate::views::{Generation, View};

/// The newest commit of the history cannot be taken back: others write it at the same time.
#[derive(Debug, thiserror::Error)]
#[error("others kept writing the price history of the product")]
struct Contended;

impl Newest {
    /// Whether the news show that what was folded is not what the ledger has.
    pub(super) fn is_contradicted_by(&self, news: &[Link<'_>]) -> bool {
        let Some(handled) = self.handled() else { return false };
        news.iter().any(|commit| handled.is_contradicted_by(*commit))
    }
}

/// What the news say of their places, in order.
pub(super) fn links(news: &News) -> Vec<Link<'_>> {
    news.commits.values().filter_map(Link::of).collect()
}

/// Whether not all of the news can be in the ledger.
pub(super) fn are_rivals(news: &[Link<'_>]) -> bool {
    news.windows(2).any(|pair| matches!(pair, [one, next] if one.is_rival_of(*next)))
}

impl Prices {
    pub(super) async fn newest(
        &self,
        generation: Generation,
        product: &ProductId,
    ) -> Result<Option<Newest>, Stuck> {
        let newest = self.log.newest(generation, product).await;
        newest.map_err(|error| Stuck::for_now(1, &error))
    }

    /// How far the history is that of the ledger. Where it is not, it is cut back to there; where the ledger only ends
    /// earlier it is left as it is: somebody may have to see what it shows.
    pub(super) async fn as_the_ledger(
        &self,
        generation: Generation,
        product: &ProductId,
    ) -> Result<u64, Stuck> {
        let mut newest = self.newest(generation, product).await?;
        let mut rival = None;
        while let Some(seen) = newest {
            let there = self.journal.newest(product, seen.last).await;
            let there = there.map_err(|error| Stuck::for_now(1, &error))?;
            let fit = match seen.handled() {
                Some(handled) => handled.fit(there.as_ref()),
                None => Fit::Same,
            };
            match fit {
                Fit::Shorter if rival.is_none() => return Ok(seen.last),
                Fit::Same => {
                    tell(product, rival.as_ref());
                    return Ok(seen.last);
                }
                Fit::Rival | Fit::Shorter => {}
            }
            let taken = self.log.take_back(generation, product, &seen).await;
            taken.map_err(|error| Stuck::for_now(1, &error))?;
            newest = self.newest(generation, product).await?;
            if newest.as_ref() == Some(&seen) {
                return Err(Stuck::for_now(seen.last, &Contended));
            }
            rival.get_or_insert(seen);
        }
        tell(product, rival.as_ref());
        Ok(0)
    }
}

fn tell(product: &ProductId, rival: Option<&Newest>) {
    if let Some(handled) = rival.and_then(Newest::handled) {
        recorded_anew("projector", View::Prices.name(), product, &handled);
    }
}
