//! Feed items in memory, for tests and simulations.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use ulid::Ulid;

use super::{Announcement, Announcements};
use crate::error::StoreError;

/// Announcements by id. They do not expire.
#[derive(Debug, Default)]
pub struct MemoryAnnouncements(Mutex<BTreeMap<Ulid, Announcement>>);

#[async_trait]
impl Announcements for MemoryAnnouncements {
    async fn announce(&self, announcement: &Announcement) -> Result<(), StoreError> {
        let mut items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        items.insert(announcement.id, announcement.clone());
        Ok(())
    }

    async fn page(&self, after: Option<Ulid>, limit: usize) -> Result<Vec<Announcement>, StoreError> {
        let items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let behind = items.range((after.map_or(Unbounded, Excluded), Unbounded));
        Ok(behind.take(limit).map(|(_, item)| item.clone()).collect())
    }
}
