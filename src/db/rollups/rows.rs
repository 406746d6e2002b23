//! The rows of both tables: a key of their own, and the same figures.
//!
//! **Invariant:** a histogram that cannot be read counts as empty: no other number may suffer for it. **May import:** diesel, this room.

use diesel::prelude::{AsChangeset, Insertable, Queryable, Selectable};

use super::Figures;
use crate::db::schema::{rollups, rollups_by};

/// A table's row: its key, then the figures, which both tables have alike.
macro_rules! row {
    ($(#[$doc:meta])* $name:ident, $counts:ident, $table:ident, ($($key:ident: $kind:ty),+)) => {
        /// A row without its times, which are most of it.
        #[derive(Queryable, Selectable)]
        #[diesel(table_name = $table)]
        pub(super) struct $counts {
            $($key: $kind,)+
            requests: i64,
            errors: i64,
            streams: i64,
            tokens_in: i64,
            tokens_out: i64,
            tokens_cached: i64,
            tokens_reasoning: i64,
            unknown_tokens: i64,
            cost_nano: i64,
            unpriced: i64,
        }

        impl From<$counts> for $name {
            fn from(row: $counts) -> $name {
                let $counts { $($key,)+ requests, errors, streams, tokens_in, tokens_out, .. } = row;
                let $counts { tokens_cached, tokens_reasoning, unknown_tokens, cost_nano, unpriced, .. } = row;
                let [first_byte, first_content, total, speed] = Default::default();
                $name {
                    $($key,)+
                    requests, errors, streams, tokens_in, tokens_out, tokens_cached, tokens_reasoning, unknown_tokens,
                    cost_nano, unpriced, first_byte, first_content, total, speed,
                }
            }
        }

        $(#[$doc])*
        #[derive(Clone, Debug, Insertable, Queryable, Selectable, AsChangeset)]
        #[diesel(table_name = $table, primary_key($($key),+))]
        pub(super) struct $name {
            $(pub(super) $key: $kind,)+
            requests: i64,
            errors: i64,
            streams: i64,
            tokens_in: i64,
            tokens_out: i64,
            tokens_cached: i64,
            tokens_reasoning: i64,
            unknown_tokens: i64,
            cost_nano: i64,
            unpriced: i64,
            first_byte: Vec<u8>,
            first_content: Vec<u8>,
            total: Vec<u8>,
            speed: Vec<u8>,
        }

        impl $name {
            pub(super) fn new($($key: $kind,)+ figures: &Figures) -> $name {
                $name {
                    $($key,)+
                    requests: figures.requests,
                    errors: figures.errors,
                    streams: figures.streams,
                    tokens_in: figures.tokens_in,
                    tokens_out: figures.tokens_out,
                    tokens_cached: figures.tokens_cached,
                    tokens_reasoning: figures.tokens_reasoning,
                    unknown_tokens: figures.unknown_tokens,
                    cost_nano: figures.cost_nano,
                    unpriced: figures.unpriced,
                    first_byte: figures.first_byte.to_bytes(),
                    first_content: figures.first_content.to_bytes(),
                    total: figures.total.to_bytes(),
                    speed: figures.speed.to_bytes(),
                }
            }
        }

        impl $name {
            /// The row with more requests in it.
            pub(super) fn plus(mut self, figures: &Figures) -> $name {
                let sums = [
                    (&mut self.requests, figures.requests),
                    (&mut self.errors, figures.errors),
                    (&mut self.streams, figures.streams),
                    (&mut self.tokens_in, figures.tokens_in),
                    (&mut self.tokens_out, figures.tokens_out),
                    (&mut self.tokens_cached, figures.tokens_cached),
                    (&mut self.tokens_reasoning, figures.tokens_reasoning),
                    (&mut self.unknown_tokens, figures.unknown_tokens),
                    (&mut self.cost_nano, figures.cost_nano),
                    (&mut self.unpriced, figures.unpriced),
                ];
                sums.into_iter().for_each(|(sum, more)| *sum = sum.saturating_add(more));
                self.first_byte = figures.first_byte.added_to(&self.first_byte);
                self.first_content = figures.first_content.added_to(&self.first_content);
                self.total = figures.total.added_to(&self.total);
                self.speed = figures.speed.added_to(&self.speed);
                self
            }
        }

        impl $name {
            /// Adds its requests to a sum.
            pub(super) fn add_to(&self, sum: &mut Figures) {
                let counts = Figures {
                    requests: self.requests,
                    errors: self.errors,
                    streams: self.streams,
                    tokens_in: self.tokens_in,
                    tokens_out: self.tokens_out,
                    tokens_cached: self.tokens_cached,
                    tokens_reasoning: self.tokens_reasoning,
                    unknown_tokens: self.unknown_tokens,
                    cost_nano: self.cost_nano,
                    unpriced: self.unpriced,
                    ..Figures::default()
                };
                sum.add(&counts);
                sum.first_byte.merge_bytes(&self.first_byte);
                sum.first_content.merge_bytes(&self.first_content);
                sum.total.merge_bytes(&self.total);
                sum.speed.merge_bytes(&self.speed);
            }
        }
    };
}

row! {
    /// The requests of an upstream, a model and a key.
    Row, RowCounts, rollups, (span_s: i32, bucket_s: i64, upstream_id: i64, model: String, key_name: String)
}

row! {
    /// The requests of a status, or of a host.
    RowBy, RowByCounts, rollups_by, (span_s: i32, bucket_s: i64, kind: i32, name: String)
}
