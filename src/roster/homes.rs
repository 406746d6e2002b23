//! Where a resource lives: a file, batch or response exists only at the upstream that made it.
//!
//! Learnt from replies as they pass, and at start from the records. Bounded: the oldest are forgotten first.
//! **May import:** nothing of the crate.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many resources are remembered.
pub const MOST: usize = 100_000;

/// Resource id → upstream id.
#[derive(Default)]
pub struct Homes {
    any: AtomicBool,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    homes: HashMap<String, i64>,
    order: VecDeque<String>,
}

impl Homes {
    /// Starts with what the records tell, oldest first.
    pub fn new(known: impl IntoIterator<Item = (String, i64)>) -> Homes {
        let homes = Homes::default();
        for (resource, upstream_id) in known {
            homes.learn(&resource, upstream_id);
        }
        homes
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing is known: nobody need look for ids in requests.
    pub fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Relaxed)
    }

    /// A resource was made at an upstream.
    pub fn learn(&self, resource: &str, upstream_id: i64) {
        let mut book = self.book();
        if book.homes.insert(resource.to_owned(), upstream_id).is_none() {
            book.order.push_back(resource.to_owned());
        }
        if book.order.len() > MOST
            && let Some(oldest) = book.order.pop_front()
        {
            book.homes.remove(&oldest);
        }
        self.any.store(true, Ordering::Relaxed);
    }

    /// The upstream where the first known of these lives.
    pub fn find(&self, resources: &[String]) -> Option<i64> {
        if resources.is_empty() {
            return None;
        }
        let book = self.book();
        resources.iter().find_map(|resource| book.homes.get(resource).copied())
    }
}
